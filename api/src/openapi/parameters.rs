//! What requests say outside of the body.

use super::{examples, reference};
use causeway_records::{
    field::{Field, Info, Noun, Shape, Table, columns},
    nouns::AuditEvent,
    scalar::Hints,
    schema,
    status::Status,
    value::Type,
};
use serde_json::{Value, json};

/// Name of the request's id among the shared parameters.
pub(super) const REQUEST_ID: &str = "RequestID";
/// Filters that Threeport spells in another way than the field: kind, parameter, field.
const ALIASES: &[(&str, &str, &str)] = &[
    ("GatewayInstance", "workloadresourceinstanceid", "WorkloadInstanceID"),
    ("DomainNameInstance", "workloadresourceinstanceid", "WorkloadInstanceID"),
];

/// Parameters that many operations share.
pub(super) fn shared() -> Value {
    let integer = |more: Value| {
        let mut schema = json!({"type": "integer", "format": "int64"});
        schema
            .as_object_mut()
            .into_iter()
            .for_each(|schema| schema.extend(more.as_object().cloned().unwrap_or_default()));
        schema
    };
    json!({
        "ID": {
            "name": "id", "in": "path", "required": true, "description": "The record's id.",
            "schema": integer(json!({})), "example": examples::ID,
        },
        "Page": {
            "name": "page", "in": "query", "description": "Which page, from 1. -1 and 0 mean the first one.",
            "schema": integer(json!({"minimum": -1, "default": 1})),
        },
        "Size": {
            "name": "size", "in": "query", "description": "Records on a page. -1: all; 0: none, only the count.",
            "schema": integer(json!({"minimum": -1, "default": 50})),
        },
        "After": {
            "name": "after", "in": "query",
            "description": "Instead of `page`: only records with a larger id than this. Send the last id of a page to get the next one, which stays right while others write. 0 begins.",
            "schema": integer(json!({"minimum": 0})),
        },
        "IfMatch": {
            "name": "If-Match", "in": "header",
            "description": "The `ETag` of the answer that the change is based on: 412 when the record has changed since. Left out, or `*`: whatever is stored.",
            "schema": {"type": "string"},
        },
        REQUEST_ID: {
            "name": "x-request-id", "in": "header",
            "description": "An id that comes back in the answer and stands in the log and in audit events, at most 128 characters of it. Left out: the server makes one up.",
            "schema": {"type": "string"},
        },
    })
}

/// The record that a path names.
pub(super) fn id() -> Value {
    reference("parameters", "ID")
}

/// The state that a change is based on.
pub(super) fn if_match() -> Value {
    reference("parameters", "IfMatch")
}

/// Which page of which records.
pub(super) fn list(info: &Info) -> Vec<Value> {
    let pages = ["Page", "Size", "After"].map(|name| reference("parameters", name));
    pages.into_iter().chain(filters(info)).chain(period(info)).collect()
}

/// Audit events can be asked for by their time.
fn period(info: &Info) -> Vec<Value> {
    let bound = |name: &str, doc: &str| {
        json!({
            "name": name, "in": "query", "description": doc, "schema": {"type": "string", "format": "date-time"},
            "example": examples::TIME,
        })
    };
    if info.kind != AuditEvent::KIND {
        return vec![];
    }
    vec![bound("since", "Only events of this time and later ones."), bound("until", "Only events before this time.")]
}

/// One for each field that can be asked for.
pub(super) fn filters(info: &Info) -> Vec<Value> {
    let status: &[Field] = if info.reconciled { Status::FIELDS } else { &[] };
    let fields = || columns(info.fields).chain(status).filter(|field| field.filterable);
    let own = fields().map(|field| filter(&field.json.to_lowercase(), field));
    let aliases = ALIASES.iter().filter(|(kind, ..)| *kind == info.kind);
    let aliases =
        aliases.flat_map(|(_, name, json)| fields().filter(move |f| f.json == *json).map(|f| filter(name, f)));
    own.chain(aliases).collect()
}

fn filter(name: &str, field: &Field) -> Value {
    let Shape::Column { ty, hints, .. } = field.shape else { return Value::Null };
    // A filter may ask for what no record can have, but must be of the field's type.
    let format = hints.format.filter(|_| ty != Type::Text);
    let hints = Hints { format, schema: hints.schema, ..Hints::NONE };
    let what = format!("Only records whose `{}` is this.", field.json);
    json!({"name": name, "in": "query", "description": what, "schema": schema::of(ty, &hints)})
}
