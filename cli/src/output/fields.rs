//! What there is to say about a kind's fields, from the nouns: for `explain`.

use causeway_records::{Kind, field::Field, slot::Shape, value::Type};
use serde_json::{Value, json};

use crate::{documents::keys::is_ignored, kinds};

/// Reported, remarked by clients, or of no use here.
pub(crate) fn is_read(field: &Field) -> bool {
    field.read_only
        || field.doc.starts_with("Not used")
        || (is_ignored(field.json) && field.json != "InterruptReconciliation")
}

/// What holds for a field, each with a word for it.
pub(crate) fn facts(field: &Field) -> Vec<(&'static str, String)> {
    let mut facts = vec![];
    let mut say = |holds: bool, key: &'static str, value: &str| {
        if holds {
            facts.push((key, value.to_owned()));
        }
    };
    say(field.required, "required", "in every document, and in POST and PUT");
    say(field.read_only, "read only", "set by the system");
    say(field.immutable, "unchangeable", "stays as the record was made");
    say(field.encrypted, "secret", "stored encrypted, and never shown in plain text");
    if let Some(parent) = field.parent {
        say(true, "names", &format!("{}, in a document as `{}: {{Name: …}}`", parent.kind, kinds::reference(field)));
    }
    if let Shape::Column { hints, .. } = field.shape {
        let pairs = hints.choices.iter().zip(hints.meanings.iter().map(Some).chain(std::iter::repeat(None)));
        let choices: Vec<_> = pairs
            .map(|(choice, meaning)| {
                meaning.map_or((*choice).to_owned(), |meaning| format!("{choice}: {}", meaning.trim_end_matches('.')))
            })
            .collect();
        say(!choices.is_empty(), "one of", &choices.join("; "));
        say(hints.minimum.is_some(), "at least", &hints.minimum.unwrap_or_default().to_string());
        say(hints.maximum.is_some(), "at most", &hints.maximum.unwrap_or_default().to_string());
        say(hints.max_length.is_some(), "longest", &format!("{} characters", hints.max_length.unwrap_or_default()));
        say(hints.pattern.is_some(), "looks like", hints.pattern.unwrap_or_default());
    }
    say(field.example.is_some_and(|example| !example.contains('\n')), "example", field.example.unwrap_or_default());
    say(field.filterable, "filter", &format!("causeway get … -f {}=VALUE", field.json));
    facts
}

/// What a value of it is.
pub(crate) fn type_of(field: &Field) -> String {
    match (field.shape, field.parent) {
        (Shape::Children { kind }, _) => format!("list of {kind}"),
        (_, Some(parent)) => format!("name of a {}", parent.kind),
        (Shape::Column { ty, .. }, None) => match ty {
            Type::Bool => "true or false",
            Type::Int4 | Type::Int8 => "number",
            Type::Text => "text",
            Type::Time => "time",
            Type::Json => "object or list",
        }
        .to_owned(),
    }
}

/// A field for programs.
pub(crate) fn field_data(field: &Field) -> Value {
    let facts = facts(field).into_iter().map(|(key, value)| (key.to_owned(), json!(value)));
    json!({
        "Field": field.json, "Type": type_of(field), "Doc": field.doc, "Required": field.required, "ReadOnly": field.read_only,
        "Immutable": field.immutable, "Secret": field.encrypted, "Facts": facts.collect::<serde_json::Map<_, _>>(),
    })
}

/// A kind for programs.
pub(crate) fn kind_data(kind: Kind, fields: &[&Field]) -> Value {
    let info = kind.info();
    json!({
        "Kind": kind, "Plural": info.plural, "Doc": info.doc, "Reconciled": info.reconciled,
        "Fields": fields.iter().map(|field| field_data(field)).collect::<Vec<_>>(),
    })
}
