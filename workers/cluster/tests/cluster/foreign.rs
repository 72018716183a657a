//! What is not ours stays as it is, to the last byte.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use causeway_cluster::{ClusterError, FieldOwner, ObjectChange};
use causeway_render::labels::{CONTROL_PLANE, OWNER};
use serde_json::{Value, json};

use crate::support::{Corner, RECORD, config_map_ref, plan};

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

/// A writer that is overtaken: after it has looked and before it writes for the first time, `meanwhile` happens.
fn overtaken<F: Future<Output = ()> + 'static>(corner: &Arc<Corner>, meanwhile: fn(Arc<Corner>) -> F) -> FieldOwner {
    let (corner, first) = (corner.clone(), AtomicBool::new(true));
    FieldOwner::new(corner.control_plane.clone(), RECORD, move || {
        if first.swap(false, Ordering::SeqCst) {
            let step = meanwhile(corner.clone());
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(step));
        }
        true
    })
}

async fn somebody_makes_it(corner: Arc<Corner>) {
    corner.create(&corner.config_map("web", "").at, json!({"data": {"text": "one"}})).await;
}

async fn somebody_replaces_it(corner: Arc<Corner>) {
    corner.delete(&corner.config_map("web", "").at).await;
    somebody_makes_it(corner).await;
}

async fn is_untouched(corner: &Corner) {
    let live = corner.read(&config_map_ref(&corner.namespace, "web")).await.unwrap();
    assert_eq!(live.metadata.labels, None);
    assert_eq!(live.metadata.managed_fields.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn that_is_made_between_our_look_and_our_apply() {
    let corner = Arc::new(Corner::new().await);
    let map = corner.config_map("web", "one");
    let writer = overtaken(&corner, somebody_makes_it);
    let outcome = corner.cluster.apply(&writer, &plan(&[map]), &[], &corner.unwatched()).await;
    assert!(matches!(&outcome.errors[..], [ClusterError::Conflict { .. }]), "{outcome:?}");
    is_untouched(&corner).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn that_replaces_ours_between_our_look_and_our_apply() {
    let corner = Arc::new(Corner::new().await);
    let first = corner.applied(&[corner.config_map("web", "one")], &[]).await;
    let writer = overtaken(&corner, somebody_replaces_it);
    let changed = plan(&[corner.config_map("web", "two")]);
    let outcome = corner.cluster.apply(&writer, &changed, &first.inventory, &corner.unwatched()).await;
    assert!(matches!(&outcome.errors[..], [ClusterError::Conflict { .. }]), "{outcome:?}");
    is_untouched(&corner).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn that_replaces_ours_between_our_look_and_our_deletion() {
    let corner = Arc::new(Corner::new().await);
    let map = corner.config_map("web", "one");
    let first = corner.applied(std::slice::from_ref(&map), &[]).await;
    let pruned = corner.cluster.prune(&overtaken(&corner, somebody_replaces_it), &first.inventory).await;
    assert!(matches!(pruned.change(&map.at), Some(ObjectChange::Released(_))), "{pruned:?}");
    is_untouched(&corner).await;
}
