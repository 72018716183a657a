//! What every manifest needs, so that the object it describes can be found in a cluster.

use crate::error::quoted;
use serde_json::Value;

/// Of a name, a group or a version, in characters.
const LONGEST: usize = 253;
/// Kinds become names of definitions.
const LONGEST_KIND: usize = 63;

/// Checks a manifest that is no list. The error is a sentence that says what to add or correct.
pub(crate) fn check(manifest: &Value) -> Result<(), String> {
    let text = |pointer: &str| manifest.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    let kind = text("/kind").ok_or("has no kind; add one, such as `kind: Deployment`")?;
    if !is_kind(kind) {
        return Err(format!("kind {} is none of Kubernetes; correct it", quoted(kind)));
    }
    let api_version = text("/apiVersion")
        .ok_or_else(|| format!("{kind} has no apiVersion; add one, such as `apiVersion: apps/v1`"))?;
    if api_version.split('/').count() > 2
        || !api_version.split('/').all(|part| is_path_segment(part) && part.len() <= LONGEST)
    {
        return Err(format!(
            "apiVersion {} and kind {} are none of Kubernetes; correct them",
            quoted(api_version),
            quoted(kind)
        ));
    }
    let Some(name) = text("/metadata/name") else {
        return Err(if manifest.pointer("/metadata/generateName").is_some() {
            format!("{kind} has generateName, which makes a new object with every reconcile; give it metadata.name")
        } else if manifest.pointer("/metadata/name").is_some_and(|name| !matches!(name, Value::Null | Value::String(_)))
        {
            format!("{kind}: metadata.name must be a text; put it in quotes")
        } else {
            format!("{kind} has no metadata.name; add one")
        });
    };
    check_name(name).map_err(|why| format!("{kind} {}: metadata.name {why}", quoted(name)))?;
    match manifest.pointer("/metadata/namespace") {
        None | Some(Value::Null) => {}
        Some(Value::String(namespace)) if namespace.is_empty() => {}
        Some(Value::String(namespace)) if is_label(namespace) => {}
        Some(Value::String(_)) => {
            return Err(format!(
                "{kind} {name}: metadata.namespace must be small letters, digits and `-`, at most 63; correct it"
            ));
        }
        Some(_) => return Err(format!("{kind} {name}: metadata.namespace must be a text; put it in quotes")),
    }
    for map in ["labels", "annotations"] {
        match manifest.pointer(&format!("/metadata/{map}")) {
            None | Some(Value::Null | Value::Object(_)) => {}
            Some(_) => return Err(format!("{kind} {name}: metadata.{map} must be a map of texts")),
        }
    }
    Ok(())
}

/// Checks a name by the rule that all kinds share: it is a part of a path. Most kinds allow less (small letters, digits, `-` and `.`), which the
/// API server says; RBAC allows exactly this, so that `system:node` is a name.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    if name.len() > LONGEST {
        return Err("has more than 253 characters; shorten it");
    }
    if is_path_segment(name) { Ok(()) } else { Err("can't be part of a path; leave out `/`, `%`, blanks and the like") }
}

fn is_kind(text: &str) -> bool {
    is_path_segment(text) && text.len() <= LONGEST_KIND
}

/// What stands between two slashes of a URL's path, and means itself there.
fn is_path_segment(text: &str) -> bool {
    let odd = |c: char| matches!(c, '/' | '%' | '?' | '#' | '\\') || c.is_whitespace() || c.is_control();
    !text.is_empty() && text != "." && text != ".." && !text.contains(odd)
}

fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= 63 && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_kind_is_cut_in_the_sentence_about_it() {
        let long = "Kind".repeat(10_000);
        for manifest in [
            serde_json::json!({ "kind": long }),
            serde_json::json!({"kind": "Two words"}),
            serde_json::json!({"kind": "Pod", "apiVersion": long}),
        ] {
            let problem = check(&manifest).unwrap_err();
            assert!(problem.contains("none of Kubernetes; correct") && problem.len() < 300, "{problem}");
        }
    }

    #[test]
    fn names_are_what_rbac_allows() {
        for name in ["a", "system:node", "system:kube-dns-autoscaler", "A_b", "a@b", "web.example.org", "é"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", ".", "..", "a/b", "a%2fb", "a b", "a\n", "a?b", "a#b", "a\\b", &"a".repeat(254)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
