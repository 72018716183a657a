//! Rendered objects in answers: without their secrets, and as YAML.

use super::{secret_objects::mask_value, yaml};
use crate::auth::Caller;
use causeway_records::Kind;
use causeway_render::plan::Object;
use serde_json::Value;

/// The manifest of an object without what the caller may not read. An admin reads what a workload's own manifests say, as in the workload's definition; what we
/// put into Secrets nobody does.
pub(crate) fn masked(mut object: Object, kind: Kind, caller: &Caller) -> Value {
    if kind != Kind::WorkloadInstance || !caller.may_read_ciphertext() {
        mask_value(&mut object.body);
    }
    object.body
}

/// Takes the values of Secrets out of a manifest.
pub(crate) fn mask(manifest: &mut Value) {
    mask_value(manifest);
}

/// A stream of documents behind remarks; None: it can't be written.
pub(crate) fn in_yaml(objects: &[Value], remarks: &[String]) -> Option<String> {
    let mut text: String = remarks.iter().map(|remark| format!("# {}\n", remark.replace(['\n', '\r'], " "))).collect();
    text.push_str(&yaml::write(objects)?);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::{inventory::ObjectRef, nouns::Role};
    use serde_json::json;

    fn secret() -> Object {
        let at = ObjectRef {
            group: String::new(),
            version: "v1".into(),
            kind: "Secret".into(),
            namespace: Some("a".into()),
            name: "keys".into(),
        };
        Object::new(at, json!({"apiVersion": "v1", "kind": "Secret", "data": {"key": "aHVudGVy"}}))
    }

    #[test]
    fn secrets_of_ours_are_masked_for_everybody() {
        let shows = |kind, role| {
            let caller = Caller { name: "ann".into(), role };
            masked(secret(), kind, &caller)["data"]["key"] == "aHVudGVy"
        };
        for role in [Role::Viewer, Role::Editor, Role::Admin] {
            assert!(!shows(Kind::SharedGateway, role) && !shows(Kind::GatewayInstance, role));
            assert_eq!(shows(Kind::WorkloadInstance, role), role == Role::Admin);
        }
    }

    #[test]
    fn a_stream_is_read_back_and_remarks_stay_remarks() {
        let objects = [json!({"kind": "A", "on": "yes"}), json!({"kind": "B"})];
        let text = in_yaml(&objects, &["one\nkind: C".to_owned()]).unwrap();
        assert_eq!(yaml::read(&text).unwrap(), objects, "{text}");
        assert!(text.starts_with("# one kind: C\n"), "{text}");
    }
}
