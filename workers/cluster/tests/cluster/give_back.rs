//! Objects that were there before their record: taken over as they stand, and given back without a trace.

use causeway_cluster::{ClusterError, ObjectChange};
use causeway_render::{
    labels::{CONTROL_PLANE, OWNER},
    plan::Object,
};
use kube::api::DynamicObject;
use serde_json::json;

use crate::{
    exclusive::{definition, group, widget},
    support::{Fixture, config_map_ref, entry, eventually},
};

fn managers(object: &DynamicObject) -> Vec<String> {
    let entries = object.metadata.managed_fields.iter().flatten();
    entries.filter_map(|entry| entry.manager.clone()).collect()
}

fn labels(object: &DynamicObject) -> Vec<(&str, &str)> {
    object.metadata.labels.iter().flatten().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

fn taken(object: Object) -> Object {
    Object { take_over: true, ..object }
}

#[tokio::test]
async fn an_object_is_taken_over_in_place_and_given_back_as_it_stands() {
    let fixture = Fixture::new().await;
    let map = taken(fixture.config_map("web", "ours"));
    let theirs = fixture.create(&map.at, json!({"data": {"more": "theirs"}, "labels": {"team": "a"}})).await;
    let objects = std::slice::from_ref(&map);
    let first = fixture.applied(objects, &[]).await;
    assert_eq!(first.change(&map.at), Some(&ObjectChange::Updated));
    let ours = fixture.read(&map.at).await.unwrap();
    assert_eq!(
        (&ours.metadata.uid, &entry(&first.inventory, &map.at).uid),
        (&theirs.metadata.uid, &theirs.metadata.uid)
    );
    assert_eq!(ours.data["data"], json!({"text": "ours", "more": "theirs"}));
    assert_eq!(fixture.applied(objects, &first.inventory).await.change(&map.at), Some(&ObjectChange::Unchanged));

    let given = fixture.cluster.give_back(&fixture.writer(), &first.inventory).await;
    assert!(given.is_complete() && given.inventory.is_empty(), "{given:?}");
    assert!(matches!(given.change(&map.at), Some(ObjectChange::Released(_))), "{given:?}");
    let back = fixture.read(&map.at).await.unwrap();
    assert_eq!((&back.metadata.uid, &back.data), (&theirs.metadata.uid, &ours.data));
    assert_eq!(labels(&back), [("team", "a")]);
    assert!(!managers(&back).iter().any(|name| name.starts_with("causeway-")), "{:?}", managers(&back));
    // Nobody stands in the way of who applies it next, not even for what we alone had set.
    let applied = fixture.apply_as_somebody(&map.at, json!({"data": {"text": "somebody's"}})).await;
    assert_eq!(applied.data["data"], json!({"text": "somebody's", "more": "theirs"}));
    // Once more it is nobody's of ours, and stays as it is.
    let again = fixture.cluster.give_back(&fixture.writer(), &first.inventory).await;
    assert!(again.is_complete(), "{again:?}");
    assert_eq!(fixture.read(&map.at).await.unwrap().metadata, applied.metadata);
}

#[tokio::test]
async fn an_object_that_has_no_manager_but_us_has_none_afterwards() {
    let fixture = Fixture::new().await;
    let map = taken(fixture.config_map("web", "ours"));
    let made = fixture.applied(std::slice::from_ref(&map), &[]).await;
    assert_eq!(made.change(&map.at), Some(&ObjectChange::Created), "nobody has made it yet");
    fixture.cluster.give_back(&fixture.writer(), &made.inventory).await;
    let back = fixture.read(&map.at).await.unwrap();
    assert_eq!((managers(&back), labels(&back)), (vec![], vec![]));
    assert_eq!(back.data["data"], json!({"text": "ours"}));
}

#[tokio::test]
async fn what_a_record_or_another_control_plane_has_marked_is_not_taken_over() {
    let fixture = Fixture::new().await;
    let map = taken(fixture.config_map("web", "ours"));
    let marks = json!({CONTROL_PLANE: fixture.control_plane, OWNER: "gateway-instance-8"});
    let theirs = fixture.create(&config_map_ref(&fixture.namespace, "web"), json!({"labels": marks})).await;
    let outcome = fixture.apply(std::slice::from_ref(&map), &[]).await;
    let [ClusterError::Conflict { who, .. }] = &outcome.errors[..] else { panic!("{outcome:?}") };
    assert!(who.contains("gateway-instance-8"), "{who}");
    assert_eq!(fixture.read(&map.at).await.unwrap().metadata, theirs.metadata);
}

/// As a Gateway is: a custom resource whose spec nobody else has a say in while it is ours.
#[tokio::test]
async fn a_spec_that_says_the_same_is_not_written() {
    let fixture = Fixture::new().await;
    let definition = definition(&fixture, &group(&fixture));
    fixture.applied(&[definition], &[]).await;
    let ours = taken(widget(&fixture, json!([{"name": "http", "port": 80}])));
    eventually("the kind is served", async || fixture.serves(&ours.at).await).await;
    let theirs =
        fixture.create(&ours.at, json!({"spec": {"entries": [{"name": "http"}]}, "labels": {"team": "a"}})).await;
    let first = fixture.applied(std::slice::from_ref(&ours), &[]).await;
    let live = fixture.read(&ours.at).await.unwrap();
    assert_eq!((&live.metadata.uid, live.metadata.generation), (&theirs.metadata.uid, theirs.metadata.generation));
    fixture.cluster.give_back(&fixture.writer(), &first.inventory).await;
    let back = fixture.read(&ours.at).await.unwrap();
    assert_eq!((&back.data["spec"], back.metadata.generation), (&theirs.data["spec"], theirs.metadata.generation));
    assert_eq!(labels(&back), [("team", "a")]);
    assert!(!managers(&back).iter().any(|name| name.starts_with("causeway-")), "{:?}", managers(&back));
}
