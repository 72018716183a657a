//! What a server-side apply of a changed manifest can't do alone, and what is therefore written before it.
//!
//! - Replicas that an autoscaler sets from now on. If our manifest alone has set them so far and leaves them out, the API server would take the
//!   default, which is one: the object would shrink to a single Pod for a moment. So a field manager that nothing else is applied by takes over
//!   the number that stands, until the autoscaler sets another.
//! - A strategy that has no `rollingUpdate`. The defaults of the strategy before belong to nobody, so they stay beside the new one, and the API
//!   server refuses both together.

use causeway_render::plan::Object;
use serde_json::{Value, json};

use super::{Cluster, ClusterError, FieldOwner, LiveObject, rest::Written};

impl Cluster {
    /// The object as it stands when it is ready for the apply. A write to it is refused if it has changed meanwhile, and it is read again.
    pub(super) async fn prepare(
        &self,
        owner: &FieldOwner,
        object: &Object,
        live: LiveObject,
    ) -> Result<LiveObject, ClusterError> {
        if let Some(spec) = strategy_change(object, &live) {
            return Ok(match self.merge(owner, &object.at, &live, json!({"spec": spec})).await? {
                Written::Stored(changed) => changed,
                _ => live,
            });
        }
        let Some(replicas) = own_replicas(&live, &owner.field_manager()).filter(|_| object.autoscaled) else {
            return Ok(live);
        };
        let at = &object.at;
        let body = json!({
            "apiVersion": at.api_version(), "kind": at.kind, "spec": {"replicas": replicas},
            "metadata": {
                "name": at.name, "namespace": at.namespace, "uid": live.uid(), "resourceVersion": live.resource_version(),
            },
        });
        Ok(match self.hold_fields(owner, at, &body).await? {
            Written::Stored(held) => held,
            _ => live,
        })
    }
}

/// Whether the object has to be read before a changed manifest of it is applied.
pub(super) fn needs_preparation(object: &Object) -> bool {
    object.autoscaled || strategy_without_settings(object).is_some()
}

/// The field of the strategy, and its type, if that is one without `rollingUpdate`.
fn strategy_without_settings(object: &Object) -> Option<(&'static str, &'static str)> {
    let (field, name) = match (object.at.group.as_str(), object.at.kind.as_str()) {
        ("apps", "Deployment") => ("strategy", "Recreate"),
        ("apps", "StatefulSet") => ("updateStrategy", "OnDelete"),
        _ => return None,
    };
    let strategy = &object.body["spec"][field];
    (strategy["type"] == name && strategy["rollingUpdate"].is_null()).then_some((field, name))
}

/// The change of the spec that takes the settings of the strategy before away.
fn strategy_change(object: &Object, live: &LiveObject) -> Option<Value> {
    let (field, name) = strategy_without_settings(object)?;
    let has_settings = !live.body()["spec"][field]["rollingUpdate"].is_null();
    has_settings.then(|| json!({field: {"type": name, "rollingUpdate": null}}))
}

/// The replicas that stand, if this manager has applied them.
fn own_replicas(live: &LiveObject, field_manager: &str) -> Option<Value> {
    let entries = live.body()["metadata"]["managedFields"].as_array()?;
    let ours = entries.iter().any(|entry| {
        entry["manager"] == field_manager
            && entry["operation"] == "Apply"
            && !entry["fieldsV1"]["f:spec"]["f:replicas"].is_null()
    });
    live.body()["spec"].get("replicas").filter(|_| ours).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_we_have_applied_is_handed_over() {
        let live = |manager: &str, fields: Value| {
            LiveObject::new(json!({
                "metadata": {"managedFields": [{"manager": manager, "operation": "Apply", "fieldsV1": {"f:spec": fields}}]},
                "spec": {"replicas": 5},
            }))
        };
        let ours = |live: LiveObject| own_replicas(&live, "causeway-cp1");
        assert_eq!(ours(live("causeway-cp1", json!({"f:replicas": {}}))), Some(json!(5)));
        assert_eq!(ours(live("causeway-cp1", json!({"f:template": {}}))), None);
        assert_eq!(ours(live("kubectl", json!({"f:replicas": {}}))), None);
        assert_eq!(ours(LiveObject::new(json!({}))), None);
    }

    #[test]
    fn settings_of_a_strategy_go_when_the_new_one_has_none() {
        let object = |kind: &str, strategy: Value| {
            let at = causeway_records::inventory::ObjectRef {
                group: "apps".into(),
                version: "v1".into(),
                kind: kind.into(),
                namespace: Some("shop".into()),
                name: "web".into(),
            };
            Object::new(at, json!({"spec": {"strategy": strategy, "updateStrategy": strategy}}))
        };
        let both = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}});
        let rolling = LiveObject::new(json!({"spec": {"strategy": both, "updateStrategy": both}}));
        let change = |kind: &str, strategy: &str| strategy_change(&object(kind, json!({"type": strategy})), &rolling);
        let cleared = |name: &str| json!({"type": name, "rollingUpdate": null});
        assert_eq!(change("Deployment", "Recreate"), Some(json!({"strategy": cleared("Recreate")})));
        assert_eq!(change("StatefulSet", "OnDelete"), Some(json!({"updateStrategy": cleared("OnDelete")})));
        assert_eq!([change("Deployment", "RollingUpdate"), change("DaemonSet", "OnDelete")], [None, None]);
        let bare = LiveObject::new(json!({"spec": {"strategy": {"type": "Recreate"}}}));
        assert_eq!(strategy_change(&object("Deployment", json!({"type": "Recreate"})), &bare), None);
        let wrong = object("Deployment", json!({"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}));
        assert_eq!(strategy_change(&wrong, &rolling), None, "that is for the API server to refuse");
    }
}
