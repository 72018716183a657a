//! In which fields two manifests differ.

use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FieldChange {
    /// Where it is: `spec.rules[0].matches[0].path.value`, `spec.listeners[name=http-80].port`, `metadata.labels["example.org/team"]`.
    pub path: String,
    /// Its value before; left out: it wasn't there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// Its value afterwards; left out: it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
}

/// Paths of one object's fields together, in bytes. Beyond that whole parts of it are told: a key may be long, and hold much.
const MOST_OF_PATHS: usize = 64 << 10;
/// Below a field with a longer path nothing is told apart, in bytes.
const LONGEST_PATH: usize = 300;
/// Items with longer names are told by their places, in bytes.
const LONGEST_NAME: usize = 253;

/// What was found so far.
#[derive(Default)]
struct Found {
    changes: Vec<FieldChange>,
    /// The length of their paths.
    paths: usize,
}

/// The fields in which `after` differs from `before`, in the order of both; none if they are the same. They take no more than some times the memory of both.
pub(super) fn changes(before: &Value, after: &Value) -> Vec<FieldChange> {
    let mut found = Found::default();
    compare("", Some(before), Some(after), &mut found);
    if found.paths <= MOST_OF_PATHS {
        return found.changes;
    }
    let (Value::Object(old), Value::Object(new)) = (before, after) else { return found.changes };
    let differ = keys(old, new).into_iter().filter(|key| old.get(*key) != new.get(*key));
    let whole =
        |key: &String| FieldChange { path: member("", key), old: old.get(key).cloned(), new: new.get(key).cloned() };
    differ.map(whole).collect()
}

fn compare(path: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Found) {
    let may_be_told_apart = path.len() <= LONGEST_PATH;
    match (before, after) {
        (before, after) if before == after || found.paths > MOST_OF_PATHS => {}
        (Some(Value::Object(old)), Some(Value::Object(new))) if may_be_told_apart => objects(path, old, new, found),
        (Some(Value::Array(old)), Some(Value::Array(new))) if may_be_told_apart => lists(path, old, new, found),
        (old, new) => {
            found.paths += path.len();
            found.changes.push(FieldChange { path: path.to_owned(), old: old.cloned(), new: new.cloned() });
        }
    }
}

fn objects(path: &str, old: &Map<String, Value>, new: &Map<String, Value>, found: &mut Found) {
    for key in keys(old, new) {
        compare(&member(path, key), old.get(key), new.get(key), found);
    }
}

/// The keys of both.
fn keys<'a>(old: &'a Map<String, Value>, new: &'a Map<String, Value>) -> Vec<&'a String> {
    let added = new.keys().filter(|key| !old.contains_key(*key));
    let mut keys: Vec<_> = old.keys().chain(added).collect();
    keys.sort();
    keys
}

fn member(path: &str, key: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match key.chars().all(is_plain) && !key.is_empty() {
        true if path.is_empty() => key.to_owned(),
        true => format!("{path}.{key}"),
        false => format!("{path}[{}]", Value::from(key)),
    }
}

/// Items that have names are compared by them: what is added at the front of a list is no change of all that comes after it.
fn lists(path: &str, old: &[Value], new: &[Value], found: &mut Found) {
    let (Some(before), Some(after)) = (places(old), places(new)) else { return by_place(path, old, new, found) };
    let kept_old = old.iter().filter_map(name).filter(|name| after.contains_key(name));
    let kept_new = new.iter().filter_map(name).filter(|name| before.contains_key(name));
    if !kept_old.eq(kept_new) {
        return by_place(path, old, new, found);
    }
    let added = new.iter().filter_map(name).filter(|name| !before.contains_key(name));
    for name in old.iter().filter_map(name).chain(added) {
        let (old, new) = (before.get(name).map(|at| &old[*at]), after.get(name).map(|at| &new[*at]));
        compare(&format!("{path}[name={name}]"), old, new, found);
    }
}

fn by_place(path: &str, old: &[Value], new: &[Value], found: &mut Found) {
    for at in 0..old.len().max(new.len()) {
        compare(&format!("{path}[{at}]"), old.get(at), new.get(at), found);
    }
}

fn name(item: &Value) -> Option<&str> {
    item["name"].as_str()
}

/// Where the item of each name is, if each has one of its own that can be told.
fn places(items: &[Value]) -> Option<HashMap<&str, usize>> {
    let mut places = HashMap::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        let name = name(item).filter(|name| name.len() <= LONGEST_NAME && !name.contains([']', '[']))?;
        if places.insert(name, at).is_some() {
            return None;
        }
    }
    Some(places)
}

#[cfg(test)]
mod tests;
