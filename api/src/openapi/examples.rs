//! Examples of bodies and answers, from the values that fields declare and from their defaults. A test merges every body into a record, as a
//! request would.

use super::schema::all_nouns;
use causeway_records::{
    Kind,
    field::{Field, Fields, Table, entries},
    noun::Info,
    record::Common,
    slot::Shape,
    status::Status,
    value::Type,
};
use serde_json::{Map, Value, json};

/// Ids that a browser shows as they are: numbers of 64 bits with the last seven unset.
pub(super) const ID: i64 = 912_345_678_900_000_000;
const STEP: i64 = 128;
pub(super) const TIME: &str = "2026-01-31T12:00:00Z";
/// Stands for ciphertext.
const SEALED: &str = "bm9uY2UsIGNpcGhlcnRleHQgYW5kIHRhZw==";

/// The id of the example of a kind: records in examples name each other.
pub(super) fn id(kind: Kind) -> i64 {
    let place = all_nouns().position(|info| info.kind == kind).and_then(|place| i64::try_from(place).ok());
    ID + STEP * (1 + place.unwrap_or(0))
}

/// The value that a field declares.
pub(super) fn given(field: &Field) -> Option<Value> {
    let text = field.example?;
    match field.shape {
        Shape::Column { ty: Type::Text | Type::Time, .. } => Some(json!(text)),
        _ => serde_json::from_str(text).ok(),
    }
}

/// What a POST or PUT sets that doesn't name the field.
pub(super) fn defaults(info: &Info) -> Map<String, Value> {
    set(&*(info.new)())
}

/// Everything that isn't null.
fn set(fields: &dyn Fields) -> Map<String, Value> {
    let set = entries(fields).filter(|(_, slot)| !slot.is_null());
    set.filter_map(|(field, slot)| Some((field.json.to_owned(), serde_json::to_value(slot).ok()?))).collect()
}

/// The value of a field in an example.
fn value(field: &Field) -> Option<Value> {
    // The gateway instance of the examples is on the common gateway: another one would need a listener for each port that examples add to its definition.
    let named = field.parent.filter(|parent| field.required || parent.kind != Kind::SharedGateway);
    given(field).or_else(|| named.map(|parent| json!(id(parent.kind)))).or_else(|| {
        let Shape::Column { ty, hints, .. } = field.shape else { return None };
        field.required.then(|| match ty {
            Type::Bool => json!(false),
            Type::Int4 => json!(hints.minimum.unwrap_or(1)),
            Type::Int8 => json!(ID),
            Type::Text => json!(hints.choices.first().copied().unwrap_or_default()),
            Type::Time => json!(TIME),
            Type::Json => json!({}),
        })
    })
}

/// The body of a POST or PUT.
pub(crate) fn body(info: &Info) -> Map<String, Value> {
    let fields = info.fields.iter().filter(|field| !field.read_only);
    fields.filter_map(|field| Some((field.json.to_owned(), value(field)?))).collect()
}

/// The body of a PATCH: one field.
pub(crate) fn change(info: &Info) -> Map<String, Value> {
    let whole = body(info);
    let plain = |field: &Field| !field.immutable && !field.encrypted && !field.is_child() && field.parent.is_none();
    let may_change = |field: &&Field| plain(field) && whole.contains_key(field.json);
    let last = info.fields.iter().rfind(may_change);
    last.and_then(|field| Some((field.json.to_owned(), whole.get(field.json)?.clone()))).into_iter().collect()
}

/// A record as it is answered; `made`: to the POST that made it, with its children.
pub(super) fn record(info: &Info, made: bool) -> Value {
    stored(info, &body(info), made)
}

fn stored(info: &Info, sent: &Map<String, Value>, made: bool) -> Value {
    let (defaults, status) = (defaults(info), set(&Status::default()));
    let mut record = Map::from_iter([("ID".to_owned(), json!(id(info.kind)))]);
    let mut put = |field: &Field, value: Option<Value>| {
        if let Some(value) = value {
            record.insert(field.json.to_owned(), value);
        }
    };
    for field in Common::FIELDS.iter() {
        put(field, given(field));
    }
    for field in info.fields {
        let own = || sent.get(field.json).cloned();
        put(
            field,
            match field.shape {
                Shape::Children { kind } => own().filter(|_| made).map(|rows| children(info, kind, &rows)),
                Shape::Column { .. } if field.encrypted => own().map(|_| json!(SEALED)),
                Shape::Column { .. } if field.read_only => value(field).or_else(|| given(field)),
                Shape::Column { .. } => own().or_else(|| defaults.get(field.json).cloned()),
            },
        );
    }
    if info.reconciled {
        for field in Status::FIELDS {
            // What has just been made has no conditions yet.
            let seen = given(field).filter(|_| !made || field.json == "Generation");
            put(field, seen.or_else(|| status.get(field.json).cloned()));
        }
    }
    record.into()
}

fn children(parent: &Info, kind: Kind, rows: &Value) -> Value {
    let info = kind.info();
    let rows = rows.as_array().into_iter().flatten().zip(0..).map(|(row, n)| {
        let mut sent = row.as_object().cloned().unwrap_or_default();
        let way_back = info.fields.iter().find(|field| field.parent.is_some_and(|p| p.kind == parent.kind));
        sent.extend(way_back.map(|field| (field.json.to_owned(), json!(id(parent.kind)))));
        let mut child = stored(info, &sent, true);
        child["ID"] = json!(id(kind) + STEP * n);
        child
    });
    rows.collect()
}
