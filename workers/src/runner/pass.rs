//! One pass over one record: read, reconcile, write what was found.

use super::{backoff, passes::Passes};
use crate::{
    context::Context,
    reconcilers::{self, Failure, Found, RENDER_VERSION, Retry},
    site::Site,
};
use causeway_failpoints::{PASS_BEGUN, STATUS_NEXT, reach};
use causeway_records::status::{ConditionStatus, Conditions, Finding};
use causeway_store::{
    StoreError,
    queue::{Key, Next, Settlement, Told, Work},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tracing::Instrument;

/// Rest after a pass that could not be written down.
const UNWRITTEN: Duration = Duration::from_millis(200);
/// How long an older release leaves a record alone that a newer one has rendered.
const NEWER_RENDERED: Duration = Duration::from_secs(60);

/// Does the pass; whatever comes of it is in the record's status.
pub(super) async fn run(context: &Context, site: &Arc<Site>, passes: &Passes, key: &Key) {
    let begun = Instant::now();
    let span = tracing::info_span!("pass", kind = %key.kind, id = key.id);
    let outcome = match pass(context, site, passes, key).instrument(span.clone()).await {
        Ok(outcome) => outcome,
        Err(error) => {
            let _entered = span.enter();
            tracing::warn!(%error, "a pass could not be written down; the record stays due");
            // Nothing was written, so the record is due at once again: don't spin while Postgres is away.
            tokio::time::sleep(UNWRITTEN).await;
            "unwritten"
        }
    };
    let labels = [("kind", key.kind.to_string()), ("outcome", outcome.to_owned())];
    metrics::counter!("causeway_workers_passes_total", &labels).increment(1);
    metrics::histogram!("causeway_workers_pass_seconds", &labels).record(begun.elapsed().as_secs_f64());
}

async fn pass(context: &Context, site: &Arc<Site>, passes: &Passes, key: &Key) -> Result<&'static str, StoreError> {
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
        let now = work.now();
        let conditions = Conditions::from_findings(vec![paused], &work.conditions, work.generation, now);
        settle_as(context, &work, Next::WhenWoken, conditions).await?;
        return Ok("paused");
    }
    let reconciled = reconcilers::reconcile(context, site, &work);
    let found = match tokio::time::timeout(context.pass_timeout, reconciled).await {
        Ok(Ok(found)) => found,
        Ok(Err(Failure::Store(error))) => return Err(error),
        Ok(Err(Failure::Cancelled)) => return Ok("cancelled"),
        Err(_) => Found {
            retry: Retry::Parked,
            ..Found::again(
                "PassTimedOut",
                format!("the pass took longer than {:?}; it is tried again", context.pass_timeout),
            )
        },
    };
    let outcome = found.outcome();
    reach(&STATUS_NEXT);
    if work.gone {
        settle_as(context, &work, found.next, work.conditions.clone()).await?;
    } else if !found.gone {
        let at = found.looked;
        record(context, &work, found).await?;
        if let Some(at) = at {
            passes.note(key, at);
        }
    }
    Ok(outcome)
}

/// Ends a pass that panicked: the record says so and rests, and nobody else waits for it.
pub(super) async fn park(context: &Context, site: &Site, key: &Key) {
    let parked = async {
        let Some(work) = context.store.begin(key, site.lease()).await? else { return Ok(()) };
        if work.gone {
            let next = Next::In(backoff::after_panic(work.attempts));
            return settle_as(context, &work, next, work.conditions.clone()).await;
        }
        let message = "a worker met a defect of Causeway here and broke off; what stands in the cluster stays as it is. It is tried again \
                       in a minute, then ever more seldom, and at once when the record is changed or sent Reconciled false; report it with the \
                       worker's log";
        let found = Found { retry: Retry::Defect, ..Found::again("Defect", message.to_owned()) };
        record(context, &work, found).await
    };
    tracing::error!(%key, "a pass panicked; the record is parked");
    if let Err(error) = parked.await {
        tracing::warn!(%error, %key, "the record could not be parked");
        // It is due at once again.
        tokio::time::sleep(UNWRITTEN).await;
    }
}

async fn settle_as(context: &Context, work: &Work, next: Next, conditions: Conditions) -> Result<(), StoreError> {
    let settlement = Settlement {
        next,
        conditions,
        error: work.last_error.clone(),
        render_version: work.render_version,
        ..Settlement::default()
    };
    context.store.settle(work, &settlement).await
}

/// Writes what a pass found: who is to look again first, for the settlement ends the pass.
async fn record(context: &Context, work: &Work, mut found: Found) -> Result<(), StoreError> {
    let rest = rest(&mut found, work.attempts);
    let event = event(work, &found);
    if event.as_ref().is_some_and(|event| event.warning) {
        tracing::warn!(error = found.error, "a pass failed");
    }
    let conditions = match found.in_part {
        true => work.conditions.clone(),
        false => Conditions::from_findings(found.findings, &work.conditions, work.generation, work.now()),
    };
    let next = match &found.error {
        Some(_) => Next::In(rest),
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
        inventory: found.inventory.filter(|inventory| *inventory != work.inventory),
        event,
    };
    context.store.wake(&found.wake).await?;
    context.store.settle(work, &settlement).await
}

/// What is told of a pass: a failure that differs from the last one, or that what is asked for stands.
fn event(work: &Work, found: &Found) -> Option<Told> {
    let verb = match (work.being_deleted, work.observed_generation) {
        (true, _) => "Delete",
        (false, 0) => "Create",
        (false, _) => "Update",
    };
    match &found.error {
        Some(error) if work.last_error.as_ref() != Some(error) => {
            Some(Told { reason: format!("Failed{verb}"), note: error.clone(), warning: true })
        }
        None if found.applied && work.generation > work.observed_generation && !work.being_deleted => {
            Some(Told { reason: format!("Successful{verb}"), note: "applied".into(), warning: false })
        }
        _ => None,
    }
}

/// How long a failed pass rests; a record that is parked says so.
fn rest(found: &mut Found, failures: i32) -> Duration {
    let rest = match found.retry {
        Retry::Defect => backoff::after_panic(failures),
        Retry::Parked if backoff::is_parked(failures) => {
            if let Some(finding) = found.findings.iter_mut().find(|finding| finding.status != ConditionStatus::True) {
                let every = backoff::PARKED.as_secs() / 60;
                finding.message.push_str(&format!(
                    "; it failed again and again, so it is tried every {every} minutes only, and at once when it is changed or sent \
                     Reconciled false"
                ));
            }
            backoff::parked()
        }
        Retry::Parked | Retry::Soon => backoff::after(failures),
    };
    rest.max(found.retry_after.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_a_person_can_mend_is_parked_after_a_while_and_says_so() {
        let refused = || Found { retry: Retry::Parked, ..Found::again("Refused", "no".into()) };
        let (mut first, mut late) = (refused(), refused());
        assert!(rest(&mut first, 2) < Duration::from_secs(5) && first.findings[0].message == "no");
        assert!(rest(&mut late, 20) >= backoff::PARKED / 2);
        assert!(
            late.findings[0].message.contains("every 5 minutes")
                && late.findings[0].message.contains("Reconciled false")
        );
        let mut down =
            Found { retry_after: Some(Duration::from_secs(90)), ..Found::again("Unreachable", "down".into()) };
        assert_eq!(rest(&mut down, 40), Duration::from_secs(90), "no shorter than the cluster asks for");
        assert_eq!(down.findings[0].message, "down");
    }
}
