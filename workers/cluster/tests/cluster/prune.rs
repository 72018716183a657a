//! Taking away: ours only, and never more than that.

use causeway_cluster::ObjectChange;
use causeway_records::inventory::{InventoryEntry, ObjectRef};
use causeway_render::labels::{CONTROL_PLANE, OWNER};
use serde_json::json;

use crate::support::{Fixture, config_map_ref, entry, namespace_ref};

#[tokio::test]
async fn what_is_ours_goes() {
    let fixture = Fixture::new().await;
    let map = fixture.config_map("web", "one");
    let applied = fixture.applied(std::slice::from_ref(&map), &[]).await;
    let pruned = fixture.prune(&applied.inventory).await;
    assert_eq!(pruned.change(&map.at), Some(&ObjectChange::Deleted));
    assert!(pruned.inventory.is_empty() && pruned.is_complete());
    assert!(fixture.read(&map.at).await.is_none());
}

#[tokio::test]
async fn what_was_never_made_is_confirmed_to_be_gone() {
    let fixture = Fixture::new().await;
    let at = config_map_ref(&fixture.namespace, "web");
    let pruned = fixture.prune(&[InventoryEntry::intended(at.clone())]).await;
    assert_eq!(pruned.change(&at), Some(&ObjectChange::Deleted));
}

#[tokio::test]
async fn what_somebody_made_anew_stays() {
    let fixture = Fixture::new().await;
    let map = fixture.config_map("web", "one");
    let applied = fixture.applied(std::slice::from_ref(&map), &[]).await;
    fixture.delete(&map.at).await;
    let theirs = fixture.create(&map.at, json!({})).await;
    let pruned = fixture.prune(&applied.inventory).await;
    assert!(matches!(pruned.change(&map.at), Some(ObjectChange::Released(_))), "{pruned:?}");
    assert!(pruned.inventory.is_empty());
    assert_eq!(fixture.read(&map.at).await.unwrap(), theirs);
}

#[tokio::test]
async fn what_was_never_ours_stays() {
    let fixture = Fixture::new().await;
    let at = config_map_ref(&fixture.namespace, "web");
    let theirs = fixture.create(&at, json!({})).await;
    let pruned = fixture.prune(&[InventoryEntry::intended(at.clone())]).await;
    assert!(matches!(pruned.change(&at), Some(ObjectChange::Released(_))), "{pruned:?}");
    assert_eq!(fixture.read(&at).await.unwrap(), theirs);
}

#[tokio::test]
async fn what_somebody_took_our_labels_off_stays() {
    let fixture = Fixture::new().await;
    let map = fixture.config_map("web", "one");
    let applied = fixture.applied(std::slice::from_ref(&map), &[]).await;
    let theirs = fixture.edit(&map.at, json!({"metadata": {"labels": null}})).await;
    let pruned = fixture.prune(&applied.inventory).await;
    assert!(matches!(pruned.change(&map.at), Some(ObjectChange::Released(_))), "{pruned:?}");
    assert_eq!(fixture.read(&map.at).await.unwrap(), theirs);
}

#[tokio::test]
async fn what_is_marked_to_be_kept_stays_without_an_owner() {
    let fixture = Fixture::new().await;
    let mut map = fixture.config_map("web", "one");
    map.keep = true;
    let applied = fixture.applied(std::slice::from_ref(&map), &[]).await;
    let pruned = fixture.prune(&applied.inventory).await;
    assert!(matches!(pruned.change(&map.at), Some(ObjectChange::Released(_))), "{pruned:?}");
    let labels = fixture.read(&map.at).await.unwrap().metadata.labels.unwrap();
    assert_eq!(labels.keys().collect::<Vec<_>>(), [CONTROL_PLANE]);
}

#[tokio::test]
async fn a_finalizer_is_named_and_keeps_the_entry() {
    let fixture = Fixture::new().await;
    let map = fixture.object(config_map_ref(&fixture.namespace, "web"), json!({"finalizers": ["causeway.test/hold"]}));
    let applied = fixture.applied(std::slice::from_ref(&map), &[]).await;
    for _ in 0..2 {
        let pruned = fixture.prune(&applied.inventory).await;
        let Some(ObjectChange::Pending(why)) = pruned.change(&map.at) else { panic!("{pruned:?}") };
        assert!(why.contains("causeway.test/hold"), "{why}");
        assert_eq!(pruned.inventory, applied.inventory);
    }
    let meanwhile = fixture.apply(std::slice::from_ref(&map), &applied.inventory).await;
    assert!(meanwhile.errors[0].to_string().contains("being deleted"), "{meanwhile:?}");

    fixture.edit(&map.at, json!({"metadata": {"finalizers": null}})).await;
    let pruned = fixture.prune(&applied.inventory).await;
    assert_eq!(pruned.change(&map.at), Some(&ObjectChange::Deleted));
}

#[tokio::test]
async fn a_namespace_with_somebodys_object_in_it_stays_and_can_be_taken_up_again() {
    let fixture = Fixture::new().await;
    let space = fixture.own_namespace();
    let map = fixture.object(config_map_ref(&space.at.name, "web"), json!({}));
    let applied = fixture.applied(&[space.clone(), map.clone()], &[]).await;
    fixture.create(&config_map_ref(&space.at.name, "theirs"), json!({})).await;

    let pruned = fixture.prune(&applied.inventory).await;
    assert_eq!(pruned.change(&map.at), Some(&ObjectChange::Deleted));
    let Some(ObjectChange::Released(why)) = pruned.change(&space.at) else { panic!("{pruned:?}") };
    assert!(why.contains(&format!("ConfigMap {}/theirs", space.at.name)), "{why}");
    assert!(pruned.inventory.is_empty());
    let live = fixture.read(&space.at).await.unwrap();
    assert!(live.metadata.deletion_timestamp.is_none());
    assert!(!live.metadata.labels.unwrap().contains_key(OWNER));

    let again = fixture.applied(std::slice::from_ref(&space), &[]).await;
    assert_eq!(entry(&again.inventory, &space.at).uid, live.metadata.uid);
}

/// A namespace is deleted, or its deletion has been asked for.
async fn assert_goes(fixture: &Fixture, inventory: &[InventoryEntry], space: &ObjectRef) {
    let pruned = fixture.prune(inventory).await;
    assert!(matches!(pruned.change(space), Some(ObjectChange::Pending(_) | ObjectChange::Deleted)), "{pruned:?}");
    let live = fixture.read(space).await;
    assert!(live.is_none_or(|live| live.metadata.deletion_timestamp.is_some()));
}

#[tokio::test]
async fn an_empty_namespace_of_ours_goes() {
    let fixture = Fixture::new().await;
    let space = fixture.own_namespace();
    let map = fixture.object(config_map_ref(&space.at.name, "web"), json!({}));
    let applied = fixture.applied(&[space.clone(), map.clone()], &[]).await;
    assert_goes(&fixture, &applied.inventory, &space.at).await;
}

#[tokio::test]
async fn a_namespace_waits_for_what_is_on_its_way_out() {
    let fixture = Fixture::new().await;
    let space = fixture.own_namespace();
    let map = fixture.object(config_map_ref(&space.at.name, "web"), json!({"finalizers": ["causeway.test/hold"]}));
    let applied = fixture.applied(&[space.clone(), map.clone()], &[]).await;
    let pruned = fixture.prune(&applied.inventory).await;
    let Some(ObjectChange::Pending(why)) = pruned.change(&space.at) else { panic!("{pruned:?}") };
    assert!(why.contains(&map.at.to_string()), "{why}");
    assert!(fixture.read(&space.at).await.unwrap().metadata.deletion_timestamp.is_none());
    fixture.edit(&map.at, json!({"metadata": {"finalizers": null}})).await;
}

#[tokio::test]
async fn what_a_platform_puts_into_every_namespace_does_not_keep_it() {
    let fixture = Fixture::new().await;
    let space = fixture.own_namespace();
    let applied = fixture.applied(std::slice::from_ref(&space), &[]).await;
    for name in ["istio-ca-root-cert", "openshift-service-ca.crt"] {
        fixture.create(&config_map_ref(&space.at.name, name), json!({})).await;
    }
    let builder = ObjectRef { kind: "ServiceAccount".into(), ..config_map_ref(&space.at.name, "builder") };
    let uid = fixture.create(&builder, json!({})).await.metadata.uid.unwrap();
    let secret = ObjectRef { kind: "Secret".into(), ..config_map_ref(&space.at.name, "builder-dockercfg-x") };
    fixture.create(&secret, json!({})).await;
    let owners = json!([{"apiVersion": "v1", "kind": "ServiceAccount", "name": "builder", "uid": uid}]);
    fixture.edit(&secret, json!({"metadata": {"ownerReferences": owners}})).await;
    assert_goes(&fixture, &applied.inventory, &space.at).await;
}

#[tokio::test]
async fn a_namespace_with_another_records_object_names_that_record() {
    let fixture = Fixture::new().await;
    let space = fixture.own_namespace();
    let applied = fixture.applied(std::slice::from_ref(&space), &[]).await;
    let labels = json!({CONTROL_PLANE: fixture.control_plane, OWNER: "workload-instance-8"});
    fixture.create(&config_map_ref(&space.at.name, "theirs"), json!({"labels": labels})).await;
    let pruned = fixture.prune(&applied.inventory).await;
    let Some(ObjectChange::Held { by, why }) = pruned.change(&space.at) else { panic!("{pruned:?}") };
    assert_eq!(by, "workload-instance-8");
    assert!(why.contains("theirs of workload-instance-8"), "{why}");
    assert_eq!(pruned.inventory, applied.inventory);
    let stays = fixture.cluster.let_stay(&fixture.writer(), &applied.inventory[0], "it stays").await.unwrap();
    assert_eq!(stays, ObjectChange::Released("it stays".into()));
    assert!(!fixture.read(&space.at).await.unwrap().metadata.labels.unwrap().contains_key(OWNER));
}

#[tokio::test]
async fn what_an_owner_that_lives_elsewhere_keeps_stays() {
    let fixture = Fixture::new().await;
    let space = fixture.own_namespace();
    let applied = fixture.applied(std::slice::from_ref(&space), &[]).await;
    let map = config_map_ref(&space.at.name, "kept");
    fixture.create(&map, json!({})).await;
    let living = fixture.read(&namespace_ref(&fixture.namespace)).await.unwrap();
    let uid = living.metadata.uid;
    let owner = json!({"apiVersion": "v1", "kind": "Namespace", "name": fixture.namespace, "uid": uid});
    fixture.edit(&map, json!({"metadata": {"ownerReferences": [owner]}})).await;
    let pruned = fixture.prune(&applied.inventory).await;
    let Some(ObjectChange::Released(why)) = pruned.change(&space.at) else { panic!("{pruned:?}") };
    assert!(why.contains(&format!("ConfigMap {}/kept (of Namespace {})", space.at.name, fixture.namespace)), "{why}");
}

#[tokio::test]
async fn by_a_persons_word_nobody_waits_for_a_finalizer() {
    let fixture = Fixture::new().await;
    let space = fixture.own_namespace();
    let map = fixture.object(config_map_ref(&space.at.name, "web"), json!({"finalizers": ["causeway.test/hold"]}));
    let applied = fixture.applied(&[space.clone(), map.clone()], &[]).await;
    let pruned = fixture.cluster.prune_and_let_go(&fixture.writer(), &applied.inventory).await;
    assert!(pruned.inventory.is_empty() && pruned.is_complete(), "{pruned:?}");
    let Some(ObjectChange::Released(why)) = pruned.change(&map.at) else { panic!("{pruned:?}") };
    assert!(why.contains("causeway.test/hold"), "{why}");
    for at in [&space.at, &map.at] {
        assert!(
            fixture.read(at).await.unwrap().metadata.deletion_timestamp.is_some(),
            "{at}: its deletion was asked for"
        );
    }
    fixture.edit(&map.at, json!({"metadata": {"finalizers": null}})).await;
}
