//! What is not ours stays as it is, to the last byte.

use causeway_records::inventory::ObjectRef;
use causeway_render::labels::{CONTROL_PLANE, OWNER};
use causeway_workers::cluster::{Change, ClusterError};
use serde_json::{Value, json};

use crate::support::{Corner, RECORD, config_map_ref};

/// Somebody makes an object; our apply must leave it alone and say whose it is.
async fn is_left_alone(fields: Value, whose: &str) {
    let corner = Corner::new().await;
    let map = corner.config_map("web", "one");
    let before = corner.create(&map.at, fields).await;
    conflicts(&corner, whose).await;
    assert_eq!(corner.read(&map.at).await.unwrap().metadata, before.metadata, "resourceVersion and managers included");
}

async fn conflicts(corner: &Corner, whose: &str) {
    let map = corner.config_map("web", "one");
    let outcome = corner.apply(std::slice::from_ref(&map), &[]).await;
    let [ClusterError::Conflict { object, who }] = &outcome.errors[..] else { panic!("{outcome:?}") };
    assert_eq!(**object, map.at);
    assert!(who.contains(whose), "{who}");
}

#[tokio::test]
async fn with_the_same_contents() {
    is_left_alone(json!({"data": {"text": "one"}}), "unknown").await;
}

#[tokio::test]
async fn with_other_fields() {
    is_left_alone(json!({"data": {"other": "theirs"}}), "unknown").await;
}

#[tokio::test]
async fn with_the_same_record_of_another_control_plane() {
    is_left_alone(json!({"labels": {CONTROL_PLANE: "other", OWNER: RECORD}}), "control plane other").await;
}

#[tokio::test]
async fn with_our_owner_label_only() {
    is_left_alone(json!({"labels": {OWNER: RECORD}}), "unknown").await;
}

#[tokio::test]
async fn of_another_record_of_ours() {
    let corner = Corner::new().await;
    let labels = json!({CONTROL_PLANE: corner.control_plane, OWNER: "gateway-instance-8"});
    corner.create(&config_map_ref(&corner.namespace, "web"), json!({"labels": labels})).await;
    conflicts(&corner, "gateway-instance-8").await;
}

#[tokio::test]
async fn that_replaced_ours() {
    let corner = Corner::new().await;
    let map = corner.config_map("web", "one");
    let first = corner.applied(std::slice::from_ref(&map), &[]).await;
    corner.delete(&map.at).await;
    let theirs = corner.create(&map.at, json!({"data": {"text": "one"}})).await;
    let second = corner.apply(std::slice::from_ref(&map), &first.inventory).await;
    assert!(matches!(&second.errors[..], [ClusterError::Conflict { .. }]), "{second:?}");
    assert_eq!(corner.read(&map.at).await.unwrap(), theirs);
}

/// Somebody makes the object at the moment when we do. Whoever comes second must see it.
#[tokio::test]
async fn that_is_made_at_the_same_moment() {
    let corner = Corner::new().await;
    let (mut ours, mut theirs) = (0, 0);
    for round in 0..40 {
        let map = corner.config_map(&format!("web-{round}"), "one");
        let (outcome, made) = tokio::join!(corner.apply(std::slice::from_ref(&map), &[]), attempt(&corner, &map.at));
        let live = corner.read(&map.at).await.unwrap();
        let labelled = live.metadata.labels.unwrap_or_default().contains_key(OWNER);
        if made {
            theirs += 1;
            assert!(!labelled, "an object that somebody else made carries our labels");
            assert!(matches!(&outcome.errors[..], [ClusterError::Conflict { .. }]), "{outcome:?}");
        } else {
            ours += 1;
            assert_eq!(outcome.change(&map.at), Some(&Change::Created));
        }
    }
    println!("{ours} made by us, {theirs} by somebody else");
}

async fn attempt(corner: &Corner, at: &ObjectRef) -> bool {
    // After our look most probably, before our apply perhaps.
    tokio::task::yield_now().await;
    corner.try_create(at, json!({"data": {"text": "one"}})).await
}
