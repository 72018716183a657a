//! Making a plan true, and keeping it true.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use causeway_cluster::{ClusterError, FieldOwner, ObjectCache, ObjectChange};
use serde_json::json;
use tokio::time::Instant;

use crate::support::{DEADLINE, Fixture, RECORD, Requests, config_map_ref, entry, eventually, plan};

#[tokio::test]
async fn a_new_object_is_ours_by_the_uid_it_got() {
    let fixture = Fixture::new().await;
    let map = fixture.config_map("web", "one");
    let outcome = fixture.applied(std::slice::from_ref(&map), &[]).await;
    assert_eq!(outcome.change(&map.at), Some(&ObjectChange::Created));
    let live = fixture.read(&map.at).await.unwrap();
    assert_eq!(entry(&outcome.inventory, &map.at).uid, live.metadata.uid);
    assert_eq!(live.data["data"]["text"], "one");
    let managers: Vec<_> = live.metadata.managed_fields.unwrap().into_iter().map(|field| field.manager).collect();
    assert_eq!(managers, [Some(format!("causeway-{}", fixture.control_plane))]);
}

#[tokio::test]
async fn a_second_apply_changes_nothing() {
    let fixture = Fixture::new().await;
    let map = fixture.config_map("web", "one");
    let first = fixture.applied(std::slice::from_ref(&map), &[]).await;
    let before = fixture.read(&map.at).await;
    let second = fixture.applied(std::slice::from_ref(&map), &first.inventory).await;
    assert_eq!(second.change(&map.at), Some(&ObjectChange::Unchanged));
    assert_eq!(second.inventory, first.inventory);
    assert_eq!(fixture.read(&map.at).await, before);
}

#[tokio::test]
async fn what_somebody_edited_is_put_back() {
    let fixture = Fixture::new().await;
    let map = fixture.config_map("web", "one");
    let first = fixture.applied(std::slice::from_ref(&map), &[]).await;
    fixture.edit(&map.at, json!({"data": {"text": "other", "more": "theirs"}, "metadata": {"labels": null}})).await;
    let second = fixture.applied(std::slice::from_ref(&map), &first.inventory).await;
    assert_eq!(second.change(&map.at), Some(&ObjectChange::Updated));
    let live = fixture.read(&map.at).await.unwrap();
    assert_eq!(live.data["data"], json!({"text": "one", "more": "theirs"}));
    assert_eq!(live.metadata.labels.unwrap().len(), 2, "our labels are back");
}

#[tokio::test]
async fn what_somebody_deleted_is_made_again() {
    let fixture = Fixture::new().await;
    let map = fixture.config_map("web", "one");
    let first = fixture.applied(std::slice::from_ref(&map), &[]).await;
    fixture.delete(&map.at).await;
    let second = fixture.applied(std::slice::from_ref(&map), &first.inventory).await;
    assert_eq!(second.change(&map.at), Some(&ObjectChange::Created));
    assert_ne!(entry(&second.inventory, &map.at).uid, entry(&first.inventory, &map.at).uid);
}

#[tokio::test]
async fn an_object_whose_uid_was_not_noted_is_taken_back_by_its_labels() {
    let fixture = Fixture::new().await;
    let map = fixture.config_map("web", "one");
    let first = fixture.applied(std::slice::from_ref(&map), &[]).await;
    let second = fixture.applied(std::slice::from_ref(&map), &[]).await;
    assert_eq!(second.change(&map.at), Some(&ObjectChange::Unchanged));
    assert_eq!(second.inventory, first.inventory);
}

#[tokio::test]
async fn a_refused_object_leaves_the_others_of_its_stage_alone() {
    let fixture = Fixture::new().await;
    let good = fixture.config_map("good", "one");
    let bad = fixture.object(config_map_ref(&fixture.namespace, "bad"), json!({"data": {"text": 5}}));
    let outcome = fixture.apply(&[bad.clone(), good.clone()], &[]).await;
    assert_eq!(outcome.change(&good.at), Some(&ObjectChange::Created));
    let [ClusterError::Refused { object, .. }] = &outcome.errors[..] else { panic!("{:?}", outcome.errors) };
    assert_eq!(**object, bad.at);
    assert_eq!(entry(&outcome.inventory, &bad.at).uid, None);
}

#[tokio::test]
async fn an_object_that_could_not_be_known_again_is_not_made() {
    let fixture = Fixture::new().await;
    let mut map = fixture.config_map("web", "one");
    map.body["metadata"]["labels"] = json!({});
    let outcome = fixture.apply(std::slice::from_ref(&map), &[]).await;
    assert!(matches!(&outcome.errors[..], [ClusterError::Refused { .. }]), "{outcome:?}");
    assert!(fixture.read(&map.at).await.is_none());
}

#[tokio::test]
async fn a_lost_lease_stops_before_the_next_write() {
    let fixture = Fixture::new().await;
    let objects: Vec<_> = (0..30).map(|number| fixture.config_map(&format!("web-{number}"), "one")).collect();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let writer =
        FieldOwner::new(fixture.control_plane.as_str(), RECORD, move || counter.fetch_add(1, Ordering::SeqCst) < 5);
    let outcome = fixture.cluster.apply(&writer, &plan(&objects), &[], &fixture.unwatched()).await;
    assert!(!outcome.errors.is_empty());
    assert!(outcome.errors.iter().all(|error| matches!(error, ClusterError::Cancelled { .. })), "{:?}", outcome.errors);
    let made: Vec<_> =
        fixture.names(&objects[0].at).await.into_iter().filter(|name| name.starts_with("web-")).collect();
    assert_eq!(made.len(), 5, "exactly as many as were allowed: {made:?}");
    assert_eq!(outcome.inventory.len(), objects.len());
    assert_eq!(outcome.inventory.iter().filter(|entry| entry.uid.is_some()).count(), 5);

    let pruned = fixture.cluster.prune(&writer, &outcome.inventory).await;
    assert!(pruned.errors.iter().all(|error| matches!(error, ClusterError::Cancelled { .. })));
    assert_eq!(fixture.names(&objects[0].at).await.iter().filter(|name| name.starts_with("web-")).count(), 5);
}

#[tokio::test]
async fn the_steady_state_costs_no_request() {
    let fixture = Fixture::new().await;
    let requests = Requests::default();
    let cluster = requests.cluster().await;
    let objects: Vec<_> = (0..10).map(|number| fixture.config_map(&format!("web-{number}"), "one")).collect();
    let watches = ObjectCache::new(cluster.clone(), fixture.control_plane.as_str(), |_| ());
    watches.ensure_watched(&objects[0].at);
    assert!(watches.wait_synced(Instant::now() + DEADLINE).await);
    let first = cluster.apply(&fixture.writer(), &plan(&objects), &[], &watches).await;
    assert!(first.is_complete(), "{first:?}");
    eventually("the watch has seen them all", async || watches.by_owner(RECORD).len() == objects.len()).await;
    requests.take();

    let second = cluster.apply(&fixture.writer(), &plan(&objects), &first.inventory, &watches).await;
    assert!(second.changes.iter().all(|(_, change)| *change == ObjectChange::Skipped), "{second:?}");
    assert_eq!(second.inventory, first.inventory);
    assert_eq!(requests.take(), Vec::<String>::new());

    let mut changed = objects.clone();
    changed[3] = fixture.config_map("web-3", "two");
    let third = cluster.apply(&fixture.writer(), &plan(&changed), &second.inventory, &watches).await;
    assert_eq!(third.change(&changed[3].at), Some(&ObjectChange::Updated));
    assert_eq!(third.changes.iter().filter(|(_, change)| *change == ObjectChange::Skipped).count(), 9);
    let path = format!("/api/v1/namespaces/{}/configmaps/web-3", fixture.namespace);
    assert_eq!(requests.take(), [format!("PATCH {path}")], "one apply, bound to what the watch shows");
}
