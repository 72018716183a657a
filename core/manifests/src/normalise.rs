//! What is changed in a manifest before it is applied, so that a manifest copied out of a cluster means the same in another one.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

/// Fields of `metadata` that only a server writes. References to owners are among them: those owners are in another cluster, and the garbage
/// collector deletes an object whose owners it does not find.
const SERVER_METADATA: [&str; 9] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Annotations that kubectl and the controller manager write for themselves.
const SERVER_ANNOTATIONS: [&str; 2] =
    ["kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision"];

/// All of it. Doing it again changes nothing.
pub(crate) fn normalise(manifest: &mut Value) {
    strip_server_fields(manifest);
    merge_string_data(manifest);
    leave_aggregated_rules(manifest);
    leave_injected_bundles(manifest);
}

/// Removes what a server wrote.
pub fn strip_server_fields(manifest: &mut Value) {
    let Some(body) = manifest.as_object_mut() else { return };
    body.remove("status");
    let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    for field in SERVER_METADATA {
        metadata.remove(field);
    }
    let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) else { return };
    let before = annotations.len();
    for annotation in SERVER_ANNOTATIONS {
        annotations.remove(annotation);
    }
    if annotations.is_empty() && before > 0 {
        metadata.remove("annotations");
    }
}

/// Moves a Secret's `stringData` into `data`, as the API server does. A key that goes out of `stringData` then goes out of the Secret, too:
/// server-side apply knows who wrote a key of `data`, and forgets where it came from. Values that are no texts stay for the server to refuse.
pub fn merge_string_data(manifest: &mut Value) {
    if manifest["apiVersion"] != "v1" || manifest["kind"] != "Secret" {
        return;
    }
    let Some(body) = manifest.as_object_mut() else { return };
    let texts: Option<Map<String, Value>> = match body.get("stringData") {
        Some(Value::Null) => Some(Map::new()),
        Some(Value::Object(texts)) => texts
            .iter()
            .map(|(key, text)| Some((key.clone(), Value::String(STANDARD.encode(text.as_str()?)))))
            .collect(),
        _ => None,
    };
    let Some(texts) = texts else { return };
    match body.get_mut("data") {
        Some(Value::Object(data)) => data.extend(texts),
        None | Some(Value::Null) if texts.is_empty() => {}
        None | Some(Value::Null) => {
            body.insert("data".into(), Value::Object(texts));
        }
        Some(_) => return,
    }
    body.remove("stringData");
}

/// Leaves `rules` out of a ClusterRole whose rules the controller manager aggregates: both would write them for ever.
pub fn leave_aggregated_rules(manifest: &mut Value) {
    let is_role = manifest["kind"] == "ClusterRole"
        && manifest["apiVersion"].as_str().is_some_and(|version| version.starts_with("rbac.authorization.k8s.io/"));
    if is_role
        && manifest["aggregationRule"].is_object()
        && let Some(body) = manifest.as_object_mut()
    {
        body.remove("rules");
    }
}

/// Leaves out a `caBundle` that a CA injector writes: one that an annotation asks for, or that is a placeholder. An empty bundle means the
/// same as none.
pub fn leave_injected_bundles(manifest: &mut Value) {
    let is_injected = manifest["metadata"]["annotations"]
        .as_object()
        .is_some_and(|annotations| annotations.keys().any(|annotation| asks_for_bundle(annotation)));
    let config = "/clientConfig";
    let paths = match manifest["kind"].as_str() {
        Some("ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration") => {
            let webhooks = manifest["webhooks"].as_array().map_or(0, Vec::len);
            (0..webhooks).map(|n| format!("/webhooks/{n}{config}")).collect()
        }
        Some("CustomResourceDefinition") => vec![format!("/spec/conversion/webhook{config}")],
        Some("APIService") => vec!["/spec".to_owned()],
        _ => return,
    };
    for path in paths {
        if let Some(holder) = manifest.pointer_mut(&path).and_then(Value::as_object_mut)
            && holder.get("caBundle").is_some_and(|bundle| is_injected || is_placeholder(bundle))
        {
            holder.remove("caBundle");
        }
    }
}

/// `cert-manager.io/inject-ca-from`, `service.beta.openshift.io/inject-cabundle` and the like.
fn asks_for_bundle(annotation: &str) -> bool {
    let name = annotation.rsplit('/').next().unwrap_or_default();
    name.starts_with("inject-ca") || name == "inject-apiserver-ca"
}

/// Nothing, or white space in base64.
fn is_placeholder(bundle: &Value) -> bool {
    match bundle {
        Value::Null => true,
        Value::String(text) => STANDARD.decode(text.trim()).is_ok_and(|bytes| bytes.trim_ascii().is_empty()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn normal(mut manifest: Value) -> Value {
        normalise(&mut manifest);
        let once = manifest.clone();
        normalise(&mut manifest);
        assert_eq!(once, manifest);
        manifest
    }

    #[test]
    fn what_a_server_wrote_is_left_out() {
        let exported = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": { "uid": "mine" }, "status": { "phase": "x" },
            "metadata": {
                "name": "c", "uid": "1", "resourceVersion": "2", "generation": 3, "creationTimestamp": "2026-01-01T00:00:00Z",
                "selfLink": "/x", "managedFields": [{}], "deletionTimestamp": null, "deletionGracePeriodSeconds": 30,
                "ownerReferences": [{ "kind": "ReplicaSet", "name": "gone" }], "finalizers": ["example.org/mine"],
                "annotations": { "kubectl.kubernetes.io/last-applied-configuration": "{}", "mine": "1" },
            },
        });
        assert_eq!(
            normal(exported),
            json!({
                "apiVersion": "v1", "kind": "ConfigMap", "data": { "uid": "mine" },
                "metadata": { "name": "c", "finalizers": ["example.org/mine"], "annotations": { "mine": "1" } },
            })
        );
        let only = json!({ "metadata": { "annotations": { "deployment.kubernetes.io/revision": "3" } } });
        assert_eq!(normal(only), json!({ "metadata": {} }));
        for odd in [json!({ "metadata": 1 }), json!({ "metadata": { "annotations": null } }), json!([]), json!(null)] {
            assert_eq!(normal(odd.clone()), odd);
        }
    }

    #[test]
    fn string_data_becomes_data() {
        let secret = |fields: Value| {
            let mut secret = json!({ "apiVersion": "v1", "kind": "Secret" });
            for (key, value) in fields.as_object().unwrap() {
                secret[key] = value.clone();
            }
            let mut after = normal(secret);
            let after = after.as_object_mut().unwrap();
            (after.remove("data"), after.remove("stringData"))
        };
        assert_eq!(secret(json!({ "stringData": { "a": "x" } })), (Some(json!({ "a": "eA==" })), None));
        assert_eq!(
            secret(json!({ "data": { "a": "b2xk", "b": "Yg==" }, "stringData": { "a": "x" } })),
            (Some(json!({ "a": "eA==", "b": "Yg==" })), None)
        );
        assert_eq!(secret(json!({ "data": null, "stringData": { "a": "" } })), (Some(json!({ "a": "" })), None));
        assert_eq!(secret(json!({ "stringData": {} })), (None, None));
        assert_eq!(secret(json!({ "stringData": null })), (None, None));
        assert_eq!(secret(json!({ "stringData": { "a": 5 } })), (None, Some(json!({ "a": 5 }))));
        let other = json!({ "apiVersion": "example.org/v1", "kind": "Secret", "stringData": { "a": "x" } });
        assert_eq!(normal(other.clone()), other);
    }

    #[test]
    fn aggregated_rules_are_left_to_the_controller() {
        let role = |rule: Value| json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "aggregationRule": rule, "rules": [] });
        assert!(normal(role(json!({ "clusterRoleSelectors": [] }))).get("rules").is_none());
        assert!(normal(role(json!(null))).get("rules").is_some());
    }

    #[test]
    fn bundles_are_left_to_their_injector() {
        let real = "LS0tLS1CRUdJTg==";
        let webhook = |annotation: &str, bundle: Value| {
            let after = normal(json!({
                "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
                "metadata": { "annotations": { annotation: "shop/cert" } },
                "webhooks": [{ "name": "a", "clientConfig": { "url": "https://a", "caBundle": bundle } }, { "name": "b" }],
            }));
            after["webhooks"][0]["clientConfig"].get("caBundle").cloned()
        };
        for injector in [
            "cert-manager.io/inject-ca-from",
            "cert-manager.io/inject-apiserver-ca",
            "service.beta.openshift.io/inject-cabundle",
        ] {
            assert_eq!(webhook(injector, json!(real)), None, "{injector}");
        }
        for placeholder in [json!("Cg=="), json!(""), json!(null)] {
            assert_eq!(webhook("mine", placeholder), None);
        }
        for kept in [json!(real), json!("no base64!"), json!(5)] {
            assert_eq!(webhook("mine", kept.clone()), Some(kept));
        }
        let asked = json!({ "annotations": { "cert-manager.io/inject-ca-from": "shop/cert" } });
        let definition = json!({ "kind": "CustomResourceDefinition", "metadata": asked,
            "spec": { "conversion": { "webhook": { "clientConfig": { "caBundle": real } } } } });
        assert_eq!(normal(definition).pointer("/spec/conversion/webhook/clientConfig"), Some(&json!({})));
        let service = json!({ "kind": "APIService", "metadata": asked, "spec": { "group": "g", "caBundle": real } });
        assert_eq!(normal(service)["spec"], json!({ "group": "g" }));
        let other = json!({ "kind": "ConfigMap", "metadata": asked, "spec": { "caBundle": real } });
        assert_eq!(normal(other.clone()), other);
    }
}
