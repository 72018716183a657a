//! A bundle's objects made to fit one installation: its name, its namespace, its image registry.

use serde_json::Value;

/// Placeholder for the installation's name in a bundle: a valid name that no user would choose.
pub const NAME: &str = "placeholder-name";
/// Placeholder for the installation's namespace in a bundle.
pub const NAMESPACE: &str = "placeholder-namespace";

/// Values for the placeholders of a bundle.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// Value for [`NAME`].
    pub name: &'a str,
    /// Value for [`NAMESPACE`]; empty for a service without namespaced objects.
    pub namespace: &'a str,
}

/// Replaces the placeholders by the real name and namespace in every text: names, subjects, selectors, and the few arguments and annotations that
/// repeat them. No other text contains a placeholder.
pub fn rename(object: &mut Value, names: Names<'_>) {
    strings(object, &mut |text| {
        if text.contains(NAME) || text.contains(NAMESPACE) {
            *text = text.replace(NAMESPACE, names.namespace).replace(NAME, names.name);
        }
    });
}

/// Takes the given images from a registry mirror. Images are replaced in every text, since some are in arguments and in configuration files. They are
/// replaced whole, with tag, so that no other text changes.
pub fn mirror(object: &mut Value, images: &[String], registry: &str) {
    strings(object, &mut |text| {
        for image in images {
            if text.contains(image.as_str()) {
                *text = text.replace(image.as_str(), &mirrored(image, registry));
            }
        }
    });
}

/// The image in the mirror: `quay.io/jetstack/x:v1` at `mirror.example/cache` becomes `mirror.example/cache/jetstack/x:v1`.
fn mirrored(image: &str, registry: &str) -> String {
    let path = match image.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => path,
        _ => image,
    };
    format!("{}/{path}", registry.trim_end_matches('/'))
}

/// Calls `change` for every string value inside; keys stay as they are.
pub fn strings(value: &mut Value, change: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| strings(item, change)),
        Value::Object(fields) => fields.values_mut().for_each(|field| strings(field, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn placeholders_are_replaced_wherever_they_stand() {
        let mut object = json!({
            "metadata": { "name": "placeholder-name-viewer", "namespace": "placeholder-namespace" },
            "args": ["--leader-election-namespace=placeholder-namespace", 7, null],
        });
        rename(&mut object, Names { name: "dns-7", namespace: "ingress" });
        assert_eq!(
            object,
            json!({
                "metadata": { "name": "dns-7-viewer", "namespace": "ingress" },
                "args": ["--leader-election-namespace=ingress", 7, null],
            })
        );
    }

    #[test]
    fn a_mirror_replaces_the_registry_and_nothing_else() {
        let images = ["quay.io/jetstack/x:v1".to_owned(), "proxy:v2".to_owned()];
        let mut object = json!({ "image": "quay.io/jetstack/x:v1", "args": ["--solver=quay.io/jetstack/x:v1"], "other": "quay.io/y:v1", "bare": "proxy:v2" });
        mirror(&mut object, &images, "mirror.example:5000/cache/");
        assert_eq!(
            object,
            json!({
                "image": "mirror.example:5000/cache/jetstack/x:v1",
                "args": ["--solver=mirror.example:5000/cache/jetstack/x:v1"],
                "other": "quay.io/y:v1",
                "bare": "mirror.example:5000/cache/proxy:v2",
            })
        );
    }
}
