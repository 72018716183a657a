//! How old a database is, beside what its clusters have seen of it.

/// So many ids a database can have given out since the backup that was restored. A thousand per second need eleven days for them.
pub const IDS_SINCE_BACKUP: i64 = 1_000_000_000;

/// A moment in the life of a database. The same three numbers are noted down in each cluster, which outlives every backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseEpoch {
    /// Id of the runtime instance that stands for the cluster.
    pub runtime: i64,
    /// Counts spells of changes made in the cluster.
    pub epoch: i64,
    /// The last id that was given to a record.
    pub last_id: i64,
}

impl DatabaseEpoch {
    /// Whether a cluster that knows `marked` has seen a later database than the one that is at `self`, as after the restore of a backup.
    #[must_use]
    pub fn is_before(&self, marked: &Self) -> bool {
        marked.last_id > self.last_id || (marked.runtime == self.runtime && marked.epoch > self.epoch)
    }

    /// Whether a database that was at `self` when it was backed up can have been at `marked` later. What a cluster has stored is a
    /// claim of whoever owns it: no id may be skipped for one that can't be true.
    #[must_use]
    pub fn can_reach(&self, marked: &Self) -> bool {
        marked.last_id.saturating_sub(self.last_id) <= IDS_SINCE_BACKUP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_claim_of_a_cluster_uses_up_all_ids() {
        let now = DatabaseEpoch { runtime: 7, epoch: 3, last_id: 900_000_000_000_000_000 };
        assert!(now.can_reach(&now));
        assert!(now.can_reach(&DatabaseEpoch { last_id: now.last_id + 1_000_000, ..now }));
        assert!(now.can_reach(&DatabaseEpoch { last_id: 0, ..now }));
        for last_id in [now.last_id + 2_000_000_000, i64::MAX - 1_000_000, i64::MAX] {
            assert!(!now.can_reach(&DatabaseEpoch { last_id, ..now }), "{last_id}");
        }
        assert!(!DatabaseEpoch { last_id: 0, ..now }.can_reach(&DatabaseEpoch { last_id: i64::MAX, ..now }));
    }

    #[test]
    fn a_database_is_before_a_mark_that_knows_more() {
        let now = DatabaseEpoch { runtime: 7, epoch: 3, last_id: 100 };
        assert!(!now.is_before(&now));
        assert!(!now.is_before(&DatabaseEpoch { epoch: 2, last_id: 90, ..now }));
        assert!(now.is_before(&DatabaseEpoch { epoch: 4, ..now }));
        assert!(now.is_before(&DatabaseEpoch { last_id: 101, ..now }));
        // Another runtime stood for the cluster once, and counted for itself.
        assert!(!now.is_before(&DatabaseEpoch { runtime: 6, epoch: 9, ..now }));
    }
}
