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
    /// Owners who asked while the kind was not synced: they were told nothing, whatever there is.
    unanswered: BTreeSet<Arc<str>>,
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
            unanswered: BTreeSet::new(),
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

    /// As [`Self::get`], asked for an owner: while the kind is not synced, the owner is remembered, to be woken when it is.
    pub(super) fn get_for(&mut self, owner: &str, at: &ObjectRef) -> Option<Arc<CachedObject>> {
        if !self.synced {
            self.unanswered.insert(owner.into());
        }
        self.get(at)
    }

    /// As [`Self::get_for`], for what was the owner's before the kind was lost.
    pub(super) fn owned_by(&mut self, owner: &str) -> Vec<Arc<CachedObject>> {
        if !self.synced && self.owned.contains_key(owner) {
            self.unanswered.insert(owner.into());
        }
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

    /// The list is complete. Returns the owners of everything that is different from before it, and those who asked meanwhile.
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
        let mut owners: BTreeSet<_> = appeared.chain(vanished).collect();
        owners.append(&mut self.unanswered);
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
mod tests;
