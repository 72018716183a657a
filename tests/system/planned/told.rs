//! What a plan tells, in the form in which it is compared with what was sent.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::sent::{At, Sent};

/// Values by hostname and type.
pub(super) type Records = BTreeMap<(String, String), Vec<String>>;

/// The objects and the records of a plan.
#[derive(Debug)]
pub(super) struct Effect {
    objects: BTreeMap<At, Value>,
    records: Vec<Value>,
}

pub(super) fn effect(plan: &Value) -> Effect {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let objects = list(&plan["Clusters"]).iter().flat_map(|cluster| list(&cluster["Objects"]));
    let at = |one: &Value| At::new(&text(&one["Kind"]), &text(&one["Namespace"]), &text(&one["Name"]));
    Effect { objects: objects.map(|one| (at(one), one.clone())).collect(), records: list(&plan["DNSRecords"]).to_vec() }
}

impl Effect {
    /// Every object that was sent is one of the plan, and the other way round; and each as the plan has it.
    pub(super) fn is_what_was_sent(
        &self,
        sent: &[Sent],
        before: &BTreeMap<At, Option<Value>>,
        last_id: i64,
    ) -> Result<(), String> {
        let found: BTreeMap<_, _> = sent.iter().map(|one| (told_at(&one.at, last_id), one)).collect();
        let change = |one: &Sent| match (before.contains_key(&one.at), one.goes) {
            (_, true) => "Removed",
            (false, _) => "Added",
            (true, _) => "Changed",
        };
        let sent: Vec<_> = found.iter().map(|(at, one)| (at, change(one))).collect();
        let shown: Vec<_> =
            self.objects.iter().map(|(at, one)| (at, one["Change"].as_str().unwrap_or_default())).collect();
        if sent != shown {
            return Err(format!("the plan has shown {shown:#?}, and this was sent: {sent:#?}"));
        }
        for (at, one) in found {
            let shown = &self.objects[&at];
            let Some(manifest) = one.manifest.as_ref().map(|manifest| in_order(&told(manifest, last_id))) else {
                continue;
            };
            let expected = match before.get(&one.at) {
                None => in_order(&shown["Manifest"]),
                Some(Some(before)) => in_order(&changed(told(before, last_id), list(&shown["Fields"]))),
                Some(None) => continue,
            };
            if expected != manifest {
                return Err(format!("{at:?}: by the plan {expected:#}, and this was sent: {manifest:#}"));
            }
        }
        Ok(())
    }

    /// What the zone holds afterwards.
    pub(super) fn records_after(&self, before: &Records) -> Records {
        let mut records = before.clone();
        for one in &self.records {
            let word = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
            let key = (word("Hostname"), word("Type"));
            assert!(!key.1.is_empty(), "the Gateway has an address: {one:#}");
            let values = |side: &str| {
                let mut values: Vec<_> =
                    list(&one[side]).iter().map(|value| value.as_str().unwrap().to_owned()).collect();
                values.sort();
                values
            };
            assert_eq!(
                records.get(&key).cloned().unwrap_or_default(),
                values("Old"),
                "what is published already: {one:#}"
            );
            match word("Change").as_str() {
                "Removed" => drop(records.remove(&key)),
                _ => drop(records.insert(key, values("New"))),
            }
        }
        records
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A text with `{id}` for ids that were given out afterwards.
fn told_text(text: &str, last_id: i64) -> String {
    let is_new = |word: &str| word.len() == 18 && word.parse::<i64>().is_ok_and(|id| id > last_id);
    let (mut told, mut word) = (String::new(), String::new());
    for c in text.chars().chain(['\0']) {
        if c.is_ascii_digit() {
            word.push(c);
            continue;
        }
        told.push_str(if is_new(&word) { "{id}" } else { &word });
        word.clear();
        told.push(c);
    }
    told.pop();
    told
}

fn told_at(at: &At, last_id: i64) -> At {
    let told = |text: &str| told_text(text, last_id);
    At { resource: at.resource.clone(), namespace: told(&at.namespace), name: told(&at.name) }
}

fn told(value: &Value, last_id: i64) -> Value {
    match value {
        Value::String(text) => told_text(text, last_id).into(),
        Value::Array(items) => items.iter().map(|item| told(item, last_id)).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), told(value, last_id))).collect(),
        other => other.clone(),
    }
}

/// Lists of named items, whose order a plan doesn't tell, in one order.
fn in_order(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<_> = items.iter().map(in_order).collect();
            if items.iter().all(|item| item["name"].is_string()) {
                items.sort_by_key(|item| item["name"].to_string());
            }
            items.into()
        }
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), in_order(value))).collect(),
        other => other.clone(),
    }
}

/// A manifest with the fields of a plan, each of which was what the plan says.
fn changed(mut manifest: Value, fields: &[Value]) -> Value {
    // What is taken out of a list comes last first, so that the places of the others stay.
    let (gone, kept): (Vec<_>, Vec<_>) = fields.iter().partition(|field| field.get("New").is_none());
    for field in kept.into_iter().chain(gone.into_iter().rev()) {
        let path = field["Path"].as_str().unwrap();
        set(&mut manifest, path, field).unwrap_or_else(|| panic!("{path} is in {manifest:#}"));
    }
    manifest
}

fn set(value: &mut Value, path: &str, field: &Value) -> Option<()> {
    let (step, rest) = first_step(path);
    if let Some(key) = step.strip_prefix('.') {
        let map = value.as_object_mut()?;
        if !rest.is_empty() {
            return set(map.get_mut(key)?, rest, field);
        }
        let old = match field.get("New") {
            Some(new) => map.insert(key.to_owned(), new.clone()),
            None => map.remove(key),
        };
        return (old.as_ref() == field.get("Old")).then_some(());
    }
    let list = value.as_array_mut()?;
    let at = match step.strip_prefix("name=") {
        Some(name) => list.iter().position(|item| item["name"] == name).unwrap_or(list.len()),
        None => step.parse().ok()?,
    };
    if !rest.is_empty() {
        return set(list.get_mut(at)?, rest, field);
    }
    let old = list.get(at).cloned();
    match field.get("New") {
        Some(new) if at == list.len() => list.push(new.clone()),
        Some(new) => *list.get_mut(at)? = new.clone(),
        None => drop(list.remove(at)),
    }
    (old.as_ref() == field.get("Old")).then_some(())
}

/// `.key`, `name=x` or a place, and the rest of the path.
fn first_step(path: &str) -> (String, &str) {
    if let Some(quoted) = path.strip_prefix("[\"") {
        let (key, rest) = quoted.split_once("\"]").unwrap();
        return (format!(".{key}"), rest);
    }
    if let Some(inner) = path.strip_prefix('[') {
        let (step, rest) = inner.split_once(']').unwrap();
        return (step.to_owned(), rest);
    }
    let plain = path.trim_start_matches('.');
    let end = plain.find(['.', '[']).unwrap_or(plain.len());
    (format!(".{}", &plain[..end]), &plain[end..])
}
