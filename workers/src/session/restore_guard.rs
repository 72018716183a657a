//! Guards a cluster against an old backup of the database. Each cluster remembers the latest database epoch that it has seen. If the database is
//! behind that, nothing is changed in the cluster until a person says that the records are right.

use super::{ClusterSession, Connection};
use causeway_cluster::{ClusterError, FieldOwner};
use causeway_records::database_epoch::DatabaseEpoch;
use causeway_store::StoreError;
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// Changes get into their cluster's mark within this time, many at once.
const MARKED_WITHIN: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(super) struct RestoreGuard {
    /// The epoch that the cluster has seen, if the database is behind it.
    ahead: Mutex<Option<DatabaseEpoch>>,
    /// Something was changed since the cluster's mark was last written.
    unmarked: AtomicBool,
}

impl ClusterSession {
    /// Why nothing may be changed here now, as the sentence of a condition. None if the database is not behind.
    pub(crate) fn restored_sentence(&self) -> Option<String> {
        let ahead = (*self.ahead())?;
        Some(format!(
            "the database is older than what this cluster has seen of it (epoch {} stands there), as after the restore of a backup: nothing is changed or deleted here. Compare the records with the cluster, put right what was lost, then send Reconciled false to runtime instance {}",
            ahead.epoch,
            self.cluster_id()
        ))
    }

    /// A person says that the database is right: its epoch goes past the one that the cluster has seen.
    pub(crate) async fn accept_database(&self, connection: &Connection) -> Result<(), RestoreError> {
        let Some(marked) = *self.ahead() else { return Ok(()) };
        let now = self.context.store.pass_epoch(self.cluster_id(), marked.epoch).await?;
        connection.cluster.write_database_epoch(&self.marker(), &now).await?;
        *self.ahead() = None;
        tracing::warn!(cluster = self.cluster_id(), "work goes on with a restored database");
        self.context.store.wake_cluster(self.cluster_id()).await?;
        Ok(())
    }

    /// Something was changed in the cluster: its mark is written soon, once for many changes.
    pub(crate) fn note_change(self: &Arc<Self>, connection: &Arc<Connection>) {
        if self.restore_guard.unmarked.swap(true, Ordering::AcqRel) {
            return;
        }
        let (session, connection) = (self.clone(), connection.clone());
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(MARKED_WITHIN).await;
                // Whatever changes from here on gets into the next mark.
                session.restore_guard.unmarked.store(false, Ordering::Release);
                if !session.guard.is_held() {
                    return;
                }
                let Err(error) = session.write_mark(&connection).await else { return };
                tracing::warn!(%error, cluster = session.cluster_id(), "changes could not be written to their cluster's mark yet");
                if session.restore_guard.unmarked.swap(true, Ordering::AcqRel) {
                    return;
                }
            }
        });
    }

    /// The runtime's record is gone, and with it all that this control plane has in the cluster.
    pub(crate) async fn remove_mark(&self, connection: &Connection) {
        if let Err(error) = connection.cluster.remove_database_epoch(&self.marker()).await {
            tracing::warn!(%error, cluster = self.cluster_id(), "the mark of this control plane stays in a cluster");
        }
    }

    /// Compares the database's epoch with the cluster's mark. For each new connection, before anything is done over it.
    pub(super) async fn compare_epochs(&self, connection: &Connection) -> Result<(), RestoreError> {
        let marked = connection.cluster.read_database_epoch(&self.context.control_plane).await?;
        let now = self.context.store.epoch(self.cluster_id()).await?;
        let ahead = marked.filter(|marked| now.is_before(marked));
        if let Some(marked) = &ahead {
            tracing::error!(
                cluster = self.cluster_id(),
                database = now.epoch,
                cluster_knows = marked.epoch,
                "the database is old"
            );
            if now.can_reach(marked) {
                self.context.store.skip_ids(marked).await?;
            }
        }
        *self.ahead() = ahead;
        Ok(())
    }

    async fn write_mark(&self, connection: &Connection) -> Result<(), RestoreError> {
        let now = self.context.store.next_epoch(self.cluster_id()).await?;
        Ok(connection.cluster.write_database_epoch(&self.marker(), &now).await?)
    }

    fn marker(&self) -> FieldOwner {
        let guard = self.guard.clone();
        FieldOwner::new(self.context.control_plane.clone(), "", move || guard.is_held())
    }

    fn ahead(&self) -> MutexGuard<'_, Option<DatabaseEpoch>> {
        self.restore_guard.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why the epochs could not be compared or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestoreError {
    /// The cluster doesn't answer.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Postgres doesn't.
    #[error(transparent)]
    Store(#[from] StoreError),
}
