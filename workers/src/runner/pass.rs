//! One pass over one record: read, reconcile, write what was found.

use super::backoff;
use crate::{
    context::Context,
    reconcilers::{self, Failure, Found, RENDER_VERSION},
    site::Site,
};
use causeway_failpoints::{PASS_BEGUN, STATUS_NEXT, reach};
use causeway_records::status::{Conditions, Finding};
use causeway_store::{
    StoreError,
    queue::{Key, Next, Settlement, Work},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tracing::Instrument;

/// How long an older release leaves a record alone that a newer one has rendered.
const NEWER_RENDERED: Duration = Duration::from_secs(60);

/// Does the pass; whatever comes of it is in the record's status.
pub(super) async fn run(context: &Context, site: &Arc<Site>, key: &Key) {
    let begun = Instant::now();
    let span = tracing::info_span!("pass", kind = key.kind, id = key.id);
    let outcome = match pass(context, site, key).instrument(span.clone()).await {
        Ok(outcome) => outcome,
        Err(error) => {
            let _entered = span.enter();
            tracing::warn!(%error, "a pass could not be written down; the record stays due");
            // Nothing was written, so the record is due at once again: don't spin while Postgres is away.
            tokio::time::sleep(Duration::from_millis(200)).await;
            "unwritten"
        }
    };
    let labels = [("kind", key.kind.clone()), ("outcome", outcome.to_owned())];
    metrics::counter!("causeway_workers_passes_total", &labels).increment(1);
    metrics::histogram!("causeway_workers_pass_seconds", &labels).record(begun.elapsed().as_secs_f64());
}

async fn pass(context: &Context, site: &Arc<Site>, key: &Key) -> Result<&'static str, StoreError> {
    let Some(work) = context.store.begin(key, site.lease()).await? else { return Ok("unknown") };
    reach(&PASS_BEGUN);
    if work.render_version > RENDER_VERSION {
        settle_as(context, &work, Next::In(NEWER_RENDERED), work.conditions.clone()).await?;
        return Ok("newer");
    }
    if work.paused {
        let paused = Finding::fails(
            "Paused",
            "InterruptReconciliation",
            "the work is paused; send InterruptReconciliation false to go on",
        );
        let now = chrono::Utc::now();
        let conditions = Conditions::from_findings(vec![paused], &work.conditions, work.generation, now);
        settle_as(context, &work, Next::WhenWoken, conditions).await?;
        return Ok("paused");
    }
    let reconciled = reconcilers::reconcile(context, site, &work);
    let found = match tokio::time::timeout(context.pass_timeout, reconciled).await {
        Ok(Ok(found)) => found,
        Ok(Err(Failure::Store(error))) => return Err(error),
        Ok(Err(Failure::Cancelled)) => return Ok("cancelled"),
        Err(_) => Found::again(
            "PassTimedOut",
            format!("the pass took longer than {:?}; it is tried again", context.pass_timeout),
        ),
    };
    let outcome = found.outcome();
    reach(&STATUS_NEXT);
    if work.gone {
        settle_as(context, &work, found.next, work.conditions.clone()).await?;
    } else if !found.gone {
        record(context, &work, found).await?;
    }
    Ok(outcome)
}

async fn settle_as(context: &Context, work: &Work, next: Next, conditions: Conditions) -> Result<(), StoreError> {
    let settlement = Settlement {
        next,
        applied: false,
        conditions,
        projection: None,
        error: work.last_error.clone(),
        wake_dependants: false,
        render_version: work.render_version,
    };
    context.store.settle(work, &settlement).await
}

/// Writes what a pass found: events first, for the settlement ends the pass.
async fn record(context: &Context, work: &Work, found: Found) -> Result<(), StoreError> {
    let conditions = Conditions::from_findings(found.findings, &work.conditions, work.generation, chrono::Utc::now());
    let verb = match (work.being_deleted, work.observed_generation) {
        (true, _) => "Delete",
        (false, 0) => "Create",
        (false, _) => "Update",
    };
    if let Some(error) = &found.error {
        if work.last_error.as_ref() != Some(error) {
            tracing::warn!(error, "a pass failed");
            context.store.record_event(&work.key, &format!("Failed{verb}"), error, true).await?;
        }
    } else if found.applied && work.generation > work.observed_generation && !work.being_deleted {
        context.store.record_event(&work.key, &format!("Successful{verb}"), "applied", false).await?;
    }
    let next = match &found.error {
        Some(_) => Next::In(found.retry_after.unwrap_or_default().max(backoff::after(work.attempts))),
        None => found.next,
    };
    let changed = !conditions.same_but_for_time(&work.conditions);
    if changed {
        let ready = conditions.get(causeway_records::status::READY);
        let (status, message) = ready.map(|ready| (ready.status.as_str(), ready.message.as_str())).unwrap_or_default();
        tracing::info!(ready = status, message, "looked");
    }
    let settlement = Settlement {
        next,
        applied: found.applied,
        conditions: if changed { conditions } else { work.conditions.clone() },
        wake_dependants: found.wake_dependants,
        projection: found.projection,
        error: found.error,
        render_version: RENDER_VERSION,
    };
    context.store.wake(&found.wake).await?;
    context.store.settle(work, &settlement).await
}
