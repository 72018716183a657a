//! Structure: types, limits, patterns, fields that don't exist, and entries of lists that have the same key.

use super::{Fault, schema::Compiled};
use jsonschema::{ValidationError, error::ValidationErrorKind as Kind};
use serde_json::Value;
use std::collections::HashSet;

/// How many faults are told.
const MOST: usize = 32;

pub(crate) fn check(compiled: &Compiled, rules: &Value) -> Vec<Fault> {
    let errors = compiled.structure.iter_errors(rules);
    let mut faults: Vec<_> = errors.take(MOST).flat_map(|error| faults(&error)).collect();
    if faults.is_empty() {
        // With the defaults, because the server compares what it stores.
        repeated(&compiled.schema, &compiled.with_defaults(rules), "", &mut faults);
    }
    faults.truncate(MOST);
    faults
}

fn faults(error: &ValidationError<'_>) -> Vec<Fault> {
    let path = dotted(error.instance_path().as_str());
    let inside = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match error.kind() {
        Kind::AdditionalProperties { unexpected } => unexpected
            .iter()
            .take(MOST)
            .map(|key| Fault { path: inside(key), problem: "Gateway API has no such field here; leave it out".into() })
            .collect(),
        Kind::Required { property } => {
            let key = property.as_str().unwrap_or_default();
            vec![Fault { path: inside(key), problem: "is required; send a value".into() }]
        }
        kind => vec![Fault { path, problem: sentence(kind, error) }],
    }
}

fn sentence(kind: &Kind, error: &ValidationError<'_>) -> String {
    match kind {
        Kind::Enum { options } => {
            let words = options.as_array().into_iter().flatten().map(|word| word.as_str().unwrap_or("a number"));
            match options.as_array().is_some_and(|all| all.iter().all(Value::is_string)) {
                true => format!("must be one of {}", words.collect::<Vec<_>>().join(", ")),
                false => format!("must be one of {options}"),
            }
        }
        Kind::MaxItems { limit } => format!("holds more than {limit} entries; make several routes or rules"),
        Kind::MinItems { limit } => format!("holds less than {limit} entries"),
        Kind::MaxLength { limit } => format!("is longer than {limit} characters"),
        Kind::MinLength { limit } => format!("is shorter than {limit} characters"),
        Kind::Maximum { limit } => format!("is more than {limit}"),
        Kind::Minimum { limit } => format!("is less than {limit}"),
        Kind::Pattern { pattern } => format!("doesn't match the pattern {pattern}"),
        Kind::UniqueItems => "holds an entry twice; leave one out".into(),
        _ => error.masked_with("the value").to_string(),
    }
}

/// A JSON pointer into rules as people write it: `/2/matches/0/path` is `[2].matches[0].path`.
pub fn dotted(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            path += &format!("[{part}]");
        } else {
            let dot = if path.is_empty() { "" } else { "." };
            path += &format!("{dot}{}", part.replace("~1", "/").replace("~0", "~"));
        }
    }
    path
}

/// The fields of objects that the schema doesn't have.
pub(crate) fn unknown(schema: &Value, value: &Value, pointer: String, found: &mut Vec<String>) {
    match (value, schema["properties"].as_object()) {
        (Value::Object(members), Some(properties)) => {
            for (key, member) in members {
                let pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                match properties.get(key) {
                    Some(schema) => unknown(schema, member, pointer, found),
                    None => found.push(pointer),
                }
            }
        }
        (Value::Array(items), _) => {
            for (index, item) in items.iter().enumerate() {
                unknown(&schema["items"], item, format!("{pointer}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// Lists whose entries have keys (`x-kubernetes-list-type: map`) hold each key once.
fn repeated(schema: &Value, value: &Value, path: &str, faults: &mut Vec<Fault>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                repeated(&schema["properties"][key], member, &path, faults);
            }
        }
        Value::Array(items) => {
            let keys: Vec<&str> = schema["x-kubernetes-list-map-keys"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let mut known = HashSet::new();
            for (index, item) in items.iter().enumerate() {
                let identity: Vec<String> = keys.iter().map(|key| item[key].to_string()).collect();
                if !keys.is_empty() && !known.insert(identity) {
                    let problem = format!("has the same {} as an entry before it; leave one out", keys.join(" and "));
                    faults.push(Fault { path: format!("{path}[{index}]"), problem });
                }
                repeated(&schema["items"], item, &format!("{path}[{index}]"), faults);
            }
        }
        _ => {}
    }
}
