//! One record that a document asks for.

use causeway_records::{Kind, field::Field};
use serde_json::{Map, Value, json};
use std::{fs, path::Path};

use super::{
    keys::{Meaning, known, meaning},
    kubeconfig,
    source::Place,
};
use crate::{
    api::Fields,
    failure::{Failure, Outcome},
};

/// A record as it is to be, with other records by their names.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    /// Fields by their names on the wire.
    pub(crate) fields: Fields,
    pub(crate) references: Vec<Reference>,
    /// Whether the work on it is to be paused; None: as it is.
    pub(crate) interrupt: Option<bool>,
    pub(crate) place: Place,
}

/// A field that names records.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reference {
    pub(crate) field: &'static str,
    pub(crate) kind: Kind,
    pub(crate) names: Vec<String>,
    /// The field is a list.
    pub(crate) many: bool,
}

impl Wanted {
    /// Reads the fields of one kind. Paths begin at `folder`.
    pub(crate) fn read(kind: Kind, body: Map<String, Value>, place: &Place, folder: &Path) -> Outcome<Self> {
        let mut wanted = Self {
            kind,
            name: String::new(),
            fields: Map::new(),
            references: vec![],
            interrupt: None,
            place: place.clone(),
        };
        let mut cluster = (None, None);
        for (key, value) in body {
            let told = |failure: Failure| failure.at(format!("{kind}, {key}"));
            match meaning(kind.info(), &key) {
                None => return Err(unknown(kind, &key)),
                Some(Meaning::Ignored) => {}
                // As in a request, null is nothing.
                Some(_) if value.is_null() => {}
                Some(Meaning::Interrupt) => wanted.interrupt = Some(flag(&value).map_err(told)?),
                Some(Meaning::Reference(field, parent)) => {
                    let names = vec![name_of(&value).map_err(told)?];
                    wanted.references.push(Reference { field: field.json, kind: parent, names, many: false });
                }
                Some(Meaning::References(field, parent)) => {
                    let items = value.as_array().ok_or_else(|| told(Failure::usage("must be a list of names")))?;
                    let names = items.iter().map(name_of).collect::<Outcome<_>>().map_err(told)?;
                    wanted.references.push(Reference { field: field.json, kind: parent, names, many: true });
                }
                Some(Meaning::Kubeconfig) => {
                    let text = value.as_str().ok_or_else(|| told(Failure::usage("must be a text")))?.to_owned();
                    if key.eq_ignore_ascii_case("Kubeconfig") { cluster.0 = Some(text) } else { cluster.1 = Some(text) }
                }
                Some(Meaning::Field(field)) => {
                    wanted.fields.insert(field.json.to_owned(), of_field(field, value, folder).map_err(told)?);
                }
            }
        }
        if let (Some(path), context) = cluster {
            let found = kubeconfig::read(&folder.join(path), context.as_deref())?;
            for (field, value) in found {
                wanted.fields.entry(field).or_insert(value);
            }
        }
        wanted.name = wanted.fields.get("Name").and_then(Value::as_str).unwrap_or_default().to_owned();
        if wanted.name.is_empty() {
            return Err(Failure::usage(format!("{kind} has no Name; give it one, by which it is found again")));
        }
        Ok(wanted)
    }

    /// Names another record, unless the document did.
    pub(crate) fn refer(&mut self, field: &'static str, kind: Kind, name: &str) {
        if !self.names(field) {
            self.references.push(Reference { field, kind, names: vec![name.to_owned()], many: false });
        }
    }

    /// Whether the document says something about a field.
    pub(crate) fn names(&self, field: &str) -> bool {
        self.fields.contains_key(field) || self.references.iter().any(|reference| reference.field == field)
    }

    /// The name that a field refers to.
    pub(crate) fn referred(&self, field: &str) -> Option<&str> {
        let reference = self.references.iter().find(|reference| reference.field == field)?;
        reference.names.first().map(String::as_str)
    }
}

fn unknown(kind: Kind, key: &str) -> Failure {
    let known = known(kind.info());
    let sentence = format!("{kind} has no field {}; it has {}", key.escape_debug(), known.join(", "));
    Failure { reason: "UnknownField".into(), ..Failure::usage(sentence) }
        .next(format!("causeway explain {}", kind.label()))
}

fn flag(value: &Value) -> Outcome<bool> {
    value.as_bool().ok_or_else(|| Failure::usage("must be true or false"))
}

/// `{Name: shop, …}` or `shop`. Only the name of a reference counts, as with `tptctl`.
fn name_of(value: &Value) -> Outcome<String> {
    let name = match value {
        Value::String(name) => Some(name.as_str()),
        Value::Object(fields) => fields.get("Name").and_then(Value::as_str),
        _ => None,
    };
    let name = name.filter(|name| !name.is_empty());
    name.map(str::to_owned).ok_or_else(|| Failure::usage("must name a record, as `{Name: shop}`"))
}

fn of_field(field: &Field, value: Value, folder: &Path) -> Outcome<Value> {
    match (field.json, value) {
        ("YAMLDocument", Value::String(text)) if is_path(&text) => {
            let path = folder.join(&text);
            let read = fs::read_to_string(&path);
            read.map(Value::String)
                .map_err(|error| Failure::usage(format!("{} can't be read: {error}", path.display())))
        }
        // Ids are texts in what `causeway get -o yaml` prints.
        (name, Value::String(text))
            if name.ends_with("ID") && field.column_type() == Some(causeway_records::value::Type::Int8) =>
        {
            text.parse::<i64>()
                .map(|id| json!(id))
                .map_err(|_| Failure::usage(format!("`{}` is no id", text.escape_debug())))
        }
        (name, Value::Array(ids)) if name.ends_with("IDs") => {
            let id =
                |id: Value| id.as_str().and_then(|text| text.parse::<i64>().ok()).map_or(id.clone(), |id| json!(id));
            Ok(Value::Array(ids.into_iter().map(id).collect()))
        }
        (_, value) => Ok(value),
    }
}

/// Manifests have several lines, or are JSON; anything else names a file.
fn is_path(text: &str) -> bool {
    !text.contains('\n') && !text.trim_start().starts_with('{')
}
