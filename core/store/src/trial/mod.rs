//! A write that is tried: all its steps are carried out in a transaction, what every record that it concerns would become is read before and after, and
//! then it is undone. Or, if the effect is the one that was expected, it is carried out once more and committed.
//!
//! ```text
//!   begin ─▶ savepoint ─▶ write ─▶ woken, after ─▶ back to the savepoint ─▶ before ─┬─▶ end: nothing has happened
//!                                                                                  └─▶ write ─▶ after, still? ─▶ as expected? ─▶ commit
//! ```
//!
//! The write is the real one: it runs over a connection of its own whose transaction it can't end, because what it begins and commits are savepoints in it.
//! Nobody else sees any of it, the connection is closed in the end, and no hint is sent. Only ids are used up; those that the write gave out are replaced
//! by numbers from [`PLACEHOLDER`] on, so that a second trial shows the same.
//!
//! Whom a write concerns is who it wakes: the rule of [`depends`](crate::depends) decides about both. All of a trial is read from one snapshot. A write that
//! is to be committed must see what others commit meanwhile, so it takes no snapshot; that a record is as it was read before is seen by what it is after.
//!
//! Others wait for what a write has locked, so a trial is bounded in everything: records, bytes, how long it waits, and how long it takes. Nothing is rendered
//! while it runs; only of a write that is to be committed the effect is compared before it is.

mod limits;
mod own;
mod read;

pub use self::limits::{MOST_BYTES, MOST_RECORDS};

use self::{
    limits::{again_if_met, in_time},
    own::{OwnTransaction, Snapshot},
};
use crate::{
    Writer,
    error::{Result, StoreError},
    queue::Key,
    writes::run_to_completion,
};
use causeway_records::{inputs::AnyInputs, trial::Trial};
use futures::future::BoxFuture;
use tokio::task::{JoinError, JoinSet};

/// A write that is tried, or carried out if it does what is expected.
pub struct Proposed<V> {
    /// Carries the write out with this writer. It is called once more when the transaction has to be tried again.
    pub write: Box<dyn Fn(Writer) -> BoxFuture<'static, Result<V>> + Send + Sync>,
    /// The record whose deletion the write asks for. What a worker's confirmation brings about belongs to the effect, too.
    pub deletion: Option<Key>,
}

/// Whether a write does what is expected of it. It holds its locks until that is known.
pub type Expected = Box<dyn Fn(Trial<AnyInputs>) -> BoxFuture<'static, bool> + Send + Sync>;

impl Writer {
    /// Tries a write: what it refuses is refused, and nothing is changed. It ends when nobody waits for it any more.
    pub async fn tried<V: Send + 'static>(&self, proposed: Proposed<V>) -> Result<Trial<AnyInputs>> {
        let writer = self.clone();
        let trial = async move {
            let once = || async {
                let own = OwnTransaction::begin(&writer, Snapshot::One).await?;
                let (_, after) = own.carry_out(&proposed).await?;
                let before = own.before(&after).await?;
                Ok(Trial { before, after })
            };
            in_time(again_if_met(once)).await
        };
        // Whoever asks may be slow on purpose, and must not be while something is locked.
        let mut task = JoinSet::new();
        task.spawn(trial);
        task.join_next()
            .await
            .unwrap_or_else(|| unreachable!("one was spawned"))
            .unwrap_or_else(|error| Err(failed(error)))
    }

    /// Carries a write out if its effect is the expected one.
    ///
    /// # Errors
    /// [`StoreError::PlanOutdated`] if it would now be another one.
    pub async fn as_tried<V: Send + 'static>(&self, proposed: Proposed<V>, expected: Expected) -> Result<V> {
        let writer = self.clone();
        run_to_completion(async move {
            let once = || async {
                let own = OwnTransaction::begin(&writer, Snapshot::Each).await?;
                let (_, first) = own.carry_out(&proposed).await?;
                let before = own.before(&first).await?;
                let (written, after) = own.carry_out(&proposed).await?;
                // Somebody else has made a record that depends on this one.
                if after.touched.keys().any(|key| !first.touched.contains_key(key)) {
                    return Err(limits::met());
                }
                match expected(Trial { before, after }).await {
                    true => Ok((own, written)),
                    false => Err(StoreError::PlanOutdated),
                }
            };
            // Whether it is committed no deadline may leave open.
            let (own, written) = in_time(again_if_met(once)).await?;
            own.commit().await?;
            Ok(written)
        })
        .await
    }
}

fn failed(error: JoinError) -> StoreError {
    StoreError::Unavailable(sqlx::Error::Io(std::io::Error::other(error)))
}
