//! What requests say outside of the body.

use super::{examples, schema::schema as document};
use crate::{routes::overview::MOST, wire::query::orders};
use causeway_records::{
    Kind,
    field::{Field, Table, columns},
    noun::{Info, Noun},
    nouns::{self, AuditEvent},
    scalar::Hints,
    schema,
    slot::Shape,
    status::Status,
    value::Type,
    watch::EventType,
};
use causeway_store::Order;
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
            "Before",
            query(
                "before",
                json!({"type": "integer", "format": "int64", "minimum": 0}),
                "Instead of `page`: only records with a smaller id than this, the newest first. 0 begins with the newest.",
            ),
        ),
        (
            "AfterTime",
            query(
                "aftertime",
                json!({"type": "string", "format": "date-time"}),
                "Beside `order` and `after`: the time of the last record that was seen, by which the list is ordered.",
            )
            .example(Some(json!(examples::TIME))),
        ),
        (
            "IfMatch",
            header(
                "If-Match",
                "The `ETag` of the answer that the change is based on: 412 when the record has changed since. Left out, or `*`: whatever is stored.",
            ),
        ),
        (
            "Plan",
            query(
                "plan",
                json!({"type": "boolean", "default": false}),
                "Write nothing, and answer what the write would do in clusters and in DNS.",
            ),
        ),
        (
            "IfPlan",
            header(
                "If-Plan",
                "The `Plan-Revision` of a plan: 412 when the write would do anything else than that has shown.",
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

/// A reference to a parameter among the components, which several operations have.
pub(super) fn reference(name: &str) -> RefOr<Parameter> {
    RefOr::Ref(Ref::new(format!("#/components/parameters/{name}")))
}

/// A query parameter of one operation.
pub(super) fn own(name: &str, schema: Value, doc: &str) -> RefOr<Parameter> {
    RefOr::T(parameter(ParameterIn::Query, name, schema).description(Some(doc)).build())
}

/// The record that a path names.
pub(super) fn id() -> RefOr<Parameter> {
    reference("ID")
}

/// The state that a change is based on.
pub(super) fn if_match() -> RefOr<Parameter> {
    reference("IfMatch")
}

/// Which events, from where on, and for how long.
pub(super) fn watch(max_wait: u64) -> Vec<RefOr<Parameter>> {
    let (text, id) = (json!({"type": "string"}), json!({"type": "integer", "format": "int64"}));
    let query = |name: &str, schema: &Value, doc: &str, example: Value| {
        let built = parameter(ParameterIn::Query, name, schema.clone()).description(Some(doc)).example(Some(example));
        RefOr::T(built.build())
    };
    let seconds = json!({"type": "integer", "format": "int64", "minimum": 0, "maximum": max_wait});
    let position = json!({"type": "string", "pattern": "^[0-9a-f]{8}-(0|[1-9][0-9]{0,17})$"});
    let kinds: Vec<_> =
        causeway_records::nouns::ALL.iter().flat_map(|info| [info.kind.as_str(), info.plural]).collect();
    let types: Vec<_> = EventType::ALL.iter().map(|one| one.as_str()).collect();
    let list = |of: &[&str]| json!({"type": "string", "pattern": format!("^({0})(,({0}))*$", of.join("|"))});
    let (seen, from) = (
        "Where the stream was that broke off: counts more than `since`. Browsers send it by themselves.",
        "Only events after this position. Left out: what comes from now on. A position of another epoch, one that is too old and one that never was are answered with an event `reset`, after which the client lists again.",
    );
    vec![
        query(
            "kinds",
            &list(&kinds),
            "Only about records of these kinds, with commas between them.",
            json!("gateway-instances,domain-name-instances"),
        ),
        query(
            "types",
            &list(&types),
            "Only events of these types, with commas between them.",
            json!("condition,deleted"),
        ),
        query(
            "runtime",
            &id,
            "Only about records that name this runtime instance, and about itself.",
            json!(examples::ID),
        ),
        query("name", &text, "Only about records of this name.", json!("shop")),
        query("id", &id, "Only about the record with this id.", json!(examples::ID)),
        query("since", &position, from, json!("9f04c1d2-1042")),
        query(
            "wait",
            &seconds,
            "How many seconds the stream goes on. 0: it ends when everything up to now is written. Left out: it doesn't end.",
            json!(0),
        ),
        RefOr::T(parameter(ParameterIn::Header, "Last-Event-ID", position).description(Some(seen)).build()),
    ]
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
    let pages = ["Page", "Size", "After", "Before"].map(reference);
    let others = filters(info).into_iter().chain(period(info)).chain(order(info));
    let by_time = orders(info).map(|_| reference("AfterTime"));
    pages.into_iter().chain(others.map(RefOr::T)).chain(by_time).collect()
}

/// Another order than that by id.
fn order(info: &Info) -> Option<Parameter> {
    let (name, order) = orders(info)?;
    let what = match order {
        Order::BlockingSince => {
            "`BlockingSince`: only records that something blocks, the longest first. It goes on with `after` and `aftertime`."
        }
        Order::NotAfter => {
            "`NotAfter`: those that end first come first, and before them those that were never issued. It goes on with `after` and `aftertime`."
        }
    };
    let schema = json!({"type": "string", "enum": ["ID", name], "default": "ID"});
    Some(parameter(ParameterIn::Query, "order", schema).description(Some(what)).build())
}

/// Parameters of a list of summaries: those for which a schema is given, and how many.
pub(super) fn overview(own: &[(&str, Value, &str)]) -> Vec<RefOr<Parameter>> {
    let kinds: Vec<_> = nouns::ALL.iter().map(|info| info.kind.as_str()).collect();
    let kind = ("kind", json!({"type": "string", "enum": kinds}), "Only records of this kind.");
    let built = own.iter().cloned().chain([kind]).map(|(name, schema, doc)| {
        let built = parameter(ParameterIn::Query, name, schema).description(Some(doc));
        RefOr::T(if name == "q" { built.example(Some(json!("shop"))) } else { built }.build())
    });
    built.chain(pages()).collect()
}

/// How many summaries, and after which.
pub(super) fn pages() -> Vec<RefOr<Parameter>> {
    let size = json!({"type": "integer", "format": "int64", "minimum": 1, "maximum": MOST, "default": 50});
    let size = parameter(ParameterIn::Query, "size", size).description(Some("Records of one answer."));
    vec![RefOr::T(size.build()), reference("After")]
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
