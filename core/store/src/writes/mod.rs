//! What callers change, and what follows from it.
//!
//! ```text
//!   Writer ── create ─┐   1. lock the records that this one names                  parents
//!          ── change ─┴── 2. write record, children, queue row, audit event        create, change, children
//!                         3. what follows, by rule:                                consequences
//!                            read under locks → causeway-rules → write               claims, attachment, services, manifest_total
//!                         4. wake the records that depend on it                    wake
//!                         5. commit
//!
//!   Writer ── delete ───── lock the record, refuse while others need it, schedule it or remove it, wake, audit event     delete
//!   worker ── confirm ──── lock the record, wait for its parts, release its claims, remove it, wake                      delete
//!          ── publish ──── lock whom it concerns, write what a cluster says of its gateway classes, wake                class_facts
//!          ── place ────── lock the shared gateway, move its listeners out of their sets, wake                          class_facts
//! ```
//!
//! A write that names no other record and has no consequences is step 2 alone: one statement, one round trip. So is a change of a record on which no other
//! one depends, if all that could follow concerns those that do.
//!
//! **Nothing acknowledged is lost.** Each write runs in a task of its own ([`run_to_completion`]): a client that hangs up cancels the request's
//! future, and sqlx 0.9 loses track of a transaction whose `begin()` was dropped.
//!
//! **No wake is lost.** Dependants are found by a statement of its own, after the row that they depend on is locked: so it sees all that were
//! committed, and those that come later wait for the lock and then read what was written.
//!
//! **Lock order.** 1. records that are named, in the order of the fields; 2. the record; 3. a gateway definition and its domain, shared; 4. a gateway
//! instance; 5. its shared gateways, by id; 6. ports, claims and listeners; 7. reconciliations, by kind and id. A change of a definition goes through 4 to
//! 7 for its instances by id, a change of a domain through 3 to 7 for its definitions by id, and a gateway instance that names a shared gateway has it
//! locked from 1 on. So two writes can meet in another order: Postgres then fails one of them, and it is retried. That takes a second, in which both keep
//! what they have locked: what meets often goes in one order. Whom a write wakes is gathered while it goes on, and taken at its end (`Woken`). A
//! worker that wakes others locks them before it writes its own record (`lock_each`, `lock_with_dependants`), and whoever reads for a reconcile holds nothing
//! that a writer comes to after what the reader still waits for ([`inputs`](crate::inputs)).

mod accounts;
mod attachment;
mod attempts;
mod change;
mod children;
mod claims;
mod class_facts;
mod consequences;
mod create;
mod delete;
mod manifest_total;
mod parents;
mod services;
mod shape;
mod wake;
mod writer;

pub use change::Merge;
pub use delete::Confirmed;
pub use writer::{Origin, Writer};

pub(crate) use attempts::{TRIES, retried};

use crate::error::{Result, StoreError};
use std::{io, time::Duration};
use tokio::time::timeout;

/// The longest time for a write. Postgres ends each statement after 30 s; where nothing ends, its machine has vanished, and the connection goes
/// with the write.
const WRITTEN_WITHIN: Duration = Duration::from_secs(60);

/// Runs a write to its end even when the client that asked for it hangs up.
pub(crate) async fn run_to_completion<T: Send + 'static>(
    write: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let failed = |error| Err(StoreError::Unavailable(sqlx::Error::Io(error)));
    match tokio::spawn(timeout(WRITTEN_WITHIN, write)).await {
        Ok(Ok(done)) => done,
        Ok(Err(_)) => failed(io::Error::new(io::ErrorKind::TimedOut, "a write came to no end")),
        Err(error) => failed(io::Error::other(error)),
    }
}
