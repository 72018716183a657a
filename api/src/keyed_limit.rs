//! How much each of many may have at once: each network of connections, each caller of dear requests.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many permits for each key. A key of which no permit is held takes no memory.
#[derive(Debug)]
pub(crate) struct KeyedLimit<K: Key> {
    keys: Arc<Mutex<HashMap<K, Arc<Semaphore>>>>,
    each: usize,
}

/// Dropping it gives the permit back.
#[derive(Debug)]
pub(crate) struct KeyedPermit<K: Key> {
    permit: Option<OwnedSemaphorePermit>,
    key: K,
    limit: KeyedLimit<K>,
}

/// What permits are counted under.
pub(crate) trait Key: Clone + Eq + Hash {}
impl<K: Clone + Eq + Hash> Key for K {}

impl<K: Key> Clone for KeyedLimit<K> {
    fn clone(&self) -> Self {
        Self { keys: self.keys.clone(), each: self.each }
    }
}

impl<K: Key> KeyedLimit<K> {
    /// `each`: permits of one key.
    pub(crate) fn new(each: usize) -> Self {
        Self { keys: Arc::default(), each }
    }

    /// A permit for this key, if it has one left.
    pub(crate) fn try_take(&self, key: K) -> Option<KeyedPermit<K>> {
        let semaphore = self.semaphore(&key);
        // What is dropped on failure, too, removes the key if nothing of it is left.
        let mut held = KeyedPermit { permit: None, key, limit: self.clone() };
        held.permit = Some(semaphore.try_acquire_owned().ok()?);
        Some(held)
    }

    /// A permit for this key, as soon as it has one.
    pub(crate) async fn take(&self, key: K) -> KeyedPermit<K> {
        let semaphore = self.semaphore(&key);
        let mut held = KeyedPermit { permit: None, key, limit: self.clone() };
        // Nothing closes the semaphore.
        held.permit = semaphore.acquire_owned().await.ok();
        held
    }

    /// Whether no permit is held.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn semaphore(&self, key: &K) -> Arc<Semaphore> {
        self.lock().entry(key.clone()).or_insert_with(|| Arc::new(Semaphore::new(self.each))).clone()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Arc<Semaphore>>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Key> Drop for KeyedPermit<K> {
    fn drop(&mut self) {
        // The permit holds the semaphore; everybody else takes it under this lock.
        let mut keys = self.limit.lock();
        self.permit = None;
        if keys.get(&self.key).is_some_and(|semaphore| Arc::strong_count(semaphore) == 1) {
            keys.remove(&self.key);
        }
    }
}
