//! The controller: decides which record is reconciled when, and writes the outcome.
//!
//! ```text
//!  LeaseManager ── one lease ──▶ ClusterController ── due records ──▶ FairScheduler ── next ──▶ reconcile ──▶ Store::complete
//!   (per worker)                  (per cluster)                                                  │     ▲
//!                                   ▲ hint, scan, timer                         begin, observed  │     ├─ decide (pure)
//!                                   │                                                  ▼         │     └─ reconcilers::*
//!                          Store::wake ◀── wake_owners ◀── seen, or not? ── InFlight ◀───────────┘
//!                                           ▲
//!                                           └── owners of changed objects, from the cache
//! ```
//!
//! What comes in: leases from Postgres, hints from NATS, due records from the queue, owners of changed objects from the cache. None of them says
//! what is to be done: a reconcile reads the record's intent whole, whatever woke it.
//!
//! What may fail: a reconcile may return an error, time out or panic; each costs only its own record, which backs off alone. Postgres may be
//! away: nothing is written, and the record stays due. The lease may end at any moment: requests under way are dropped, and what was written
//! ahead tells the next holder which objects may be in the cluster.
//!
//! What holds: one worker at a time writes to a cluster ([`LeaseGuard`] by our own clock, the lease's epoch in every statement); one reconcile at a time
//! runs for a record ([`in_flight`]); a wake that comes during a reconcile makes the record due again; an event that a reconcile has already
//! seen doesn't; a bulk change doesn't delay the records that are changed after it ([`scheduler`]).

mod backoff;
mod cluster_controller;
mod decision;
mod event_pace;
mod in_flight;
mod lease_guard;
mod lease_manager;
mod paced;
mod reconcile;
mod scheduler;
mod watch_events;

pub(crate) use backoff::Retry;
pub(crate) use lease_guard::LeaseGuard;
pub(crate) use lease_manager::LeaseManager;
