//! What requests say outside of the body.

use super::{examples, schema::schema as document};
use causeway_records::{
    Kind,
    field::{Field, Table, columns},
    noun::{Info, Noun},
    nouns::AuditEvent,
    scalar::Hints,
    schema,
    slot::Shape,
    status::Status,
    value::Type,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::openapi::{
    Ref, RefOr, Required,
    path::{Parameter, ParameterBuilder, ParameterIn},
};

/// Name of the request's id among the shared parameters.
pub(super) const REQUEST_ID: &str = "RequestID";
/// Filters that Threeport spells in another way than the field: kind, parameter, field.
const ALIASES: &[(Kind, &str, &str)] = &[
    (Kind::GatewayInstance, "workloadresourceinstanceid", "WorkloadInstanceID"),
    (Kind::DomainNameInstance, "workloadresourceinstanceid", "WorkloadInstanceID"),
];

/// Parameters that many operations share.
pub(super) fn shared() -> BTreeMap<String, RefOr<Parameter>> {
    let id = json!({"type": "integer", "format": "int64"});
    let number = |minimum: i64, default: i64| json!({"type": "integer", "format": "int64", "minimum": minimum, "default": default});
    let text = json!({"type": "string"});
    let query =
        |name: &str, schema: Value, doc: &str| parameter(ParameterIn::Query, name, schema).description(Some(doc));
    let header = |name: &str, doc: &str| parameter(ParameterIn::Header, name, text.clone()).description(Some(doc));
    let all = [
        (
            "ID",
            parameter(ParameterIn::Path, "id", id)
                .description(Some("The record's id."))
                .example(Some(json!(examples::ID))),
        ),
        ("Page", query("page", number(-1, 1), "Which page, from 1. -1 and 0 mean the first one.")),
        ("Size", query("size", number(-1, 50), "Records on a page. -1: all; 0: none, only the count.")),
        (
            "After",
            query(
                "after",
                json!({"type": "integer", "format": "int64", "minimum": 0}),
                "Instead of `page`: only records with a larger id than this. Send the last id of a page to get the next one, which stays right while others write. 0 begins.",
            ),
        ),
        (
            "IfMatch",
            header(
                "If-Match",
                "The `ETag` of the answer that the change is based on: 412 when the record has changed since. Left out, or `*`: whatever is stored.",
            ),
        ),
        (
            REQUEST_ID,
            header(
                "x-request-id",
                "An id that comes back in the answer and stands in the log and in audit events, at most 128 characters of it. Left out: the server makes one up.",
            ),
        ),
    ];
    all.map(|(name, parameter)| (name.to_owned(), RefOr::T(parameter.build()))).into()
}

/// A parameter that may be left out, unless it is part of the path.
fn parameter(place: ParameterIn, name: &str, schema: Value) -> ParameterBuilder {
    // Of a path's parameter the builder knows better.
    ParameterBuilder::new().name(name).parameter_in(place).required(Required::False).schema(Some(document(schema)))
}

/// One that is shared.
pub(super) fn reference(name: &str) -> RefOr<Parameter> {
    RefOr::Ref(Ref::new(format!("#/components/parameters/{name}")))
}

/// The record that a path names.
pub(super) fn id() -> RefOr<Parameter> {
    reference("ID")
}

/// The state that a change is based on.
pub(super) fn if_match() -> RefOr<Parameter> {
    reference("IfMatch")
}

/// The record that events are about.
pub(super) fn object() -> Parameter {
    let schema = json!({"type": "integer", "format": "int64"});
    let what = "Id of the record that the events are about.";
    let object = parameter(ParameterIn::Query, "objectid", schema).description(Some(what));
    object.required(Required::True).example(Some(json!(examples::ID))).build()
}

/// Which page of which records.
pub(super) fn list(info: &Info) -> Vec<RefOr<Parameter>> {
    let pages = ["Page", "Size", "After"].map(reference);
    pages.into_iter().chain(filters(info).into_iter().chain(period(info)).map(RefOr::T)).collect()
}

/// Audit events can be asked for by their time.
fn period(info: &Info) -> Vec<Parameter> {
    let bound = |name: &str, doc: &str| {
        let schema = json!({"type": "string", "format": "date-time"});
        let bound = parameter(ParameterIn::Query, name, schema).description(Some(doc));
        bound.example(Some(json!(examples::TIME))).build()
    };
    if info.kind != AuditEvent::KIND {
        return vec![];
    }
    vec![bound("since", "Only events of this time and later ones."), bound("until", "Only events before this time.")]
}

/// One for each field that can be asked for.
pub(super) fn filters(info: &Info) -> Vec<Parameter> {
    let status: &[Field] = if info.reconciled { Status::FIELDS } else { &[] };
    let fields = || columns(info.fields).chain(status).filter(|field| field.filterable);
    let own = fields().filter_map(|field| filter(&field.json.to_lowercase(), field));
    let aliases = ALIASES.iter().filter(|(kind, ..)| *kind == info.kind);
    let aliases =
        aliases.flat_map(|(_, name, json)| fields().filter(move |f| f.json == *json).filter_map(|f| filter(name, f)));
    own.chain(aliases).collect()
}

/// None: the field is no column, and nothing to ask for.
fn filter(name: &str, field: &Field) -> Option<Parameter> {
    let Shape::Column { ty, hints, .. } = field.shape else { return None };
    // A filter may ask for what no record can have, but must be of the field's type.
    let format = hints.format.filter(|_| ty != Type::Text);
    let hints = Hints { format, schema: hints.schema, ..Hints::NONE };
    let what = format!("Only records whose `{}` is this.", field.json);
    let holds = schema::of(ty, &hints).into();
    Some(parameter(ParameterIn::Query, name, holds).description(Some(what)).build())
}
