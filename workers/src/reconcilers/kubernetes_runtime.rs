//! A cluster: whether it can be reached, and whether it and the database are those that they were.

use super::{APPLIED, DATABASE_RESTORED, Failed, Interrupted, Reconcile, delete};
use crate::session::RestoreError;
use causeway_records::status::{ConditionStatus, NewCondition};
use causeway_store::queue::Outcome;
use std::time::Duration;

/// How often is tried again what only a person in the cluster can put right.
const RESYNC: Duration = Duration::from_secs(300);

pub(crate) async fn reconcile(ctx: &Reconcile<'_>) -> Result<Outcome, Interrupted> {
    let (session, connection, claimed) = (ctx.session, &ctx.connection, ctx.claimed);
    let reachable = Outcome::with(vec![ctx.reachable()]);
    // 1. A person's word for a restored database (needs the cluster).
    if session.restored_sentence().is_some() && claimed.brake_released {
        match session.accept_database(connection).await {
            Ok(()) => {}
            Err(RestoreError::Store(error)) => return Err(error.into()),
            Err(RestoreError::Cluster(error)) => {
                let failed = Failed::new(APPLIED, DATABASE_RESTORED, error.to_string());
                return Ok(failed.ends(Outcome::default(), claimed));
            }
        }
    }
    if let Some(sentence) = session.restored_sentence() {
        let condition = NewCondition::not_met(APPLIED, DATABASE_RESTORED, sentence);
        return Ok(reachable.then(condition).requeue_after(RESYNC));
    }
    // 2. Deletion (needs the cluster).
    if claimed.being_deleted {
        let outcome = delete::confirm(ctx.context, claimed).await?;
        if outcome.deleted {
            session.remove_mark(connection).await;
        }
        return Ok(outcome);
    }
    // 3. Whether an old backup of the database would be noticed (needs the cluster). Everything else was said by connecting.
    let guarded = match session.restore_guarded(connection, &claimed.conditions).await {
        Ok(guarded) => guarded,
        Err(RestoreError::Store(error)) => return Err(error.into()),
        Err(RestoreError::Cluster(error)) => {
            session.report_failure(&error);
            return Ok(Failed::new(APPLIED, "RestoreGuard", error.to_string()).ends(reachable, claimed));
        }
    };
    let is_guarded = guarded.status == ConditionStatus::True;
    let outcome = Outcome { applied: true, ..reachable.then(guarded) };
    Ok(if is_guarded { outcome } else { outcome.requeue_after(RESYNC) })
}
