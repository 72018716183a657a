//! Kinds of which nobody else has a say in the spec.

use causeway_cluster::ObjectChange;
use causeway_records::inventory::ObjectRef;
use causeway_render::plan::Object;
use serde_json::{Value, json};

use crate::support::Fixture;

/// A kind whose spec has a list that others can add entries to, as a Gateway's listeners.
pub(crate) fn definition(fixture: &Fixture, group: &str) -> Object {
    let at = ObjectRef {
        group: "apiextensions.k8s.io".into(),
        version: "v1".into(),
        kind: "CustomResourceDefinition".into(),
        namespace: None,
        name: format!("widgets.{group}"),
    };
    let entries = json!({
        "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
        "items": {"type": "object", "required": ["name"], "properties": {
            "name": {"type": "string"}, "port": {"type": "integer", "default": 80},
        }},
    });
    let schema = json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {"entries": entries, "note": {"type": "string"}}},
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    }});
    fixture.object(at, json!({"spec": {
        "group": group, "scope": "Namespaced", "names": {"kind": "Widget", "plural": "widgets", "singular": "widget"},
        "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
            "schema": {"openAPIV3Schema": schema}}],
    }}))
}

pub(crate) fn group(fixture: &Fixture) -> String {
    format!("{}.causeway.test", fixture.namespace)
}

pub(crate) fn widget(fixture: &Fixture, entries: Value) -> Object {
    let at = ObjectRef {
        group: group(fixture),
        version: "v1".into(),
        kind: "Widget".into(),
        namespace: Some(fixture.namespace.clone()),
        name: "web".into(),
    };
    Object { exclusive: true, ..fixture.object(at, json!({"spec": {"entries": entries}})) }
}

#[tokio::test]
async fn what_others_add_is_removed_and_their_metadata_stays() {
    let fixture = Fixture::new().await;
    let ours = widget(&fixture, json!([{"name": "http", "port": 80}]));
    let objects = [definition(&fixture, &group(&fixture)), ours.clone()];
    let first = fixture.applied(&objects, &[]).await;
    assert_eq!(first.change(&ours.at), Some(&ObjectChange::Created));

    let theirs = json!({"spec": {"entries": [{"name": "extra", "port": 81}], "note": "mine"}, "labels": {"team": "a"}});
    let edited = fixture.apply_as_somebody(&ours.at, theirs).await;
    assert_eq!(edited.data["spec"]["entries"].as_array().unwrap().len(), 2);

    let second = fixture.applied(&objects, &first.inventory).await;
    assert_eq!(second.change(&ours.at), Some(&ObjectChange::Cleaned));
    let live = fixture.read(&ours.at).await.unwrap();
    assert_eq!(live.data["spec"], ours.body["spec"]);
    assert_eq!(live.metadata.labels.unwrap()["team"], "a");
    assert_eq!(live.metadata.uid, edited.metadata.uid);

    let third = fixture.applied(&objects, &second.inventory).await;
    assert_eq!(third.change(&ours.at), Some(&ObjectChange::Unchanged));
}

/// A replace must not make us the owner of fields twice: what a later plan leaves out has to vanish by apply alone.
#[tokio::test]
async fn after_a_removal_later_plans_still_remove_their_own_entries() {
    let fixture = Fixture::new().await;
    let two = widget(&fixture, json!([{"name": "a", "port": 80}, {"name": "b", "port": 81}]));
    let kind = definition(&fixture, &group(&fixture));
    let first = fixture.applied(&[kind.clone(), two.clone()], &[]).await;
    fixture.apply_as_somebody(&two.at, json!({"spec": {"entries": [{"name": "extra", "port": 82}]}})).await;
    let second = fixture.applied(&[kind.clone(), two], &first.inventory).await;
    let one = widget(&fixture, json!([{"name": "a", "port": 80}]));
    let third = fixture.applied(&[kind, one.clone()], &second.inventory).await;
    assert_eq!(third.change(&one.at), Some(&ObjectChange::Updated));
    assert_eq!(fixture.read(&one.at).await.unwrap().data["spec"], one.body["spec"]);
}

#[tokio::test]
async fn a_default_that_the_plan_leaves_out_is_reported_and_does_not_cycle() {
    let fixture = Fixture::new().await;
    let ours = widget(&fixture, json!([{"name": "http"}]));
    let objects = [definition(&fixture, &group(&fixture)), ours.clone()];
    let first = fixture.applied(&objects, &[]).await;
    let before = fixture.read(&ours.at).await.unwrap();
    let second = fixture.applied(&objects, &first.inventory).await;
    assert_eq!(second.change(&ours.at), Some(&ObjectChange::Differs("entries[0].port".into())));
    assert_eq!(fixture.read(&ours.at).await.unwrap().metadata, before.metadata);
}

#[tokio::test]
async fn other_kinds_keep_what_others_add() {
    let fixture = Fixture::new().await;
    let ours = Object { exclusive: false, ..widget(&fixture, json!([{"name": "http", "port": 80}])) };
    let objects = [definition(&fixture, &group(&fixture)), ours.clone()];
    let first = fixture.applied(&objects, &[]).await;
    fixture.apply_as_somebody(&ours.at, json!({"spec": {"entries": [{"name": "extra", "port": 81}]}})).await;
    let second = fixture.applied(&objects, &first.inventory).await;
    assert_eq!(second.change(&ours.at), Some(&ObjectChange::Unchanged));
    assert_eq!(fixture.read(&ours.at).await.unwrap().data["spec"]["entries"].as_array().unwrap().len(), 2);
}
