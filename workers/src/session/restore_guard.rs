//! Guards a cluster against an old backup of the database. Each cluster remembers the latest database epoch that it has seen. If the database is
//! behind that, nothing is changed in the cluster until a person says that the records are right.
//!
//! Some clusters let nobody write to kube-system, where the mark is. Everything works there but for the guard, and the runtime's record says so.

use super::{ClusterSession, Connection};
use causeway_cluster::{ClusterError, FieldOwner};
use causeway_records::{
    database_epoch::DatabaseEpoch,
    status::{Conditions, NewCondition},
};
use causeway_store::StoreError;
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// The condition of a runtime: an old backup of the database would be noticed.
const RESTORE_GUARDED: &str = "RestoreGuarded";
/// Changes get into their cluster's mark within this time, many at once.
const MARKED_WITHIN: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(super) struct RestoreGuard {
    /// The epoch that the cluster has seen, if the database is behind it.
    ahead: Mutex<Option<DatabaseEpoch>>,
    /// Something was changed since the cluster's mark was last written.
    unmarked: AtomicBool,
    /// The cluster has no mark yet, as far as is known.
    without_mark: AtomicBool,
    /// The mark may not be read: it is not written either before it was, or a later one would be lost.
    unread: AtomicBool,
    /// Why the guard is off: the cluster doesn't let us read or write its mark.
    refused: Mutex<Option<String>>,
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
        self.restore_guard.accept(marked, self.context.store.wake_cluster(self.cluster_id())).await?;
        tracing::warn!(cluster = self.cluster_id(), "work goes on with a restored database");
        Ok(())
    }

    /// Something was changed in the cluster: its mark is written soon, once for many changes.
    pub(crate) fn note_change(self: &Arc<Self>) {
        if self.restore_guard.unmarked.swap(true, Ordering::AcqRel) {
            return;
        }
        let session = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(MARKED_WITHIN).await;
                if !session.guard.is_held() {
                    return;
                }
                // Over the connection that there is now: one that was given up would be kept open.
                let Some(connection) = session.connection.lock().await.clone() else { continue };
                // Whatever changes from here on gets into the next mark.
                session.restore_guard.unmarked.store(false, Ordering::Release);
                let Err(error) = session.write_mark(&connection).await else { return };
                tracing::debug!(%error, cluster = session.cluster_id(), "changes could not be written to their cluster's mark yet");
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

    /// Whether an old backup of the database would be noticed here, as a condition of the runtime. `before`: the runtime's conditions as they are.
    pub(crate) async fn restore_guarded(
        &self,
        connection: &Connection,
        before: &Conditions,
    ) -> Result<NewCondition, RestoreError> {
        let was_off = before.get(RESTORE_GUARDED).is_some() && !before.is_true(RESTORE_GUARDED);
        if was_off || self.refused().is_some() || self.restore_guard.without_mark.load(Ordering::Acquire) {
            let now = self.context.store.epoch(self.cluster_id()).await?;
            self.write(connection, &now).await?;
        }
        Ok(match &*self.refused() {
            Some(sentence) => NewCondition::not_met(RESTORE_GUARDED, "Refused", sentence),
            None => NewCondition::met(RESTORE_GUARDED, "Guarded", "the cluster remembers how far the database was"),
        })
    }

    /// Compares the database's epoch with the cluster's mark. For each new connection, before anything is done over it.
    pub(super) async fn compare_epochs(&self, connection: &Connection) -> Result<(), RestoreError> {
        let marked = match connection.cluster.read_database_epoch(&self.context.control_plane).await {
            Ok(marked) => marked,
            // Anything else says nothing about rights: without an answer nothing is done here.
            Err(error) if is_forbidden(&error) => {
                self.restore_guard.unread.store(true, Ordering::Release);
                self.note_refusal(Some(&error));
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        self.restore_guard.unread.store(false, Ordering::Release);
        self.restore_guard.without_mark.store(marked.is_none(), Ordering::Release);
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
        self.write(connection, &now).await
    }

    /// Writes the mark. Where the cluster refuses it, this is noted, and no error: it is tried again with the next change and by the runtime's record.
    async fn write(&self, connection: &Connection, now: &DatabaseEpoch) -> Result<(), RestoreError> {
        let is_unread = || self.restore_guard.unread.load(Ordering::Acquire);
        if is_unread() {
            self.compare_epochs(connection).await?;
            if is_unread() || self.ahead().is_some() {
                return Ok(());
            }
        }
        match connection.cluster.write_database_epoch(&self.marker(), now).await {
            Ok(()) => {
                self.restore_guard.without_mark.store(false, Ordering::Release);
                self.note_refusal(None);
            }
            Err(error) if error.stops_everything() => return Err(error.into()),
            Err(error) => self.note_refusal(Some(&error)),
        }
        Ok(())
    }

    /// Whether the cluster lets us keep its mark. What changes goes into the log and the runtime's record, once.
    fn note_refusal(&self, error: Option<&ClusterError>) {
        let sentence = error.map(refusal);
        let before = std::mem::replace(&mut *self.refused(), sentence.clone());
        if before.is_some() == sentence.is_some() {
            return;
        }
        match sentence {
            Some(why) => tracing::warn!(cluster = self.cluster_id(), why, "the restore guard is off"),
            None => tracing::info!(cluster = self.cluster_id(), "the restore guard is on"),
        }
        self.wake_runtime();
    }

    fn refused(&self) -> MutexGuard<'_, Option<String>> {
        self.restore_guard.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn marker(&self) -> FieldOwner {
        let guard = self.guard.clone();
        FieldOwner::new(self.context.control_plane.clone(), "", move || guard.is_held())
    }

    fn ahead(&self) -> MutexGuard<'_, Option<DatabaseEpoch>> {
        self.restore_guard.ahead()
    }
}

impl RestoreGuard {
    /// Accepts the restored database as right once all records of the cluster are woken, which `wake` does.
    async fn accept<E>(&self, marked: DatabaseEpoch, wake: impl Future<Output = Result<(), E>>) -> Result<(), E> {
        // Whoever is woken has to find that work goes on. As long as it isn't sure that all are, the database isn't accepted.
        *self.ahead() = None;
        let accepting = Accepting { guard: self, marked: Some(marked) };
        wake.await?;
        accepting.end();
        Ok(())
    }

    fn ahead(&self) -> MutexGuard<'_, Option<DatabaseEpoch>> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A restored database that is about to be accepted. Dropped before that is done, as when Postgres is away or the time is over, it is not accepted.
struct Accepting<'g> {
    guard: &'g RestoreGuard,
    marked: Option<DatabaseEpoch>,
}

impl Accepting<'_> {
    fn end(mut self) {
        self.marked = None;
    }
}

impl Drop for Accepting<'_> {
    fn drop(&mut self) {
        if let Some(marked) = self.marked.take() {
            *self.guard.ahead() = Some(marked);
        }
    }
}

/// Whether a right is missing, in the words of the API server's authorizer.
fn is_forbidden(error: &ClusterError) -> bool {
    matches!(error, ClusterError::Refused { reason, .. } if reason.contains(" is forbidden: User "))
}

/// What a person reads of a mark that is refused.
fn refusal(error: &ClusterError) -> String {
    format!(
        "if an old backup of the database were restored, this cluster could not show it: {error}. Allow the user of this runtime get, create, patch and delete of ConfigMaps in namespace kube-system, with a Role there; everything else works without"
    )
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

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::inventory::ObjectRef;
    use futures::FutureExt;

    /// What a cluster has seen that knows more than the database.
    const MARKED: DatabaseEpoch = DatabaseEpoch { runtime: 1, epoch: 7, last_id: 100 };

    #[test]
    fn whoever_is_woken_finds_that_work_goes_on_and_nothing_is_accepted_before_all_are() {
        let guard = RestoreGuard { ahead: Mutex::new(Some(MARKED)), ..RestoreGuard::default() };
        let refused = guard.accept(MARKED, async { Err(StoreError::NotFound) }).now_or_never();
        assert!(matches!(refused, Some(Err(StoreError::NotFound))));
        assert_eq!(*guard.ahead(), Some(MARKED), "nobody is woken");
        let cancelled = guard.accept(MARKED, std::future::pending::<Result<(), StoreError>>()).now_or_never();
        assert!(cancelled.is_none() && *guard.ahead() == Some(MARKED), "the time was over");
        let wake = async {
            assert_eq!(*guard.ahead(), None, "it would rest again, and nobody would wake it once more");
            Ok::<(), StoreError>(())
        };
        assert!(matches!(guard.accept(MARKED, wake).now_or_never(), Some(Ok(()))));
        assert_eq!(*guard.ahead(), None);
    }

    #[test]
    fn only_a_missing_right_switches_the_guard_off() {
        let object = ObjectRef {
            group: String::new(),
            version: "v1".into(),
            kind: "ConfigMap".into(),
            namespace: Some("kube-system".into()),
            name: "causeway-1".into(),
        };
        let refused = |reason: &str| ClusterError::Refused { object: Box::new(object.clone()), reason: reason.into() };
        let rbac = r#"configmaps "causeway-1" is forbidden: User "u" cannot get resource "configmaps" in API group "" in the namespace "kube-system""#;
        assert!(is_forbidden(&refused(rbac)));
        assert!(!is_forbidden(&refused("an error on the server has prevented the request from succeeding")));
        let sentence = refusal(&refused(rbac));
        assert!(sentence.contains("cannot get resource") && sentence.contains("get, create, patch and delete"));
    }
}
