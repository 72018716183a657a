//! Whether a record may be reconciled now, and how: decided in one place. Pure.

use crate::{reconcilers::RENDER_REVISION, session::Unavailable};
use causeway_records::Kind;
use causeway_store::queue::Claimed;

/// What the reconciler of a kind needs of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Nothing: a definition has no objects in any cluster.
    Nothing,
    /// Whether it can be reached: the record of the cluster itself.
    Connectivity,
    /// A connection.
    Connection,
    /// A connection, and part of the work is done without one: in hosted zones.
    ConnectionOrZone,
}

impl Needs {
    pub(super) fn for_kind(kind: Kind) -> Self {
        match kind {
            Kind::KubernetesRuntimeDefinition | Kind::WorkloadDefinition | Kind::GatewayDefinition => Self::Nothing,
            Kind::KubernetesRuntimeInstance => Self::Connectivity,
            Kind::DomainNameInstance => Self::ConnectionOrZone,
            _ => Self::Connection,
        }
    }
}

/// What is known of the cluster. `C` is the connection.
#[derive(Clone, Debug)]
pub(super) enum ClusterState<C> {
    NotAsked,
    Unavailable {
        why: Unavailable,
        /// The runtime has ForceDelete: its records may go without a word of the cluster.
        forced: bool,
        /// It has seen a later state of the database, before it went away.
        restored: bool,
    },
    /// It answers, and has seen a later state of the database than the one that there is: an old backup was restored.
    DatabaseRestored(C),
    Available(C),
}

/// What a reconcile does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision<'a, C> {
    /// A later release has rendered the record; this one would undo that.
    LeaveToLaterRelease,
    /// A person has asked for a pause.
    Pause,
    /// The row is deleted, and the record never had objects.
    Forget,
    /// Decide again when it is known.
    AskCluster,
    /// The row goes without a word of the cluster.
    ConfirmDeletion,
    AwaitCluster(&'a Unavailable),
    /// What can be done without the cluster, which is awaited for the rest.
    WithoutCluster {
        why: &'a Unavailable,
        /// Nothing of it is awaited.
        forced: bool,
    },
    /// Nothing is changed until a person has accepted what the restored database says.
    AwaitPerson(&'a C),
    /// The row is deleted: objects that turned up since are pruned.
    PruneOrphans(&'a C),
    /// Without a cluster.
    Check,
    ReconcileRuntime(&'a C),
    Reconcile(&'a C),
}

/// Of what a record says about itself, the first that decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    RenderedLater,
    Paused,
    Gone,
    BeingDeleted,
    Live,
}

impl Phase {
    fn of(claimed: &Claimed) -> Self {
        if claimed.render_revision > RENDER_REVISION {
            Self::RenderedLater
        } else if claimed.paused {
            Self::Paused
        } else if claimed.gone {
            Self::Gone
        } else if claimed.being_deleted {
            Self::BeingDeleted
        } else {
            Self::Live
        }
    }
}

pub(super) fn decide<'a, C>(claimed: &Claimed, needs: Needs, cluster: &'a ClusterState<C>) -> Decision<'a, C> {
    use ClusterState::*;
    match (Phase::of(claimed), needs, cluster) {
        (Phase::RenderedLater, ..) => Decision::LeaveToLaterRelease,
        (Phase::Paused, ..) => Decision::Pause,
        (Phase::Gone, Needs::Nothing | Needs::Connectivity, _) => Decision::Forget,
        (_, Needs::Nothing, _) => Decision::Check,
        (_, _, NotAsked) => Decision::AskCluster,
        // What an old backup says of zones is as old as what it says of the cluster.
        (_, Needs::ConnectionOrZone, Unavailable { why, forced: false, restored: true }) => Decision::AwaitCluster(why),
        (Phase::BeingDeleted | Phase::Live, Needs::ConnectionOrZone, Unavailable { why, forced, .. }) => {
            Decision::WithoutCluster { why, forced: *forced || never_reached(claimed, why) }
        }
        (Phase::BeingDeleted, _, Unavailable { why, forced, .. }) if *forced || never_reached(claimed, why) => {
            Decision::ConfirmDeletion
        }
        (_, _, Unavailable { why, .. }) => Decision::AwaitCluster(why),
        // Its reconciler takes the person's word for the restored database.
        (_, Needs::Connectivity, DatabaseRestored(connection) | Available(connection)) => {
            Decision::ReconcileRuntime(connection)
        }
        (_, Needs::Connection | Needs::ConnectionOrZone, DatabaseRestored(connection)) => {
            Decision::AwaitPerson(connection)
        }
        (Phase::Gone, Needs::Connection | Needs::ConnectionOrZone, Available(connection)) => {
            Decision::PruneOrphans(connection)
        }
        (_, Needs::Connection | Needs::ConnectionOrZone, Available(connection)) => Decision::Reconcile(connection),
    }
}

/// Nothing of the record can be in the cluster: its runtime never had an endpoint.
fn never_reached(claimed: &Claimed, why: &Unavailable) -> bool {
    claimed.inventory.is_empty() && why.is_without_endpoint()
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::inventory::{InventoryEntry, ObjectRef};
    use causeway_store::queue::claimed_for_tests;

    const UP: ClusterState<()> = ClusterState::Available(());
    const RESTORED: ClusterState<()> = ClusterState::DatabaseRestored(());

    fn claimed(change: impl FnOnce(&mut Claimed)) -> Claimed {
        let mut claimed = claimed_for_tests(Kind::GatewayInstance, 7);
        change(&mut claimed);
        claimed
    }

    fn down(reason: &str, forced: bool) -> ClusterState<()> {
        let why = Unavailable { reason: reason.into(), message: String::new() };
        ClusterState::Unavailable { why, forced, restored: false }
    }

    fn entry() -> InventoryEntry {
        let (group, version, kind, name) = Default::default();
        InventoryEntry::intended(ObjectRef { group, version, kind, namespace: None, name })
    }

    #[test]
    fn a_live_record_is_reconciled_where_its_cluster_answers() {
        let live = claimed(|_| {});
        assert_eq!(decide(&live, Needs::Connection, &ClusterState::<()>::NotAsked), Decision::AskCluster);
        assert_eq!(decide(&live, Needs::Connection, &UP), Decision::Reconcile(&()));
        assert_eq!(decide(&live, Needs::Connectivity, &UP), Decision::ReconcileRuntime(&()));
        assert!(matches!(decide(&live, Needs::Connection, &down("Timeout", true)), Decision::AwaitCluster(_)));
    }

    #[test]
    fn a_definition_asks_no_cluster() {
        for record in [claimed(|_| {}), claimed(|c| c.being_deleted = true)] {
            assert_eq!(decide(&record, Needs::Nothing, &ClusterState::<()>::NotAsked), Decision::Check);
        }
        assert_eq!(decide(&claimed(|c| c.gone = true), Needs::Nothing, &UP), Decision::Forget);
    }

    #[test]
    fn a_later_release_and_a_pause_come_before_everything() {
        let later = claimed(|c| (c.render_revision, c.paused) = (RENDER_REVISION + 1, true));
        let paused = claimed(|c| (c.paused, c.gone, c.being_deleted) = (true, true, true));
        for needs in [Needs::Nothing, Needs::Connectivity, Needs::Connection, Needs::ConnectionOrZone] {
            for cluster in [ClusterState::NotAsked, UP, RESTORED, down("Timeout", true)] {
                assert_eq!(decide(&later, needs, &cluster), Decision::LeaveToLaterRelease);
                assert_eq!(decide(&paused, needs, &cluster), Decision::Pause);
            }
        }
    }

    #[test]
    fn a_restored_database_changes_nothing_until_a_person_says_so() {
        for record in [claimed(|_| {}), claimed(|c| c.being_deleted = true), claimed(|c| c.gone = true)] {
            assert_eq!(decide(&record, Needs::Connection, &RESTORED), Decision::AwaitPerson(&()));
        }
        assert_eq!(decide(&claimed(|_| {}), Needs::Connectivity, &RESTORED), Decision::ReconcileRuntime(&()));
    }

    #[test]
    fn a_deletion_waits_for_its_cluster_unless_forced_or_without_objects() {
        let empty = claimed(|c| c.being_deleted = true);
        let full = claimed(|c| (c.being_deleted, c.inventory) = (true, vec![entry()]));
        let waits = |record: &Claimed, cluster: &ClusterState<()>| {
            matches!(decide(record, Needs::Connection, cluster), Decision::AwaitCluster(_))
        };
        assert!(waits(&full, &down("Timeout", false)) && waits(&empty, &down("Timeout", false)));
        assert!(waits(&full, &down("NoEndpoint", false)));
        for (record, cluster) in [
            (&full, down("Timeout", true)),
            (&empty, down("NoEndpoint", false)),
            (&empty, down("OwnClusterNotAllowed", false)),
        ] {
            assert_eq!(decide(record, Needs::Connection, &cluster), Decision::ConfirmDeletion);
        }
    }

    #[test]
    fn what_is_in_zones_is_looked_after_without_the_cluster() {
        for record in [claimed(|_| {}), claimed(|c| (c.being_deleted, c.inventory) = (true, vec![entry()]))] {
            let (reached, forced) = (down("Timeout", false), down("Timeout", true));
            let without = decide(&record, Needs::ConnectionOrZone, &reached);
            assert!(matches!(without, Decision::WithoutCluster { forced: false, .. }), "{without:?}");
            let forced = decide(&record, Needs::ConnectionOrZone, &forced);
            assert!(matches!(forced, Decision::WithoutCluster { forced: true, .. }), "{forced:?}");
            assert_eq!(decide(&record, Needs::ConnectionOrZone, &UP), Decision::Reconcile(&()));
            assert_eq!(decide(&record, Needs::ConnectionOrZone, &RESTORED), Decision::AwaitPerson(&()));
        }
        let gone = claimed(|c| c.gone = true);
        assert!(matches!(decide(&gone, Needs::ConnectionOrZone, &down("Timeout", false)), Decision::AwaitCluster(_)));
        assert_eq!(decide(&gone, Needs::ConnectionOrZone, &UP), Decision::PruneOrphans(&()));
    }

    #[test]
    fn a_restored_database_changes_no_zone_because_its_cluster_is_away() {
        let mut away = down("Timeout", false);
        let ClusterState::Unavailable { restored, .. } = &mut away else { panic!("it is away") };
        *restored = true;
        for record in [claimed(|_| {}), claimed(|c| c.being_deleted = true)] {
            assert!(matches!(decide(&record, Needs::ConnectionOrZone, &away), Decision::AwaitCluster(_)));
        }
    }

    #[test]
    fn of_a_record_that_is_gone_only_orphans_are_pruned() {
        let gone = claimed(|c| (c.gone, c.being_deleted) = (true, true));
        assert_eq!(decide(&gone, Needs::Connection, &UP), Decision::PruneOrphans(&()));
        assert_eq!(decide(&gone, Needs::Connectivity, &UP), Decision::Forget);
        assert!(matches!(decide(&gone, Needs::Connection, &down("Timeout", true)), Decision::AwaitCluster(_)));
    }
}
