//! Lists of manifests, as `kubectl get -o yaml` prints them, taken apart.

use crate::{
    error::{ManifestError, Place},
    identity,
    manifest::Manifest,
};
use serde_json::{Map, Value};

/// Adds one manifest, or the items of a list of them, each checked for what every manifest needs. Null and an empty object add nothing.
pub(crate) fn take_apart(value: Value, place: Place, manifests: &mut Vec<Manifest>) -> Result<(), ManifestError> {
    expand(value, manifests).map_err(|problem| ManifestError::new(place, problem))
}

fn expand(value: Value, manifests: &mut Vec<Manifest>) -> Result<(), String> {
    let mut map = match value {
        Value::Null => return Ok(()),
        Value::Object(map) if map.is_empty() => return Ok(()),
        Value::Object(map) => map,
        _ => return Err("is no object; a manifest has apiVersion, kind and metadata".into()),
    };
    let Some(items) = items(&mut map) else {
        let manifest = Value::Object(map);
        identity::check(&manifest)?;
        manifests.push(Manifest::new(manifest));
        return Ok(());
    };
    let of_items = item_identity(&map);
    for (index, mut item) in items.into_iter().enumerate() {
        if let (Some((api_version, kind)), Value::Object(item)) = (&of_items, &mut item)
            && !item.contains_key("kind")
            && !item.contains_key("apiVersion")
        {
            item.insert("apiVersion".into(), api_version.clone());
            item.insert("kind".into(), Value::String(kind.clone()));
        }
        expand(item, manifests).map_err(|why| format!("item {}: {why}", index + 1))?;
    }
    Ok(())
}

/// Takes the items out of a list; None if the manifest is an object. A kind whose name ends in `List` is only a list if it has items; they are
/// null where a list is empty.
fn items(map: &mut Map<String, Value>) -> Option<Vec<Value>> {
    let kind = map.get("kind").and_then(Value::as_str)?;
    let is_typed = kind.ends_with("List");
    let is_plain = kind == "List" && map.get("apiVersion").is_some_and(|version| version == "v1");
    match map.get_mut("items") {
        Some(Value::Array(items)) if is_typed => Some(std::mem::take(items)),
        Some(Value::Null) if is_typed => Some(Vec::new()),
        None if is_plain => Some(Vec::new()),
        _ => None,
    }
}

/// apiVersion and kind of the items of a typed list (`ConfigMapList`), which may leave them out.
fn item_identity(list: &Map<String, Value>) -> Option<(Value, String)> {
    let kind = list.get("kind")?.as_str()?.strip_suffix("List").filter(|kind| !kind.is_empty())?;
    Some((list.get("apiVersion")?.clone(), kind.to_owned()))
}
