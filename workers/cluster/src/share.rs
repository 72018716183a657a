//! What all clusters of a process may take of its memory together, and each cluster alone.
//!
//! Beside a limit for each there is one for all, since a worker has many clusters and any number of them may belong to somebody hostile. When all
//! are over it, only those are refused that have more than the average: a small cluster goes on whatever the others do.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Memory for one purpose, over all clusters of the process.
#[derive(Debug)]
pub(crate) struct Pool {
    most: AtomicUsize,
    most_of_one: AtomicUsize,
    used: AtomicUsize,
    /// Clusters that use some.
    users: AtomicUsize,
}

/// What one cluster uses of a pool. Clones are the same cluster.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    pool: &'static Pool,
    used: Arc<AtomicUsize>,
}

/// The limit that a cluster is over, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Over(pub(crate) usize);

impl Pool {
    pub(crate) const fn new(most: usize, most_of_one: usize) -> Self {
        Self {
            most: AtomicUsize::new(most),
            most_of_one: AtomicUsize::new(most_of_one),
            used: AtomicUsize::new(0),
            users: AtomicUsize::new(0),
        }
    }

    /// Other limits from now on.
    pub(crate) fn limit(&self, most: usize, most_of_one: usize) {
        self.most.store(most, Ordering::Relaxed);
        self.most_of_one.store(most_of_one, Ordering::Relaxed);
    }
}

impl Share {
    pub(crate) fn of(pool: &'static Pool) -> Self {
        Self { pool, used: Arc::default() }
    }

    /// Counts what is used more from now on.
    pub(crate) fn add(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        if self.used.fetch_add(bytes, Ordering::Relaxed) == 0 {
            self.pool.users.fetch_add(1, Ordering::Relaxed);
        }
        self.pool.used.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts what is used no more. It was added before.
    pub(crate) fn sub(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        self.pool.used.fetch_sub(bytes, Ordering::Relaxed);
        if self.used.fetch_sub(bytes, Ordering::Relaxed) == bytes {
            self.pool.users.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// What the cluster uses, and the most that it may.
    pub(crate) fn used_of_most(&self) -> (usize, usize) {
        (self.used.load(Ordering::Relaxed), self.pool.most_of_one.load(Ordering::Relaxed))
    }

    /// # Errors
    /// The cluster uses more than it may.
    pub(crate) fn check(&self) -> Result<(), Over> {
        let own = self.used.load(Ordering::Relaxed);
        let most_of_one = self.pool.most_of_one.load(Ordering::Relaxed);
        if own > most_of_one {
            return Err(Over(most_of_one));
        }
        let all = self.pool.used.load(Ordering::Relaxed);
        let average = all / self.pool.users.load(Ordering::Relaxed).max(1);
        if all > self.pool.most.load(Ordering::Relaxed) && own >= average { Err(Over(average)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(most: usize, most_of_one: usize) -> &'static Pool {
        Box::leak(Box::new(Pool::new(most, most_of_one)))
    }

    #[test]
    fn one_cluster_has_its_limit() {
        let pool = pool(100, 60);
        let (one, other) = (Share::of(pool), Share::of(pool));
        one.add(60);
        assert_eq!(one.check(), Ok(()));
        one.clone().add(1);
        assert_eq!(one.check(), Err(Over(60)));
        assert_eq!(other.check(), Ok(()));
        pool.limit(100, 61);
        assert_eq!(one.check(), Ok(()));
        one.sub(1);
        assert_eq!(one.check(), Ok(()));
    }

    #[test]
    fn over_the_limit_of_all_only_the_large_ones_are_refused() {
        let pool = pool(100, 60);
        let (large, middle, small) = (Share::of(pool), Share::of(pool), Share::of(pool));
        large.add(50);
        middle.add(45);
        small.add(10);
        assert_eq!(large.check(), Err(Over(35)));
        assert_eq!(middle.check(), Err(Over(35)));
        assert_eq!(small.check(), Ok(()));
        large.sub(50);
        assert_eq!(middle.check(), Ok(()));
        middle.sub(45);
        small.sub(10);
        assert_eq!((pool.used.load(Ordering::Relaxed), pool.users.load(Ordering::Relaxed)), (0, 0));
    }
}
