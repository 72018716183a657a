//! Parses the YAML that users write into manifests.

use serde::Deserialize;
use serde_json::Value;

/// The manifests in a stream of YAML documents: empty documents dropped, lists taken apart. The error is a sentence that says where.
pub fn manifests(yaml: &str) -> Result<Vec<Value>, String> {
    let mut all = Vec::new();
    for (index, document) in serde_yaml_ng::Deserializer::from_str(yaml).enumerate() {
        let within = |why: String| format!("document {}: {why}", index + 1);
        let mut parsed =
            serde_yaml_ng::Value::deserialize(document).map_err(|error| within(format!("is no YAML: {error}")))?;
        parsed.apply_merge().map_err(|error| within(format!("holds a merge key that can't be followed: {error}")))?;
        if parsed.is_null() {
            continue;
        }
        let mut manifest =
            serde_json::to_value(parsed).map_err(|error| within(format!("holds what JSON can't: {error}")))?;
        octal_modes(&mut manifest);
        all.extend(expand(manifest).map_err(within)?);
    }
    Ok(all)
}

/// One manifest, or the items of a list of them, each checked for what every manifest needs.
pub(super) fn expand(manifest: Value) -> Result<Vec<Value>, String> {
    let Value::Object(mut map) = manifest else {
        return Err("is no object; a manifest has apiVersion, kind and metadata".into());
    };
    let is_list = map.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
    match map.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) if is_list => {
            let mut all = Vec::new();
            for (index, item) in items.into_iter().enumerate() {
                all.extend(expand(item).map_err(|why| format!("item {}: {why}", index + 1))?);
            }
            Ok(all)
        }
        items => {
            if let Some(items) = items {
                map.insert("items".into(), items);
            }
            let manifest = Value::Object(map);
            check(&manifest)?;
            Ok(vec![manifest])
        }
    }
}

/// What is missing in a manifest.
fn check(manifest: &Value) -> Result<(), String> {
    let text = |pointer: &str| manifest.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    let kind = text("/kind").ok_or("has no kind; add one, such as `kind: Deployment`")?;
    if text("/apiVersion").is_none() {
        return Err(format!("{kind} has no apiVersion; add one, such as `apiVersion: apps/v1`"));
    }
    if text("/metadata/name").is_none() {
        return Err(if manifest.pointer("/metadata/generateName").is_some() {
            format!("{kind} has generateName, which makes a new object with every pass; give it metadata.name")
        } else {
            format!("{kind} has no metadata.name; add one")
        });
    }
    let name = text("/metadata/name").unwrap_or_default();
    match manifest.pointer("/metadata/labels") {
        None | Some(Value::Null | Value::Object(_)) => {}
        Some(_) => return Err(format!("{kind} {name}: metadata.labels must be a map of texts")),
    }
    match manifest.pointer("/metadata/namespace") {
        None | Some(Value::Null | Value::String(_)) => Ok(()),
        Some(_) => Err(format!("{kind} {name}: metadata.namespace must be a text; put it in quotes")),
    }
}

/// File modes such as `0644` are numbers to Kubernetes (YAML 1.1) and texts to YAML 1.2: puts the numbers in, wherever a volume has one.
fn octal_modes(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(octal_modes),
        Value::Object(map) => {
            for (key, inner) in map {
                if key == "volumes" { modes_of_volumes(inner) } else { octal_modes(inner) }
            }
        }
        _ => {}
    }
}

fn modes_of_volumes(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(modes_of_volumes),
        Value::Object(map) => {
            for (key, inner) in map {
                let octal = inner.as_str().filter(|text| text.starts_with('0'));
                match octal.and_then(|text| u32::from_str_radix(text, 8).ok()) {
                    Some(mode) if key == "defaultMode" || key == "mode" => *inner = mode.into(),
                    _ => modes_of_volumes(inner),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn documents_and_lists_are_taken_apart() {
        let yaml = "# only a remark\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n\
                    - {apiVersion: v1, kind: SecretList, items: [{apiVersion: v1, kind: Secret, metadata: {name: b}}]}\n---\n---\n\
                    {apiVersion: v1, kind: AllowList, metadata: {name: c}}\n";
        let names: Vec<_> = manifests(yaml).unwrap().iter().map(|m| m["metadata"]["name"].clone()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(manifests("").unwrap(), Vec::<Value>::new());
    }

    #[test]
    fn what_is_missing_is_said() {
        for (yaml, why) in [
            ("a: [", "document 1: is no YAML: "),
            ("text", "document 1: is no object; a manifest has apiVersion, kind and metadata"),
            ("---\napiVersion: v1", "document 1: has no kind; add one, such as `kind: Deployment`"),
            ("kind: Pod", "document 1: Pod has no apiVersion; add one, such as `apiVersion: apps/v1`"),
            ("{apiVersion: v1, kind: Pod}", "document 1: Pod has no metadata.name; add one"),
            (
                "{apiVersion: v1, kind: Pod, metadata: {generateName: a-}}",
                "document 1: Pod has generateName, which makes a new object with every pass; give it metadata.name",
            ),
            (
                "{apiVersion: v1, kind: Pod, metadata: {name: a}}\n---\n{kind: List, items: [{kind: Pod}]}",
                "document 2: item 1: Pod has no apiVersion",
            ),
            (
                "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: 7}}",
                "document 1: Pod a: metadata.namespace must be a text; put it in quotes",
            ),
            ("{apiVersion: v1, kind: Pod, kind: Pod}", "document 1: is no YAML: duplicate entry with key \"kind\""),
            (
                "{apiVersion: v1, kind: Pod, metadata: {name: a, labels: [b]}}",
                "document 1: Pod a: metadata.labels must be a map",
            ),
        ] {
            let error = manifests(yaml).unwrap_err();
            assert!(error.starts_with(why), "{yaml}\n{error}");
        }
    }

    #[test]
    fn merges_are_followed_and_modes_are_octal() {
        let yaml = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, annotations: {mode: \"0644\"}}\nx: &x {a: 1}\ny: {<<: *x, b: 2}\n\
                    spec: {volumes: [{name: v, configMap: {name: \"010\", defaultMode: 0644, items: [{key: k, path: \"01\", mode: 0400}]}}]}";
        let manifest = &manifests(yaml).unwrap()[0];
        assert_eq!(manifest["y"], json!({"a": 1, "b": 2}));
        assert_eq!(manifest["metadata"]["annotations"]["mode"], "0644");
        let map = &manifest["spec"]["volumes"][0]["configMap"];
        assert_eq!(
            map,
            &json!({"name": "010", "defaultMode": 420, "items": [{"key": "k", "path": "01", "mode": 256}]})
        );
    }
}
