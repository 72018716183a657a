//! A record in the hands of a reconcile.

use super::Key;
use crate::lease::Lease;
use causeway_records::{Kind, inventory::Inventory, status::Conditions};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::time::Instant;

/// A record as it was when its reconcile began. Every write of the reconcile is bound to the lease in it.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub key: Key,
    /// The lease under which the reconcile runs. Its writes do nothing once another worker has the cluster.
    pub lease: Lease,
    /// The wakes that this reconcile answers: one that comes later makes the record due again.
    pub wake_seq: i64,
    /// Counts changes of intent.
    pub generation: i64,
    /// The generation that was last applied.
    pub observed_generation: i64,
    /// Reconciles that failed since the last one that didn't.
    pub attempts: i32,
    /// The record's objects in the cluster.
    pub inventory: Inventory,
    /// As the last reconcile left them.
    pub conditions: Conditions,
    /// What reconciles of other records read of this one.
    pub published_state: Option<Value>,
    /// Why the last reconcile failed; None if it didn't.
    pub last_error: Option<String>,
    /// The render revision of the release that reconciled it last.
    pub render_revision: i32,
    /// The span of the request that asked last for what isn't applied yet, as W3C's `traceparent` names it; None where no traces are collected.
    pub traceparent: Option<String>,
    /// DELETE was asked for.
    pub being_deleted: bool,
    /// The record or its cluster has InterruptReconciliation set.
    pub paused: bool,
    /// A person asked for this reconcile, so it may delete many objects at once.
    pub brake_released: bool,
    /// The record's row is deleted; objects of it may still turn up in the cluster.
    pub gone: bool,
    /// How long the manifests are that its inputs hold, in bytes: those of a workload instance, or of the one behind a gateway instance.
    pub manifest_bytes: usize,
    /// When the reconcile began, by Postgres's clock and by ours.
    pub(super) begun: (DateTime<Utc>, Instant),
}

impl Claimed {
    /// The time by Postgres's clock. Whatever is stored is read by workers whose own clocks may be wrong.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        let (then, since) = self.begun;
        then + since.elapsed()
    }
}

/// A record for tests of rules that read one.
#[doc(hidden)]
pub fn claimed_for_tests(kind: Kind, id: i64) -> Claimed {
    Claimed {
        key: Key { kind, id },
        lease: Lease { cluster_id: 1, epoch: 1 },
        wake_seq: 1,
        generation: 1,
        observed_generation: 0,
        attempts: 0,
        inventory: Inventory::default(),
        conditions: Conditions::default(),
        published_state: None,
        last_error: None,
        render_revision: 0,
        traceparent: None,
        being_deleted: false,
        paused: false,
        brake_released: false,
        gone: false,
        manifest_bytes: 0,
        begun: (DateTime::UNIX_EPOCH, Instant::now()),
    }
}
