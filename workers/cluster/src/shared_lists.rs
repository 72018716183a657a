//! Lists to which others add. The pull secrets of a ServiceAccount have one manager only, as a whole, and OpenShift adds one of its own: who
//! takes it out again and again gets a new Secret each time.

use causeway_render::plan::Object;
use serde_json::Value;

use super::live::LiveObject;

const PULL_SECRETS: &str = "imagePullSecrets";

/// Whether the manifest has such a list, so that what stands has to be known.
pub(super) fn has_shared_list(object: &Object) -> bool {
    object.at.group.is_empty() && object.at.kind == "ServiceAccount" && object.body[PULL_SECRETS].is_array()
}

/// The manifest with what stands in the list beside its own. Only for a manifest that was applied before: in what an earlier one has left, ours
/// can't be told from others'.
pub(super) fn with_additions(object: &Object, live: &LiveObject) -> Value {
    let mut body = object.body.clone();
    if has_shared_list(object)
        && let Some(own) = body[PULL_SECRETS].as_array_mut()
    {
        let others = live.body()[PULL_SECRETS].as_array().into_iter().flatten();
        let others: Vec<Value> = others.filter(|other| !own.contains(other)).cloned().collect();
        own.extend(others);
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::inventory::ObjectRef;
    use serde_json::json;

    #[test]
    fn what_others_added_stays_behind_our_own() {
        let at = |kind: &str| ObjectRef {
            group: String::new(),
            version: "v1".into(),
            kind: kind.into(),
            namespace: Some("shop".into()),
            name: "default".into(),
        };
        let live = LiveObject::new(json!({"imagePullSecrets": [{"name": "theirs"}, {"name": "ours"}]}));
        let list = |kind: &str, list: Value| {
            with_additions(&Object::new(at(kind), json!({"imagePullSecrets": list})), &live)["imagePullSecrets"].clone()
        };
        assert_eq!(list("ServiceAccount", json!([{"name": "ours"}])), json!([{"name": "ours"}, {"name": "theirs"}]));
        assert_eq!(list("ServiceAccount", json!(null)), json!(null), "a list that we leave out is others' anyway");
        assert_eq!(list("Widget", json!([])), json!([]));
    }
}
