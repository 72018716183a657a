//! Kinds that come, are used by others, and go.

use causeway_cluster::{ClusterError, ObjectChange};
use causeway_render::labels::OWNER;
use serde_json::json;

use crate::{
    exclusive::{definition, group, widget},
    support::{Fixture, entry, eventually},
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
async fn without_its_kind_an_object_is_not_confirmed_to_be_gone() {
    let fixture = Fixture::new().await;
    let kind = definition(&fixture, &group(&fixture));
    let ours = widget(&fixture, json!([]));
    let first = fixture.applied(&[kind.clone(), ours.clone()], &[]).await;
    fixture.delete(&kind.at).await;
    eventually("its kind is no longer served", async || !fixture.serves(&ours.at).await).await;
    let pruned = fixture.prune(&[entry(&first.inventory, &ours.at).clone()]).await;
    let Some(ObjectChange::Pending(why)) = pruned.change(&ours.at) else { panic!("{pruned:?}") };
    assert!(why.contains("Widget"), "{why}");
    assert_eq!(pruned.inventory.len(), 1);
}
