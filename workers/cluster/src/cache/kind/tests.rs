use super::*;
use crate::UnreachableCause;
use crate::samples::config_map;

fn object(name: &str, owner: &str, hash: &str, status: &str) -> CachedObject {
    CachedObject::for_tests(config_map(name), "u1", hash).owned(owner, status)
}

fn listed(objects: Vec<CachedObject>) -> (KindCache, Vec<Arc<str>>) {
    let mut cache = KindCache::new(&Memory::default());
    let owners = list(&mut cache, objects);
    (cache, owners)
}

fn list(cache: &mut KindCache, objects: Vec<CachedObject>) -> Vec<Arc<str>> {
    cache.begin();
    objects.into_iter().for_each(|object| cache.arrive(object).unwrap());
    cache.complete()
}

fn cut() -> ClusterError {
    ClusterError::unreachable(UnreachableCause::ConnectionFailed, "connection refused")
}

fn names(owners: &[Arc<str>]) -> Vec<&str> {
    owners.iter().map(|owner| &**owner).collect()
}

#[test]
fn the_first_list_wakes_each_owner_once() {
    let objects =
        vec![object("a", "x-1", "h", "null"), object("b", "x-1", "h", "null"), object("c", "x-2", "h", "null")];
    let (mut cache, owners) = listed(objects);
    assert_eq!(names(&owners), ["x-1", "x-2"]);
    assert!(cache.is_synced());
    assert_eq!(cache.owned_by("x-1").len(), 2);
}

#[test]
fn only_changes_wake() {
    let (mut cache, _) = listed(vec![object("a", "x-1", "h", "null")]);
    assert!(cache.put(object("a", "x-1", "h", "null")).unwrap().is_empty());
    assert_eq!(names(&cache.put(object("a", "x-1", "h2", "null")).unwrap()), ["x-1"]);
    assert_eq!(names(&cache.put(object("a", "x-1", "h2", "{}")).unwrap()), ["x-1"]);
    assert_eq!(names(&cache.put(object("b", "x-2", "h", "null")).unwrap()), ["x-2"]);
    assert_eq!(names(&cache.remove(&object("b", "x-2", "h", "null"))), ["x-2"]);
    assert!(cache.remove(&object("b", "x-2", "h", "null")).is_empty());
}

#[test]
fn an_object_that_changes_hands_wakes_both() {
    let (mut cache, _) = listed(vec![object("a", "x-1", "h", "null")]);
    assert_eq!(names(&cache.put(object("a", "x-2", "h", "null")).unwrap()), ["x-1", "x-2"]);
    assert_eq!([cache.owned_by("x-1").len(), cache.owned_by("x-2").len()], [0, 1]);
    assert_eq!(names(&cache.put(object("a", "", "h", "null")).unwrap()), ["x-2"]);
    cache.remove(&object("a", "", "h", "null"));
    assert!(cache.owned.is_empty(), "nothing is left of those who have nothing");
}

#[test]
fn a_list_after_a_gap_wakes_for_what_happened_in_it() {
    let same = object("same", "x-1", "h", "null");
    let (mut cache, _) =
        listed(vec![same.clone(), object("gone", "x-2", "h", "null"), object("new", "x-3", "h", "null")]);
    assert!(cache.fail(cut()).is_empty(), "it is news about the cluster");
    assert_eq!(cache.error(), Some(&cut()));
    let owners = list(&mut cache, vec![same, object("new", "x-3", "h2", "null"), object("more", "x-4", "h", "null")]);
    assert_eq!(names(&owners), ["x-2", "x-3", "x-4"]);
    assert_eq!(cache.error(), None);
}

#[test]
fn how_a_job_ended_is_known_when_it_is_gone() {
    let job = |name: &str, uid: &str, condition: &str| {
        let mut job =
            object(name, "x-1", "h", &format!(r#"{{"conditions":[{{"type":"{condition}","status":"True"}}]}}"#));
        job.at = ObjectRef { group: "batch".into(), kind: "Job".into(), ..job.at };
        job.uid = uid.into();
        job
    };
    let (mut cache, _) = listed(vec![job("a", "u1", "Suspended"), job("b", "u2", "Failed")]);
    cache.remove(&job("a", "u1", "Complete"));
    assert_eq!([cache.end("u1"), cache.end("u2")], [Some(JobEnd::Complete), None]);
    list(&mut cache, vec![job("b", "u3", "Suspended")]);
    assert_eq!([cache.end("u2"), cache.end("u3")], [Some(JobEnd::Failed), None]);
    cache.remove(&job("b", "u3", "Suspended"));
    assert_eq!(cache.end("u3"), None, "it had not ended");
}

#[test]
fn nothing_is_known_while_the_kind_is_not_synced() {
    let seen = object("a", "x-1", "h", "null");
    let (mut cache, _) = listed(vec![seen.clone()]);
    assert!(cache.get(&seen.at).is_some());
    cache.fail(cut());
    assert!(cache.get(&seen.at).is_none());
    assert!(cache.owned_by("x-1").is_empty());
    cache.begin();
    cache.arrive(seen.clone()).unwrap();
    assert!(cache.get(&seen.at).is_none(), "the list may be missing others");
    cache.complete();
    assert!(cache.get(&seen.at).is_some());
}

/// Nothing may be different when it is listed again, and yet they know nothing.
#[test]
fn who_asks_while_the_kind_is_not_synced_is_woken_when_it_is() {
    let seen = object("a", "x-1", "h", "null");
    let (mut cache, _) = listed(vec![seen.clone()]);
    assert!(cache.get_for("x-2", &seen.at).is_some());
    cache.fail(cut());
    assert!(cache.get_for("x-2", &seen.at).is_none());
    assert_eq!(names(&list(&mut cache, vec![seen.clone()])), ["x-2"]);
    cache.begin();
    assert!(cache.owned_by("x-1").is_empty() && cache.owned_by("x-3").is_empty());
    assert_eq!(names(&list(&mut cache, vec![seen.clone()])), ["x-1"], "x-3 has nothing of this kind");
    assert!(list(&mut cache, vec![seen]).is_empty(), "they are woken once");
}

#[test]
fn owners_are_told_that_a_kind_is_not_watched_any_more_and_that_it_is_again() {
    let seen = object("a", "x-1", "h", "null");
    let denied = ClusterError::unwatched(&seen.at, "it may not be listed");
    let (mut cache, _) = listed(vec![seen.clone()]);
    assert_eq!(names(&cache.fail(denied.clone())), ["x-1"]);
    assert!(cache.objects.iter().next().is_none(), "others may need the room");
    cache.begin();
    assert!(cache.fail(denied).is_empty(), "it is no news");
    assert_eq!(names(&list(&mut cache, vec![seen])), ["x-1"]);
}
