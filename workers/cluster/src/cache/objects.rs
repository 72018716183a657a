//! Objects of one kind by name, and how much of them is kept: many times what a cluster needs, and little enough that a cluster which
//! sends what it likes costs no other cluster its worker.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use causeway_records::inventory::ObjectRef;

use super::CachedObject;
use crate::share::{Over, Pool, Share};

/// Objects of one kind.
const MOST_OBJECTS: usize = 50_000;
const MIB: usize = 1024 * 1024;
/// Objects of all kinds, of all clusters and of one.
static KEPT: Pool = Pool::new(160 * MIB, 96 * MIB);

/// Sets what the cached objects of all clusters of this process may take, in MiB; those of one cluster may take three fifths of it.
pub fn limit_cache(mebibytes: usize) {
    let all = mebibytes.saturating_mul(MIB);
    KEPT.limit(all, all / 5 * 3);
}

/// Namespace (empty for none) and name.
pub(super) type Key = (Box<str>, Box<str>);

pub(super) fn key(at: &ObjectRef) -> Key {
    (at.namespace.as_deref().unwrap_or_default().into(), at.name.as_str().into())
}

/// About how many bytes the objects of a cluster take, over all its kinds.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    share: Share,
    /// Kinds that have some.
    kinds: Arc<AtomicUsize>,
}

impl Default for Memory {
    fn default() -> Self {
        Self::of(&KEPT)
    }
}

impl Memory {
    fn of(pool: &'static Pool) -> Self {
        Self { share: Share::of(pool), kinds: Arc::default() }
    }

    /// A kind that has so many bytes may not have more. The last fifth is for kinds that have less than the average, so one kind that grows
    /// without end is over the limit before the others are.
    ///
    /// # Errors
    /// The limit that it is over.
    fn check(&self, bytes: usize) -> Result<(), Over> {
        self.share.check()?;
        let (used, most) = self.share.used_of_most();
        let average = used / self.kinds.load(Ordering::Relaxed).max(1);
        if used > most / 5 * 4 && bytes >= average { Err(Over(most / 5 * 4)) } else { Ok(()) }
    }
}

/// What is in here is counted in the memory of the cluster until it is dropped.
pub(super) struct Objects {
    by_name: HashMap<Key, Arc<CachedObject>>,
    bytes: usize,
    memory: Memory,
}

impl Objects {
    pub(super) fn new(memory: &Memory) -> Self {
        Self { by_name: HashMap::new(), bytes: 0, memory: memory.clone() }
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Arc<CachedObject>> {
        self.by_name.get(key)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Key, &Arc<CachedObject>)> {
        self.by_name.iter()
    }

    pub(super) fn insert(&mut self, key: Key, object: Arc<CachedObject>) -> Option<Arc<CachedObject>> {
        self.count(object.size(), 0);
        let old = self.by_name.insert(key, object);
        self.count(0, old.as_ref().map_or(0, |old| old.size()));
        old
    }

    pub(super) fn remove(&mut self, key: &Key) -> Option<Arc<CachedObject>> {
        let old = self.by_name.remove(key);
        self.count(0, old.as_ref().map_or(0, |old| old.size()));
        old
    }

    pub(super) fn clear(&mut self) {
        drop(self.take());
    }

    /// Leaves nothing behind.
    pub(super) fn take(&mut self) -> Self {
        let empty = Self::new(&self.memory);
        std::mem::replace(self, empty)
    }

    /// # Errors
    /// These are too many, or the cluster's objects take too much memory: why, and what to do.
    pub(super) fn check_capacity(&self) -> Result<(), String> {
        let kind = self.kind();
        if self.by_name.len() > MOST_OBJECTS {
            return Err(format!(
                "the cluster holds more than {MOST_OBJECTS} objects of kind {kind} with the label of this control plane, which is more than are \
                 kept of one kind; delete those that nothing needs, or give some of these workloads another cluster"
            ));
        }
        self.memory.check(self.bytes).map_err(|Over(most)| {
            format!(
                "the cluster's objects with the label of this control plane, most of them of kind {kind}, take more than {} MiB in memory; start \
                 the workers with a larger --cache-limit, or delete those that nothing needs",
                most / MIB
            )
        })
    }

    fn kind(&self) -> &str {
        self.by_name.values().next().map(|object| object.at.kind.as_str()).unwrap_or_default()
    }

    fn count(&mut self, more: usize, less: usize) {
        let before = self.bytes;
        self.bytes = self.bytes + more - less;
        match (before, self.bytes) {
            (0, 1..) => drop(self.memory.kinds.fetch_add(1, Ordering::Relaxed)),
            (1.., 0) => drop(self.memory.kinds.fetch_sub(1, Ordering::Relaxed)),
            _ => {}
        }
        self.memory.share.add(more);
        self.memory.share.sub(less);
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        self.count(0, self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::config_map;

    fn object(name: &str, status_bytes: usize) -> Arc<CachedObject> {
        let status = format!("\"{}\"", "x".repeat(status_bytes));
        Arc::new(CachedObject::for_tests(config_map(name), "u1", "hash").owned("x-1", &status))
    }

    fn insert(objects: &mut Objects, object: Arc<CachedObject>) {
        objects.insert(key(&object.at), object);
    }

    fn is_over(objects: &Objects) -> bool {
        objects.check_capacity().is_err_and(|why| why.contains("ConfigMap"))
    }

    #[test]
    fn a_kind_has_so_many_objects_at_most() {
        let mut objects = Objects::new(&Memory::default());
        for n in 0..MOST_OBJECTS {
            insert(&mut objects, object(&n.to_string(), 0));
        }
        insert(&mut objects, object("0", 1));
        assert!(!is_over(&objects), "each counts once");
        insert(&mut objects, object("one more", 0));
        assert!(is_over(&objects));
    }

    #[test]
    fn the_kinds_of_a_cluster_share_its_memory() {
        let pool = Box::leak(Box::new(Pool::new(10 * MIB, 2 * MIB)));
        let memory = Memory::of(pool);
        let (mut first, mut second) = (Objects::new(&memory), Objects::new(&memory));
        insert(&mut first, object("a", MIB));
        insert(&mut first, object("a", MIB));
        assert!(!is_over(&first), "what is replaced is not counted");
        insert(&mut second, object("b", MIB));
        assert!(is_over(&second));
        first.remove(&key(&object("a", 0).at));
        assert!(!is_over(&second));
        drop(first);
        second.clear();
        assert_eq!(format!("{memory:?}"), format!("{:?}", Memory::of(pool)), "nothing is left");
    }

    #[test]
    fn a_small_cluster_goes_on_where_large_ones_are_over_the_limit_of_all() {
        let pool = Box::leak(Box::new(Pool::new(4 * MIB, 3 * MIB)));
        let objects = || Objects::new(&Memory::of(pool));
        let (mut first, mut second, mut small) = (objects(), objects(), objects());
        insert(&mut first, object("a", 2 * MIB));
        assert!(!is_over(&first));
        insert(&mut second, object("b", 2 * MIB));
        insert(&mut small, object("c", MIB));
        assert!(is_over(&first) && is_over(&second) && !is_over(&small));
    }

    #[test]
    fn a_kind_that_grows_without_end_leaves_room_for_the_others() {
        let pool = Box::leak(Box::new(Pool::new(100 * MIB, 10 * MIB)));
        let memory = Memory::of(pool);
        let (mut large, mut small) = (Objects::new(&memory), Objects::new(&memory));
        for n in 0..8 {
            assert!(!is_over(&large), "{n}");
            insert(&mut large, object(&n.to_string(), MIB));
        }
        assert!(is_over(&large));
        insert(&mut small, object("a", MIB / 2));
        assert!(!is_over(&small));
        insert(&mut small, object("b", 2 * MIB));
        assert!(is_over(&small), "there is an end for all together");
        large.clear();
        assert!(!is_over(&small));
    }
}
