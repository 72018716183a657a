//! What is not ours stays as it is, to the last byte.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use causeway_cluster::{ClusterError, FieldOwner, ObjectChange};
use causeway_render::labels::{CONTROL_PLANE, OWNER};
use serde_json::{Value, json};

use crate::support::{Fixture, RECORD, config_map_ref, plan};

/// Somebody makes an object; our apply must leave it alone and say whose it is.
async fn is_left_alone(fields: Value, whose: &str) {
    let fixture = Fixture::new().await;
    let map = fixture.config_map("web", "one");
    let before = fixture.create(&map.at, fields).await;
    conflicts(&fixture, whose).await;
    assert_eq!(fixture.read(&map.at).await.unwrap().metadata, before.metadata, "resourceVersion and managers included");
}

async fn conflicts(fixture: &Fixture, whose: &str) {
    let map = fixture.config_map("web", "one");
    let outcome = fixture.apply(std::slice::from_ref(&map), &[]).await;
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
    let fixture = Fixture::new().await;
    let labels = json!({CONTROL_PLANE: fixture.control_plane, OWNER: "gateway-instance-8"});
    fixture.create(&config_map_ref(&fixture.namespace, "web"), json!({"labels": labels})).await;
    conflicts(&fixture, "gateway-instance-8").await;
}

#[tokio::test]
async fn that_replaced_ours() {
    let fixture = Fixture::new().await;
    let map = fixture.config_map("web", "one");
    let first = fixture.applied(std::slice::from_ref(&map), &[]).await;
    fixture.delete(&map.at).await;
    let theirs = fixture.create(&map.at, json!({"data": {"text": "one"}})).await;
    let second = fixture.apply(std::slice::from_ref(&map), &first.inventory).await;
    assert!(matches!(&second.errors[..], [ClusterError::Conflict { .. }]), "{second:?}");
    assert_eq!(fixture.read(&map.at).await.unwrap(), theirs);
}

/// A writer that is overtaken: after it has looked and before it writes for the first time, `meanwhile` happens.
fn overtaken<F: Future<Output = ()> + 'static>(fixture: &Arc<Fixture>, meanwhile: fn(Arc<Fixture>) -> F) -> FieldOwner {
    let (fixture, first) = (fixture.clone(), AtomicBool::new(true));
    FieldOwner::new(fixture.control_plane.clone(), RECORD, move || {
        if first.swap(false, Ordering::SeqCst) {
            let step = meanwhile(fixture.clone());
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(step));
        }
        true
    })
}

async fn somebody_makes_it(fixture: Arc<Fixture>) {
    fixture.create(&fixture.config_map("web", "").at, json!({"data": {"text": "one"}})).await;
}

async fn somebody_replaces_it(fixture: Arc<Fixture>) {
    fixture.delete(&fixture.config_map("web", "").at).await;
    somebody_makes_it(fixture).await;
}

async fn is_untouched(fixture: &Fixture) {
    let live = fixture.read(&config_map_ref(&fixture.namespace, "web")).await.unwrap();
    assert_eq!(live.metadata.labels, None);
    assert_eq!(live.metadata.managed_fields.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn that_is_made_between_our_look_and_our_apply() {
    let fixture = Arc::new(Fixture::new().await);
    let map = fixture.config_map("web", "one");
    let writer = overtaken(&fixture, somebody_makes_it);
    let outcome = fixture.cluster.apply(&writer, &plan(&[map]), &[], &fixture.unwatched()).await;
    assert!(matches!(&outcome.errors[..], [ClusterError::Conflict { .. }]), "{outcome:?}");
    is_untouched(&fixture).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn that_replaces_ours_between_our_look_and_our_apply() {
    let fixture = Arc::new(Fixture::new().await);
    let first = fixture.applied(&[fixture.config_map("web", "one")], &[]).await;
    let writer = overtaken(&fixture, somebody_replaces_it);
    let changed = plan(&[fixture.config_map("web", "two")]);
    let outcome = fixture.cluster.apply(&writer, &changed, &first.inventory, &fixture.unwatched()).await;
    assert!(matches!(&outcome.errors[..], [ClusterError::Conflict { .. }]), "{outcome:?}");
    is_untouched(&fixture).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn that_replaces_ours_between_our_look_and_our_deletion() {
    let fixture = Arc::new(Fixture::new().await);
    let map = fixture.config_map("web", "one");
    let first = fixture.applied(std::slice::from_ref(&map), &[]).await;
    let pruned = fixture.cluster.prune(&overtaken(&fixture, somebody_replaces_it), &first.inventory).await;
    assert!(matches!(pruned.change(&map.at), Some(ObjectChange::Released(_))), "{pruned:?}");
    is_untouched(&fixture).await;
}
