//! What records and bodies hold.

use super::{
    envelope, examples,
    schema::{all_nouns, schema_ref, text},
};
use crate::route::Route;
use axum::http::Method;
use causeway_records::{
    Kind,
    field::{Field, OnDelete, Table},
    noun::Info,
    nouns,
    record::Common,
    schema,
    slot::Shape,
    status::Status,
};
use serde_json::{Map, Value, json};

/// Whom a schema of a field is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A record as it is answered.
    Answer,
    /// A body that makes a record or sets all of it.
    Whole,
    /// A body that changes some fields.
    Part,
}

/// The schemas of all nouns, and of what surrounds them.
pub(super) fn all(routes: &[Route]) -> Map<String, Value> {
    let mut all = nouns::definitions();
    all.extend(envelope::schemas().map(|(name, schema)| (name.to_owned(), schema)));
    all.insert("VersionsOfKind".into(), versions());
    for info in all_nouns() {
        // A verb of a record takes no record.
        let takes = |route: &Route| plural_in(&route.path) == info.plural && !route.path.contains("{id}/");
        let has = |method: Method| routes.iter().any(|route| route.method == method && takes(route));
        all.insert(info.kind.to_string(), record(info));
        all.insert(format!("{}Response", info.kind), envelope::records(info.kind.as_str(), info.kind.as_str()));
        if has(Method::POST) {
            all.insert(format!("{}Spec", info.kind), body(info, Place::Whole, None));
        }
        if has(Method::PATCH) {
            all.insert(format!("{}Patch", info.kind), body(info, Place::Part, None));
        }
        for (parent, child) in children(info) {
            all.insert(child_name(child), body(child, Place::Whole, Some(parent)));
        }
    }
    all
}

fn plural_in(path: &str) -> &str {
    path.split('/').nth(2).unwrap_or_default()
}

/// The schema of a record as it is answered.
pub(super) fn record(info: &Info) -> Value {
    let status: &[Field] = if info.reconciled { Status::FIELDS } else { &[] };
    let fields = Common::FIELDS.iter().chain(info.fields).chain(status);
    let always = ["ID", "CreatedAt", "UpdatedAt"];
    let required: Vec<_> = fields.clone().filter(|f| f.required || always.contains(&f.json)).map(|f| f.json).collect();
    json!({"type": "object", "description": info.doc, "required": required, "properties": properties(fields, Place::Answer, &Map::new())})
}

/// What a client may send. `parent`: as part of the body of this kind, which its field need not name.
fn body(info: &Info, place: Place, parent: Option<Kind>) -> Value {
    let status: &[Field] = if info.reconciled && parent.is_none() { Status::FIELDS } else { &[] };
    let is_way_back = |field: &Field| parent.is_some() && field.parent.is_some_and(|p| Some(p.kind) == parent);
    let fields = info.fields.iter().chain(status).filter(|field| !field.read_only && !is_way_back(field));
    let mut schema = json!({
        "type": "object",
        "description": info.doc,
        "additionalProperties": false,
        "properties": properties(fields.clone(), place, &examples::defaults(info)),
    });
    if place == Place::Whole {
        schema["required"] = fields.filter(|field| field.required).map(|field| field.json).collect();
    } else {
        schema["minProperties"] = json!(1);
    }
    schema
}

fn properties<'a>(
    fields: impl Iterator<Item = &'a Field>,
    place: Place,
    defaults: &Map<String, Value>,
) -> Map<String, Value> {
    fields.map(|field| (field.json.to_owned(), property(field, place, defaults.get(field.json)))).collect()
}

fn property(field: &Field, place: Place, default: Option<&Value>) -> Value {
    let mut schema = match field.shape {
        Shape::Children { kind } => {
            let item = if place == Place::Answer { kind.to_string() } else { child_kind(kind) };
            Map::from_iter([("type".into(), json!("array")), ("items".into(), schema_ref(&item))])
        }
        Shape::Column { ty, hints, .. } => schema::of(ty, &hints),
    };
    if place != Place::Answer && (place == Place::Part || !field.required) {
        schema = nullable(schema);
    }
    let choices = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    schema.insert("description".into(), format!("{} {choices}", doc(field, place)).trim_end().into());
    if place == Place::Whole
        && !field.required
        && let Some(default) = default
    {
        schema.insert("default".into(), default.clone());
    }
    if place == Place::Answer && (field.read_only || Common::FIELDS.iter().any(|common| common.json == field.json)) {
        schema.insert("readOnly".into(), true.into());
    }
    if let Some(example) = examples::given(field).filter(|_| !field.is_child()) {
        schema.insert("examples".into(), json!([example]));
    }
    schema.into()
}

/// Null counts as left out.
fn nullable(mut schema: Map<String, Value>) -> Map<String, Value> {
    if schema.contains_key("$ref") {
        return Map::from_iter([("anyOf".into(), json!([schema, {"type": "null"}]))]);
    }
    if let Some(word) = schema.get("type").cloned() {
        schema.insert("type".into(), json!([word, "null"]));
    }
    if let Some(choices) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        choices.push(Value::Null);
    }
    schema
}

/// Meaning, and what attributes of the field say.
fn doc(field: &Field, place: Place) -> String {
    let mut doc = field.doc.to_owned();
    if let Some(parent) = field.parent {
        let fate = match parent.on_delete {
            OnDelete::Blocks => "which can't be deleted before",
            OnDelete::Takes => "which takes this one along when it is deleted",
        };
        doc += &format!(" Id of a {}, {fate}.", parent.kind);
    }
    if field.immutable && place != Place::Answer {
        doc += " Stays as it was made.";
    }
    doc
}

/// The nouns that can be made along with others, with the kind of their parent.
fn children(info: &'static Info) -> impl Iterator<Item = (Kind, &'static Info)> {
    let kinds = info.fields.iter().filter_map(|field| match field.shape {
        Shape::Children { kind } => Some(kind),
        Shape::Column { .. } => None,
    });
    kinds.map(Kind::info).map(|child| (info.kind, child))
}

fn child_name(info: &Info) -> String {
    child_kind(info.kind)
}

/// A child within the body of its parent.
fn child_kind(kind: Kind) -> String {
    format!("{kind}Part")
}

fn versions() -> Value {
    json!({
        "type": "object",
        "required": ["API", "Versions"],
        "properties": {
            "API": text("The kind of record."),
            "Versions": {"type": "array", "items": {"type": "string"}, "description": "Versions of the API that have it."},
        },
    })
}
