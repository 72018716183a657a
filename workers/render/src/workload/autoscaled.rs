//! Objects whose number of replicas an autoscaler of the same plan sets: the manifest's own number would be put back again and again.

use crate::plan::Object;
use causeway_records::inventory::ObjectRef;
use serde_json::Value;
use std::collections::BTreeSet;

/// Leaves `spec.replicas` to the autoscalers among these objects, where one is for it.
pub(super) fn leave_replicas(objects: &mut [Object]) {
    let targets: BTreeSet<ObjectRef> = objects.iter().filter_map(target).collect();
    for object in objects.iter_mut().filter(|object| targets.contains(&object.at)) {
        if let Some(spec) = object.body.get_mut("spec").and_then(Value::as_object_mut) {
            spec.remove("replicas");
            object.autoscaled = true;
        }
    }
}

/// What an autoscaler is for. KEDA leaves out the kind of a Deployment.
fn target(scaler: &Object) -> Option<ObjectRef> {
    let (kind, api_version) = match (scaler.at.group.as_str(), scaler.at.kind.as_str()) {
        ("autoscaling", "HorizontalPodAutoscaler") => ("", ""),
        ("keda.sh", "ScaledObject") => ("Deployment", "apps/v1"),
        _ => return None,
    };
    let target = &scaler.body["spec"]["scaleTargetRef"];
    let text = |name: &str, default| target[name].as_str().filter(|text| !text.is_empty()).unwrap_or(default);
    let (group, version) = text("apiVersion", api_version).rsplit_once('/').unwrap_or_default();
    Some(ObjectRef {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: text("kind", kind).to_owned(),
        namespace: scaler.at.namespace.clone(),
        name: text("name", "").to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(group: &str, kind: &str, name: &str, spec: Value) -> Object {
        let at = ObjectRef {
            group: group.into(),
            version: "v1".into(),
            kind: kind.into(),
            namespace: Some("shop".into()),
            name: name.into(),
        };
        Object::new(at, json!({"spec": spec}))
    }

    /// The replicas that are left of a Deployment and a StatefulSet, both called `web`.
    fn left(scaler: Object) -> [Option<i64>; 2] {
        let of = |kind| object("apps", kind, "web", json!({"replicas": 2}));
        let mut objects = [of("Deployment"), of("StatefulSet"), scaler];
        leave_replicas(&mut objects);
        [0, 1].map(|n: usize| {
            let replicas = objects[n].body["spec"]["replicas"].as_i64();
            assert_eq!(objects[n].autoscaled, replicas.is_none());
            replicas
        })
    }

    #[test]
    fn only_the_target_is_left_to_its_autoscaler() {
        let hpa =
            |target: Value| object("autoscaling", "HorizontalPodAutoscaler", "web", json!({"scaleTargetRef": target}));
        let keda = |target: Value| object("keda.sh", "ScaledObject", "web", json!({"scaleTargetRef": target}));
        let web = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web"});
        assert_eq!(left(hpa(web.clone())), [Some(2), None]);
        assert_eq!(left(keda(web)), [Some(2), None]);
        assert_eq!(left(keda(json!({"name": "web"}))), [None, Some(2)]);
        for other in [
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "other"}),
            json!({"name": "web"}),
            json!(null),
        ] {
            assert_eq!(left(hpa(other)), [Some(2); 2]);
        }
        let vertical =
            object("autoscaling.k8s.io", "VerticalPodAutoscaler", "web", json!({"scaleTargetRef": {"name": "web"}}));
        assert_eq!(left(vertical), [Some(2); 2]);
        let mut elsewhere = keda(json!({"name": "web"}));
        elsewhere.at.namespace = Some("other".into());
        assert_eq!(left(elsewhere), [Some(2); 2]);
    }
}
