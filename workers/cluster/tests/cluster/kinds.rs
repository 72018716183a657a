//! Kinds that come, are used by others, and go.

use std::sync::{Arc, Mutex};

use causeway_cluster::{ClusterError, ObjectCache, ObjectChange};
use causeway_records::inventory::{InventoryEntry, ObjectRef};
use causeway_render::labels::OWNER;
use serde_json::json;

use crate::{
    exclusive::{definition, group, widget},
    support::{Fixture, config_map_ref, entry, eventually, namespace_ref},
};

#[tokio::test]
async fn a_kind_that_is_not_served_is_a_refusal_that_says_so() {
    let fixture = Fixture::new().await;
    let ours = widget(&fixture, json!([]));
    let outcome = fixture.apply(std::slice::from_ref(&ours), &[]).await;
    let [ClusterError::Refused { reason, .. }] = &outcome.errors[..] else { panic!("{outcome:?}") };
    assert!(reason.contains("does not serve"), "{reason}");
}

#[tokio::test]
async fn a_field_that_the_schema_lacks_concerns_the_object_and_not_the_cluster() {
    let fixture = Fixture::new().await;
    let mut ours = widget(&fixture, json!([]));
    ours.body["spec"]["unknown"] = json!(1);
    let outcome = fixture.apply(&[definition(&fixture, &group(&fixture)), ours.clone()], &[]).await;
    let [ClusterError::Refused { object, reason }] = &outcome.errors[..] else { panic!("{outcome:?}") };
    assert_eq!(**object, ours.at);
    assert!(reason.contains("unknown"), "{reason}");
}

#[tokio::test]
async fn a_definition_stays_while_somebody_uses_it_and_goes_with_the_last_object() {
    let fixture = Fixture::new().await;
    let kind = definition(&fixture, &group(&fixture));
    let ours = widget(&fixture, json!([]));
    let first = fixture.applied(&[kind.clone(), ours.clone()], &[]).await;
    let mut theirs = ours.at.clone();
    theirs.name = "theirs".into();
    fixture.create(&theirs, json!({})).await;

    let pruned = fixture.prune(&first.inventory).await;
    assert_eq!(pruned.change(&ours.at), Some(&ObjectChange::Deleted));
    let Some(ObjectChange::Released(why)) = pruned.change(&kind.at) else { panic!("{pruned:?}") };
    assert!(why.contains("theirs"), "{why}");
    assert!(pruned.inventory.is_empty());
    let live = fixture.read(&kind.at).await.unwrap();
    assert!(!live.metadata.labels.unwrap().contains_key(OWNER), "any record may take it up again");

    let again = fixture.applied(std::slice::from_ref(&kind), &[]).await;
    assert_eq!(entry(&again.inventory, &kind.at).uid, live.metadata.uid);
    fixture.delete(&theirs).await;
    let pruned = fixture.prune(&again.inventory).await;
    assert!(matches!(pruned.change(&kind.at), Some(ObjectChange::Deleted | ObjectChange::Pending(_))), "{pruned:?}");
}

#[tokio::test]
async fn objects_go_with_their_definition() {
    let fixture = Fixture::new().await;
    let kind = definition(&fixture, &group(&fixture));
    let ours = widget(&fixture, json!([]));
    let first = fixture.applied(&[kind.clone(), ours.clone()], &[]).await;
    fixture.delete(&kind.at).await;
    eventually("its kind is no longer served", async || !fixture.serves(&ours.at).await).await;
    let pruned = fixture.prune(&[entry(&first.inventory, &ours.at).clone()]).await;
    assert_eq!(pruned.change(&ours.at), Some(&ObjectChange::Deleted));
    assert!(pruned.inventory.is_empty());
}

#[tokio::test]
async fn while_its_definition_is_there_unserved_an_object_is_not_confirmed_to_be_gone() {
    let fixture = Fixture::new().await;
    let kind = definition(&fixture, &group(&fixture));
    let ours = widget(&fixture, json!([]));
    let first = fixture.applied(&[kind.clone(), ours.clone()], &[]).await;
    let mut versions = kind.body["spec"]["versions"].clone();
    versions[0]["served"] = json!(false);
    fixture.edit(&kind.at, json!({"spec": {"versions": versions}})).await;
    eventually("its kind is no longer served", async || !fixture.serves(&ours.at).await).await;
    let inventory = [entry(&first.inventory, &ours.at).clone()];
    let pruned = fixture.prune(&inventory).await;
    let Some(ObjectChange::Pending(why)) = pruned.change(&ours.at) else { panic!("{pruned:?}") };
    assert!(why.contains(&kind.at.to_string()), "{why}");
    assert_eq!(pruned.inventory, inventory);
    // A person knows better.
    let let_go = fixture.cluster.prune_and_let_go(&fixture.writer(), &inventory).await;
    assert!(matches!(let_go.change(&ours.at), Some(ObjectChange::Released(_))), "{let_go:?}");
    assert!(let_go.inventory.is_empty());
}

#[tokio::test]
async fn what_was_never_applied_holds_nothing_up() {
    let fixture = Fixture::new().await;
    // Nobody ever served it.
    let unknown = widget(&fixture, json!([])).at;
    // It was taken for a namespaced kind while nobody served it.
    let scope = ObjectRef { namespace: Some(fixture.namespace.clone()), ..namespace_ref("a") };
    let name = config_map_ref(&fixture.namespace, "a@b");
    let entries = [unknown, scope, name].map(InventoryEntry::intended);
    let pruned = fixture.prune(&entries).await;
    assert!(pruned.inventory.is_empty() && pruned.errors.is_empty(), "{pruned:?}");
    assert!(pruned.changes.iter().all(|(_, change)| *change == ObjectChange::Deleted), "{pruned:?}");
}

#[tokio::test]
async fn who_waits_for_a_kind_is_woken_when_it_is_served() {
    let fixture = Fixture::new().await;
    let woken: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = woken.clone();
    let cache = ObjectCache::new(fixture.cluster.clone(), fixture.control_plane.as_str(), move |owner| {
        noted.lock().unwrap().push(owner.to_owned());
    });
    let ours = widget(&fixture, json!([]));
    cache.wake_when_served("gateway-instance-7", [ours.at.clone()].into());
    cache.wake_when_served("gateway-instance-8", [ObjectRef { kind: "Gadget".into(), ..ours.at }].into());
    let kind = definition(&fixture, &group(&fixture));
    fixture.create(&kind.at, json!({"spec": kind.body["spec"]})).await;
    eventually("the one that waits for it is woken", async || !woken.lock().unwrap().is_empty()).await;
    assert_eq!(*woken.lock().unwrap(), ["gateway-instance-7"]);
}
