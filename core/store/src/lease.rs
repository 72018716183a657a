//! Leases: who holds which cluster. One worker holds a cluster's lease and does all that is done there; clusters spread evenly over the live
//! workers.
//!
//! Only the worker's own row says that it lives, so idle leases cost nothing, however many there are. When that row ends, whoever sees it first
//! deletes it, and with it the worker's hold on its leases. Each new holder raises a lease's epoch. Statements of a reconcile name the epoch under
//! which it runs, and match no row once there is a later one: that is the second half of the fencing, whatever the clocks of workers say.

use crate::{Store, error::Result};
use std::time::Duration;
use uuid::Uuid;

/// Records that belong to no cluster have a lease too.
pub const NO_CLUSTER: i64 = 0;

/// A lease that a worker holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// Id of the runtime instance, or [`NO_CLUSTER`].
    pub cluster_id: i64,
    /// Goes up with every new holder.
    pub epoch: i64,
}

/// What a worker holds after a renewal, and how many it should hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// All that the worker holds now, those included that it has held before.
    pub leases: Vec<Lease>,
    /// An even share of all; a worker that holds more should release some.
    pub share: usize,
}

/// Which cluster answers at a runtime's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The one that it always was.
    Same,
    /// Another cluster than before.
    Replaced {
        /// Uid of the kube-system namespace of the first one.
        expected: String,
    },
    /// A cluster that is another live runtime's already.
    Taken {
        /// Name of that runtime.
        by: String,
    },
}

impl Store {
    /// Says that the worker lives, and takes free leases up to its share. `ttl`: how long it is known to live from now on, and with it how long its
    /// leases are held. One that said so too late holds nothing any more, and begins anew.
    pub async fn keep_leases(&self, worker: Uuid, ttl: Duration) -> Result<Held> {
        while !self.lives(worker, ttl).await? {
            self.delete_ended_workers().await?;
        }
        self.delete_ended_workers().await?;
        let mut leases =
            sqlx::query_as!(Lease, "SELECT runtime_id AS cluster_id, epoch FROM leases WHERE holder = $1", worker)
                .fetch_all(&self.pool)
                .await?;
        let share = sqlx::query_scalar!(
            r#"SELECT ceil((SELECT count(*) FROM leases)::numeric / greatest(1, (SELECT count(*) FROM workers WHERE until > now())))::bigint AS "share!""#,
        )
        .fetch_one(&self.pool)
        .await?;
        let share = usize::try_from(share).unwrap_or(0);
        if leases.len() < share {
            let more = sqlx::query_as!(
                Lease,
                "UPDATE leases SET holder = $1, epoch = epoch + 1 WHERE runtime_id IN (
                    SELECT runtime_id FROM leases WHERE holder IS NULL ORDER BY runtime_id LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING runtime_id AS cluster_id, epoch",
                worker,
                i64::try_from(share - leases.len()).unwrap_or(i64::MAX)
            )
            .fetch_all(&self.pool)
            .await?;
            leases.extend(more);
        }
        Ok(Held { leases, share })
    }

    /// Extends the worker's life. False: it has ended already, and others may be taking what it held.
    async fn lives(&self, worker: Uuid, ttl: Duration) -> Result<bool> {
        let done = sqlx::query!(
            "INSERT INTO workers (id, until) VALUES ($1, now() + make_interval(secs => $2))
             ON CONFLICT (id) DO UPDATE SET until = excluded.until WHERE workers.until > now()",
            worker,
            ttl.as_secs_f64()
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Deletes the rows of workers that have ended; the foreign key frees their leases. A row is locked first: its worker may be extending its
    /// life right now.
    async fn delete_ended_workers(&self) -> Result<()> {
        sqlx::query!(
            "DELETE FROM workers WHERE id IN (SELECT id FROM workers WHERE until <= now() FOR UPDATE SKIP LOCKED)"
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Gives leases up, after the work under them has stopped: others need not wait for them to end.
    pub async fn release_leases(&self, worker: Uuid, cluster_ids: &[i64]) -> Result<()> {
        sqlx::query!("UPDATE leases SET holder = NULL WHERE holder = $1 AND runtime_id = ANY($2)", worker, cluster_ids)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Says that the worker goes: whatever it still holds is free, and the others' shares grow at once.
    pub async fn leave(&self, worker: Uuid) -> Result<()> {
        sqlx::query!("DELETE FROM workers WHERE id = $1", worker).execute(&self.pool).await?;
        Ok(())
    }

    /// Compares the cluster behind a runtime's address with the one that was there first, and remembers the first one.
    pub async fn bind_cluster(&self, runtime: i64, uid: &str) -> Result<Bound> {
        sqlx::query!(
            "INSERT INTO clusters (runtime_id, cluster_uid) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            runtime,
            uid
        )
        .execute(&self.pool)
        .await?;
        let known = sqlx::query_scalar!("SELECT cluster_uid FROM clusters WHERE runtime_id = $1", runtime)
            .fetch_optional(&self.pool)
            .await?;
        if let Some(known) = known {
            return Ok(if known == uid { Bound::Same } else { Bound::Replaced { expected: known } });
        }
        let by = sqlx::query_scalar!(
            "SELECT i.name FROM clusters c JOIN kubernetes_runtime_instances i ON i.id = c.runtime_id WHERE c.cluster_uid = $1",
            uid
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(Bound::Taken { by: by.unwrap_or_else(|| "another runtime".into()) })
    }
}
