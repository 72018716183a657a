//! Leases: who holds which cluster. One worker holds a cluster's lease and does all that is done there; clusters spread evenly over the live
//! workers.
//!
//! A lease that ends is free for others; each new holder raises its epoch. Statements of a reconcile name the epoch under which it runs, and match
//! no row once there is a later one: that is the second half of the fencing, whatever the clocks of workers say.

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
    /// Its leases.
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
    /// Says that the worker lives, renews its leases, and takes free ones up to its share. `ttl`: how long they are held from now on.
    pub async fn keep_leases(&self, worker: Uuid, ttl: Duration) -> Result<Held> {
        let seconds = ttl.as_secs_f64();
        sqlx::query!(
            "INSERT INTO workers (id, until) VALUES ($1, now() + make_interval(secs => $2)) ON CONFLICT (id) DO UPDATE SET until = excluded.until",
            worker,
            seconds
        )
        .execute(&self.pool)
        .await?;
        let mut leases = sqlx::query_as!(
            Lease,
            "UPDATE leases SET until = now() + make_interval(secs => $2) WHERE holder = $1 AND until > now() RETURNING runtime_id AS cluster_id, epoch",
            worker,
            seconds
        )
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
                "UPDATE leases SET holder = $1, epoch = epoch + 1, until = now() + make_interval(secs => $2) WHERE runtime_id IN (
                    SELECT runtime_id FROM leases WHERE until <= now() ORDER BY runtime_id LIMIT $3 FOR UPDATE SKIP LOCKED) RETURNING runtime_id AS cluster_id, epoch",
                worker,
                seconds,
                i64::try_from(share - leases.len()).unwrap_or(i64::MAX)
            )
            .fetch_all(&self.pool)
            .await?;
            leases.extend(more);
        }
        Ok(Held { leases, share })
    }

    /// Gives leases up, after the work under them has stopped: others need not wait for them to end.
    pub async fn release_leases(&self, worker: Uuid, cluster_ids: &[i64]) -> Result<()> {
        sqlx::query!(
            "UPDATE leases SET holder = NULL, until = '-infinity' WHERE holder = $1 AND runtime_id = ANY($2)",
            worker,
            cluster_ids
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Says that the worker goes, so that the others' shares grow at once.
    pub async fn leave(&self, worker: Uuid) -> Result<()> {
        sqlx::query!("DELETE FROM workers WHERE id = $1 OR until < now() - interval '1 hour'", worker)
            .execute(&self.pool)
            .await?;
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
