//! The Secrets within a manifest: their values are masked, and put back.

use serde_json::{Map, Value};

/// Stands for a value. It is no base64, so that no cluster would take it as one.
pub(super) const MASK: &str = "(masked, only admins see it)";
/// `kubectl apply` repeats the whole Secret here.
pub(super) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Masks the secrets in a manifest, wherever they are in it. False: there are none.
pub(super) fn mask_value(value: &mut Value) -> bool {
    let mut masked = false;
    each_secret(value, &mut |secret| {
        for part in ["data", "stringData"] {
            match secret.get_mut(part) {
                Some(Value::Object(values)) => {
                    masked |= !values.is_empty();
                    values.values_mut().for_each(|value| *value = MASK.into());
                }
                None | Some(Value::Null) => {}
                Some(other) => {
                    masked = true;
                    *other = MASK.into();
                }
            }
        }
        if let Some(copy) = last_applied(secret) {
            masked = true;
            *copy = MASK.into();
        }
    });
    masked
}

pub(super) fn restore_values(sent: &mut [Value], stored: &[Value]) -> Result<(), String> {
    let (mut known, mut stored) = (vec![], stored.to_vec());
    stored.iter_mut().for_each(|value| each_secret(value, &mut |secret| known.push(secret.clone())));
    for value in sent.iter_mut() {
        each_secret(value, &mut |secret| {
            let Some(of) = known.iter_mut().find(|known| identity(known) == identity(secret)) else { return };
            for part in ["data", "stringData"] {
                match (secret.get_mut(part), of.get(part)) {
                    (Some(Value::Object(values)), Some(Value::Object(known))) => {
                        for (key, value) in values.iter_mut().filter(|(_, value)| *value == MASK) {
                            known.get(key).into_iter().for_each(|known| value.clone_from(known));
                        }
                    }
                    (Some(value), Some(known)) if *value == MASK => value.clone_from(known),
                    _ => {}
                }
            }
            if let (Some(copy), Some(known)) = (last_applied(secret), last_applied(of))
                && *copy == MASK
            {
                copy.clone_from(known);
            }
        });
    }
    if sent.iter().any(is_masked) {
        return Err("holds a masked value for which no Secret of this name and key is stored; send its value".into());
    }
    Ok(())
}

/// Calls `each` with every Secret in a value: of its own, in a list, or inside of another object.
fn each_secret(value: &mut Value, each: &mut dyn FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| each_secret(item, each)),
        Value::Object(map) => {
            match map.get("kind").and_then(Value::as_str) {
                Some("Secret") => each(map),
                // Its items need not say what they are.
                Some("SecretList") => {
                    let items = map.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten();
                    items
                        .filter_map(Value::as_object_mut)
                        .filter(|item| !item.contains_key("kind"))
                        .for_each(&mut *each);
                }
                _ => {}
            }
            map.values_mut().for_each(|inner| each_secret(inner, each));
        }
        _ => {}
    }
}

fn last_applied(secret: &mut Map<String, Value>) -> Option<&mut Value> {
    secret.get_mut("metadata")?.get_mut("annotations")?.get_mut(LAST_APPLIED)
}

fn identity(secret: &Map<String, Value>) -> (&str, &str) {
    let text = |field: &str| secret.get("metadata").and_then(|data| data[field].as_str()).unwrap_or_default();
    (text("namespace"), text("name"))
}

pub(super) fn is_masked(value: &Value) -> bool {
    match value {
        Value::String(text) => text == MASK,
        Value::Array(items) => items.iter().any(is_masked),
        Value::Object(map) => map.values().any(is_masked),
        _ => false,
    }
}
