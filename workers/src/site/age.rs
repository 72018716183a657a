//! Whether the database is the one that the cluster knows, or an older one that was brought back: then nothing is changed there until a person
//! says that it is meant.

use super::{Connection, Site};
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

/// Changes are noted down in their cluster within this time, many at once.
const NOTED_WITHIN: Duration = Duration::from_secs(5);

/// What is known of it.
#[derive(Default)]
pub(super) struct Age {
    /// What the cluster knows, when that is later than the database.
    ahead: Mutex<Option<DatabaseEpoch>>,
    /// A change was made that the cluster's mark doesn't tell of yet.
    unmarked: AtomicBool,
}

impl Site {
    /// Why nothing may be changed here now: the sentence of a condition. None: the database is not an old one.
    pub fn restored(&self) -> Option<String> {
        let ahead = (*self.ahead())?;
        Some(format!(
            "the database is older than what this cluster has seen of it (epoch {} stands there), as after the restore of a backup: nothing is changed or deleted here. Compare the records with the cluster, put right what was lost, then send Reconciled false to runtime instance {}",
            ahead.epoch, self.scope
        ))
    }

    /// A person says that the database is right as it is.
    pub(crate) async fn accept(&self, connection: &Connection) -> Result<(), AgeError> {
        let Some(marked) = *self.ahead() else { return Ok(()) };
        let now = self.context.store.pass_epoch(self.scope, marked.epoch).await?;
        connection.cluster.write_database_epoch(&self.marker(), &now).await?;
        *self.ahead() = None;
        tracing::warn!(cluster = self.scope, "work goes on with a restored database");
        self.context.store.wake_cluster(self.scope).await?;
        Ok(())
    }

    /// Something was changed in the cluster: has it noted down there, soon and once for many.
    pub(crate) fn changed(self: &Arc<Self>, connection: &Arc<Connection>) {
        if self.age.unmarked.swap(true, Ordering::AcqRel) {
            return;
        }
        let (site, connection) = (self.clone(), connection.clone());
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(NOTED_WITHIN).await;
                // Whatever changes from here on is noted down next time.
                site.age.unmarked.store(false, Ordering::Release);
                if !site.hold.is_held() {
                    return;
                }
                let Err(error) = site.mark(&connection).await else { return };
                tracing::warn!(%error, cluster = site.scope, "changes could not be noted down in their cluster yet");
                if site.age.unmarked.swap(true, Ordering::AcqRel) {
                    return;
                }
            }
        });
    }

    /// The cluster's own record is gone, and so is all that we know of it.
    pub(crate) async fn forget(&self, connection: &Connection) {
        if let Err(error) = connection.cluster.remove_database_epoch(&self.marker()).await {
            tracing::warn!(%error, cluster = self.scope, "the mark of this control plane stays in a cluster");
        }
    }

    /// Compares both. Called with each new connection, before anything is done over it.
    pub(super) async fn look_at_age(&self, connection: &Connection) -> Result<(), AgeError> {
        let marked = connection.cluster.read_database_epoch(&self.context.control_plane).await?;
        let now = self.context.store.epoch(self.scope).await?;
        let ahead = marked.filter(|marked| now.is_before(marked));
        if let Some(marked) = &ahead {
            tracing::error!(
                cluster = self.scope,
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

    async fn mark(&self, connection: &Connection) -> Result<(), AgeError> {
        let now = self.context.store.next_epoch(self.scope).await?;
        Ok(connection.cluster.write_database_epoch(&self.marker(), &now).await?)
    }

    fn marker(&self) -> FieldOwner {
        let hold = self.hold.clone();
        FieldOwner::new(self.context.control_plane.clone(), "", move || hold.is_held())
    }

    fn ahead(&self) -> MutexGuard<'_, Option<DatabaseEpoch>> {
        self.age.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why the two could not be compared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AgeError {
    /// The cluster doesn't answer.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Postgres doesn't.
    #[error(transparent)]
    Store(#[from] StoreError),
}
