//! What is known of one kind, and whom a change of it concerns. Pure: events in, owners out.
//!
//! Own code instead of kube's `Store` because that one answers stale while a list is repeated, has no index by owner, and can't say
//! what is different after a repeated list: what happened in a gap of the watch would wake nobody.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use causeway_records::inventory::{JobEnd, ObjectRef};

use super::{
    CachedObject,
    objects::{Key, Memory, Objects, key},
};
use crate::ClusterError;

pub(super) struct KindCache {
    /// Kept while a new list arrives, to see what changed in the meantime.
    objects: Objects,
    /// Index of `objects`.
    owned: HashMap<Arc<str>, HashSet<Key>>,
    /// A list that is not complete yet.
    arriving: Objects,
    /// How Jobs ended that are gone since, by the uid of each.
    ended: HashMap<String, JobEnd>,
    synced: bool,
    error: Option<ClusterError>,
}

/// So many ends are remembered, for the moment until their records are reconciled.
const MOST_ENDS: usize = 10_000;

impl KindCache {
    pub(super) fn new(memory: &Memory) -> Self {
        Self {
            objects: Objects::new(memory),
            owned: HashMap::new(),
            arriving: Objects::new(memory),
            ended: HashMap::new(),
            synced: false,
            error: None,
        }
    }

    /// How a Job ended that is gone.
    pub(super) fn end(&self, uid: &str) -> Option<JobEnd> {
        self.ended.get(uid).copied()
    }

    fn remember_end(&mut self, last: &CachedObject) {
        if let Some(end) = last.job_end() {
            if self.ended.len() >= MOST_ENDS {
                self.ended.clear();
            }
            self.ended.insert(last.uid.clone(), end);
        }
    }

    pub(super) fn is_synced(&self) -> bool {
        self.synced
    }

    pub(super) fn error(&self) -> Option<&ClusterError> {
        self.error.as_ref()
    }

    /// None while the kind is not synced: what was known may be wrong by now.
    pub(super) fn get(&self, at: &ObjectRef) -> Option<Arc<CachedObject>> {
        self.objects.get(&key(at)).filter(|_| self.synced).cloned()
    }

    pub(super) fn by_owner(&self, owner: &str) -> Vec<Arc<CachedObject>> {
        let keys = self.owned.get(owner).filter(|_| self.synced);
        keys.into_iter().flatten().filter_map(|key| self.objects.get(key)).cloned().collect()
    }

    /// A list begins.
    pub(super) fn begin(&mut self) {
        self.synced = false;
        self.arriving.clear();
    }

    /// One object of the list.
    ///
    /// # Errors
    /// The list has more than is kept of a kind, or of a cluster: the sentence says so.
    pub(super) fn arrive(&mut self, object: CachedObject) -> Result<(), String> {
        self.arriving.insert(key(&object.at), Arc::new(object));
        self.arriving.check_capacity()
    }

    /// The list is complete. Returns the owners of everything that is different from before it.
    pub(super) fn complete(&mut self) -> Vec<Arc<str>> {
        let mut old = self.arriving.take();
        std::mem::swap(&mut self.objects, &mut old);
        self.owned.clear();
        for (key, object) in self.objects.iter() {
            self.owned.entry(object.owner.clone()).or_default().insert(key.clone());
        }
        self.synced = true;
        self.error = None;
        let gone = old.iter().filter(|(key, old)| self.objects.get(key).is_none_or(|new| new.uid != old.uid));
        let gone: Vec<_> = gone.map(|(_, object)| object.clone()).collect();
        gone.iter().for_each(|object| self.remember_end(object));
        let appeared = self.objects.iter().flat_map(|(key, object)| concerned(old.get(key), Some(object)));
        let vanished = old.iter().filter(|(key, _)| self.objects.get(key).is_none());
        let vanished = vanished.flat_map(|(_, object)| concerned(Some(object), None));
        let owners: BTreeSet<_> = appeared.chain(vanished).collect();
        owners.into_iter().collect()
    }

    /// An object appeared or changed.
    ///
    /// # Errors
    /// It is more than is kept of a kind, or of a cluster: the sentence says so.
    pub(super) fn put(&mut self, object: CachedObject) -> Result<Vec<Arc<str>>, String> {
        let (key, new) = (key(&object.at), Arc::new(object));
        let old = self.objects.insert(key.clone(), new.clone());
        if let Some(before) = old.as_ref().filter(|before| before.owner != new.owner) {
            self.disown(&before.owner, &key);
        }
        self.owned.entry(new.owner.clone()).or_default().insert(key);
        self.objects.check_capacity()?;
        Ok(concerned(old.as_ref(), Some(&new)).into_iter().collect())
    }

    /// An object was deleted, or lost our label.
    pub(super) fn remove(&mut self, last: &CachedObject) -> Vec<Arc<str>> {
        self.remember_end(last);
        let key = key(&last.at);
        let old = self.objects.remove(&key);
        if let Some(before) = &old {
            self.disown(&before.owner, &key);
        }
        concerned(old.as_ref(), None).into_iter().collect()
    }

    fn disown(&mut self, owner: &str, key: &Key) {
        if let Some(keys) = self.owned.get_mut(owner) {
            keys.remove(key);
            if keys.is_empty() {
                self.owned.remove(owner);
            }
        }
    }

    /// The watch failed. Returns the owners of what was known, if its kind isn't watched any more: they have to say so.
    pub(super) fn fail(&mut self, error: ClusterError) -> Vec<Arc<str>> {
        self.synced = false;
        self.arriving.clear();
        let is_unwatched = matches!(error, ClusterError::Unwatched { .. });
        self.error = Some(error);
        if !is_unwatched {
            return Vec::new();
        }
        // Other kinds may need the room. All owners are woken again when it is listed.
        self.objects.clear();
        std::mem::take(&mut self.owned).into_keys().filter(|owner| !owner.is_empty()).collect()
    }
}

/// The owners to whom the step from `old` to `new` means something.
fn concerned(old: Option<&Arc<CachedObject>>, new: Option<&Arc<CachedObject>>) -> BTreeSet<Arc<str>> {
    if let (Some(old), Some(new)) = (old, new)
        && old.means_the_same_as(new)
    {
        return BTreeSet::new();
    }
    [old, new].into_iter().flatten().map(|object| object.owner.clone()).filter(|owner| !owner.is_empty()).collect()
}

#[cfg(test)]
mod tests {
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
        let (cache, owners) = listed(objects);
        assert_eq!(names(&owners), ["x-1", "x-2"]);
        assert!(cache.is_synced());
        assert_eq!(cache.by_owner("x-1").len(), 2);
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
        assert_eq!([cache.by_owner("x-1").len(), cache.by_owner("x-2").len()], [0, 1]);
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
        let owners =
            list(&mut cache, vec![same, object("new", "x-3", "h2", "null"), object("more", "x-4", "h", "null")]);
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
        assert!(cache.by_owner("x-1").is_empty());
        cache.begin();
        cache.arrive(seen.clone()).unwrap();
        assert!(cache.get(&seen.at).is_none(), "the list may be missing others");
        cache.complete();
        assert!(cache.get(&seen.at).is_some());
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
}
