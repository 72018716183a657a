//! Answers that many ask for at the same time, fetched once.
//!
//! Own code instead of moka because its `invalidate` removes what is stored and not what is being fetched: after a deletion in a zone,
//! the answer to a question that was sent before it would be taken for the zone as it is now.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// One answer per key. While an answer is being fetched, all who want it wait for that one.
#[derive(Debug)]
pub(super) struct FetchCache<K, V> {
    entries: Mutex<HashMap<K, Entry<V>>>,
}

/// The lock is held while an answer is fetched.
type Entry<V> = Arc<tokio::sync::Mutex<Option<(Instant, V)>>>;

impl<K: Hash + Eq, V: Clone> FetchCache<K, V> {
    pub(super) fn new() -> Self {
        Self { entries: Mutex::default() }
    }

    /// The answer for a key; `fetch` is called only if there is none, or if it is older than `max_age` says of it. Its age counts from the moment the question was sent.
    /// A failure is an answer like any other, so that many who wait don't all fail in turn. If the caller goes away in the middle,
    /// the next one fetches.
    pub(super) async fn get<F>(&self, key: K, max_age: impl Fn(&V) -> Duration, fetch: impl FnOnce() -> F) -> V
    where
        F: Future<Output = V>,
    {
        let entry = self.entry(key);
        let mut held = entry.lock().await;
        if let Some((asked, value)) = &*held
            && asked.elapsed() < max_age(value)
        {
            return value.clone();
        }
        let asked = Instant::now();
        let value = fetch().await;
        *held = Some((asked, value.clone()));
        value
    }

    /// Drops the answer for a key. A fetch that is under way is waited for and dropped too.
    pub(super) async fn forget(&self, key: K) {
        let entry = self.entry(key);
        *entry.lock().await = None;
    }

    fn entry(&self, key: K) -> Entry<V> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.entry(key).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_who_ask_at_once_are_answered_by_one_fetch() {
        let cache = Arc::new(FetchCache::new());
        let fetches = Arc::new(AtomicUsize::new(0));
        let ask = || {
            let (cache, fetches) = (cache.clone(), fetches.clone());
            tokio::spawn(async move {
                let fetch = || async {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    fetches.fetch_add(1, Ordering::SeqCst)
                };
                cache.get("zone", |_| Duration::from_secs(1), fetch).await
            })
        };
        let first: Vec<_> = (0..500).map(|_| ask()).collect();
        for answer in first {
            assert_eq!(answer.await.unwrap(), 0);
        }
        cache.forget("zone").await;
        assert_eq!(ask().await.unwrap(), 1, "forgotten");
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(ask().await.unwrap(), 2, "expired");
        tokio::time::sleep(Duration::from_secs(2)).await;
        let patient = cache.get("zone", |age| Duration::from_secs(u64::try_from(*age).unwrap() * 10), || async { 9 });
        assert_eq!(patient.await, 2, "who takes an older answer is given it");
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_away_leaves_the_fetch_to_the_next() {
        let cache = FetchCache::new();
        let forever = cache.get(
            "zone",
            |_| Duration::MAX,
            || async {
                std::future::pending::<()>().await;
                1
            },
        );
        assert!(tokio::time::timeout(Duration::from_secs(1), forever).await.is_err());
        assert_eq!(cache.get("zone", |_| Duration::MAX, || async { 2 }).await, 2);
    }
}
