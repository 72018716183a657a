//! One reconcile of one record: claim it, decide, reconcile, complete.

use super::{
    Retry,
    decision::{ClusterState, Decision, Needs, decide},
    in_flight::InFlight,
};
use crate::{
    context::Context,
    reconcilers::{self, APPLIED, CLUSTER_REACHABLE, Failed, Interrupted, RENDER_REVISION, Reconcile, Turn},
    session::{ClusterSession, Connection, Connectivity, Unavailable},
};
use causeway_failpoints::{RECONCILE_BEGUN, STATUS_NEXT, failpoint};
use causeway_records::status::{NewCondition, READY};
use causeway_store::{
    StoreError,
    queue::{Action, Claimed, Key, Outcome},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tracing::{Instrument, Span};

/// Pause after an outcome that could not be written.
const UNWRITTEN: Duration = Duration::from_millis(200);
/// How long an earlier release leaves a record alone that a later one has rendered.
const RENDERED_LATER: Duration = Duration::from_secs(60);

/// How a reconcile ends.
enum End {
    /// The record's status says what came of it.
    Complete(Outcome),
    /// Nothing was done: the record is due again, with these conditions in place of its own if there are any. And a word for metrics.
    Requeue(Action, Vec<NewCondition>, &'static str),
}

/// Reconciles the record; whatever comes of it is in the record's status.
pub(super) async fn run(context: &Context, session: &Arc<ClusterSession>, in_flight: &InFlight, key: &Key) {
    let begun = Instant::now();
    let span = tracing::info_span!("reconcile", kind = %key.kind, id = key.id);
    let result = match reconcile(context, session, in_flight, key).instrument(span.clone()).await {
        Ok(result) => result,
        Err(error) => {
            let _entered = span.enter();
            tracing::warn!(%error, "the outcome of a reconcile could not be written; the record stays due");
            // It is due at once: don't spin while Postgres is away.
            tokio::time::sleep(UNWRITTEN).await;
            "unwritten"
        }
    };
    let labels = [("kind", key.kind.to_string()), ("outcome", result.to_owned())];
    metrics::counter!("causeway_workers_reconciles_total", &labels).increment(1);
    metrics::histogram!("causeway_workers_reconcile_seconds", &labels).record(begun.elapsed().as_secs_f64());
}

/// Answers the result in one word, for metrics.
async fn reconcile(
    context: &Context,
    session: &Arc<ClusterSession>,
    in_flight: &InFlight,
    key: &Key,
) -> Result<&'static str, StoreError> {
    // 1. Claim, under the lease (needs Postgres).
    let Some(claimed) = context.store.begin(key, session.lease()).await? else { return Ok("unknown") };
    if let Some(request) = &claimed.traceparent {
        causeway_telemetry::link(&Span::current(), request);
    }
    failpoint(&RECONCILE_BEGUN);
    // 2. Decide and reconcile (needs the cluster).
    // Boxed: its state is large, and the compiler gives up on the layout of all states nested in each other.
    let acting = Box::pin(act(context, session, &claimed));
    let end = match tokio::time::timeout(context.reconcile_timeout, acting).await {
        Ok(Ok(end)) => end,
        Ok(Err(Interrupted::Store(error @ StoreError::Inconsistent { .. }))) => unreadable(&claimed, &error),
        Ok(Err(Interrupted::Store(error))) => return Err(error),
        Ok(Err(Interrupted::LeaseLost)) => return Ok("cancelled"),
        Err(_) => End::Complete(timed_out(context, &claimed)),
    };
    failpoint(&STATUS_NEXT);
    // 3. Complete (needs Postgres).
    match end {
        End::Requeue(action, conditions, result) => {
            let told = !conditions.is_empty();
            context.store.requeue(&claimed, action, conditions).await?;
            if told {
                context.bus.announce_events();
            }
            Ok(result)
        }
        End::Complete(outcome) => {
            if outcome.deleted {
                context.bus.announce_events();
            } else {
                complete(context, &claimed, &outcome).await?;
                if let Some(at) = outcome.observed_up_to {
                    in_flight.observed(key, at);
                }
            }
            Ok(in_one_word(&outcome))
        }
    }
}

/// Does what is decided, and decides again once the cluster was asked.
async fn act(context: &Context, session: &Arc<ClusterSession>, claimed: &Claimed) -> Result<End, Interrupted> {
    let needs = Needs::for_kind(claimed.key.kind);
    let mut cluster = ClusterState::NotAsked;
    loop {
        let in_cluster =
            |connection: &Arc<Connection>| Reconcile { context, session, claimed, connection: connection.clone() };
        let outcome = match decide(claimed, needs, &cluster) {
            Decision::LeaveToLaterRelease => {
                return Ok(End::Requeue(Action::RequeueAfter(RENDERED_LATER), vec![], "newer"));
            }
            Decision::Pause => return Ok(End::Requeue(Action::AwaitChange, vec![paused()], "paused")),
            Decision::Forget => return Ok(End::Requeue(Action::AwaitChange, vec![], "gone")),
            Decision::AskCluster => {
                cluster = ask(context, session, claimed, needs).await?;
                continue;
            }
            Decision::ConfirmDeletion => reconcilers::confirm_deletion(context, claimed).await?,
            Decision::AwaitCluster(why) => await_cluster(session, claimed, needs, why),
            Decision::WithoutCluster { why, forced } => {
                let turn = Turn { context, session, claimed };
                reconcilers::without_cluster(turn, unavailable(session, why), forced).await?
            }
            Decision::AwaitPerson(connection) => in_cluster(connection).await_person(),
            Decision::PruneOrphans(connection) => {
                let action = reconcilers::prune_orphans(&in_cluster(connection)).await?;
                return Ok(End::Requeue(action, vec![], "gone"));
            }
            Decision::Check => reconcilers::check_definition(context, session, claimed).await?,
            Decision::ReconcileRuntime(connection) => reconcilers::runtime(&in_cluster(connection)).await?,
            Decision::Reconcile(connection) => {
                soon_if_lost(session, reconcilers::reconcile(&in_cluster(connection)).await?)
            }
        };
        return Ok(match claimed.gone {
            true => End::Requeue(outcome.action, vec![], "gone"),
            false => End::Complete(outcome),
        });
    }
}

async fn ask(
    context: &Context,
    session: &Arc<ClusterSession>,
    claimed: &Claimed,
    needs: Needs,
) -> Result<ClusterState<Arc<Connection>>, StoreError> {
    let connectivity = match needs {
        // Its record may have changed, and with it the address or the credentials.
        Needs::Connectivity => session.reconnect().await?,
        Needs::Nothing | Needs::Connection | Needs::ConnectionOrZone => session.connect().await?,
    };
    Ok(match connectivity {
        Connectivity::Available(connection) if session.restored_sentence().is_some() => {
            ClusterState::DatabaseRestored(connection)
        }
        Connectivity::Available(connection) => ClusterState::Available(connection),
        Connectivity::Unavailable(why) => {
            let forced = claimed.being_deleted
                && context.store.runtime(session.cluster_id()).await?.spec.force_delete == Some(true);
            ClusterState::Unavailable { why, forced, restored: session.restored_sentence().is_some() }
        }
    })
}

/// Has the record reconciled soon where another reconcile found out that the cluster can't be reached: what this one waits for may never come, and its
/// status doesn't say why.
fn soon_if_lost(session: &ClusterSession, outcome: Outcome) -> Outcome {
    match session.is_unavailable() {
        true => Outcome { action: outcome.action.within(next_attempt(session)), ..outcome },
        false => outcome,
    }
}

fn paused() -> NewCondition {
    let message = "the work is paused; send InterruptReconciliation false to go on";
    NewCondition::not_met("Paused", "InterruptReconciliation", message)
}

fn await_cluster(session: &ClusterSession, claimed: &Claimed, needs: Needs, why: &Unavailable) -> Outcome {
    // The record of the cluster itself is what finds out that it is back.
    if needs != Needs::Connectivity {
        session.status_reported(&claimed.key);
    }
    unavailable(session, why)
}

fn unavailable(session: &ClusterSession, why: &Unavailable) -> Outcome {
    let condition = NewCondition::not_met(CLUSTER_REACHABLE, &why.reason, why.message.clone());
    Outcome::with(vec![condition]).requeue_after(next_attempt(session))
}

fn next_attempt(session: &ClusterSession) -> Duration {
    session.retry_in().max(Duration::from_secs(1))
}

/// What is stored can't be read, so nothing is done: a document whose key is missing must not be taken for an empty one. Only a person can help.
fn unreadable(claimed: &Claimed, error: &StoreError) -> End {
    tracing::error!(%error, "what is stored can't be read");
    if claimed.gone {
        return End::Requeue(Action::RequeueAfter(Retry::Parked.rest(claimed.attempts)), vec![], "gone");
    }
    let failed = Failed::new(APPLIED, "Unreadable", error.to_string()).retried(Retry::Parked);
    End::Complete(failed.ends(Outcome::default(), claimed))
}

fn timed_out(context: &Context, claimed: &Claimed) -> Outcome {
    let message = format!("the reconcile took longer than {:?}; it is tried again", context.reconcile_timeout);
    Failed::new(APPLIED, "ReconcileTimedOut", message).retried(Retry::Parked).ends(Outcome::default(), claimed)
}

/// Ends a reconcile that panicked: the record says so and rests, and no other record waits for it.
pub(super) async fn park(context: &Context, session: &ClusterSession, key: &Key) {
    let parked = async {
        let Some(claimed) = context.store.begin(key, session.lease()).await? else { return Ok(()) };
        if claimed.gone {
            let action = Action::RequeueAfter(Retry::Defect.rest(claimed.attempts));
            return context.store.requeue(&claimed, action, vec![]).await;
        }
        let message = "a worker met a defect of Causeway here and broke off; what stands in the cluster stays as it is. It is tried again \
                       in a minute, then ever more seldom, and at once when the record is changed or sent Reconciled false; report it with the \
                       worker's log";
        let failed = Failed::new(APPLIED, "Defect", message).retried(Retry::Defect);
        complete(context, &claimed, &failed.ends(Outcome::default(), &claimed)).await
    };
    tracing::error!(%key, "a reconcile panicked; the record is parked");
    if let Err(error) = parked.await {
        tracing::warn!(%error, %key, "the record could not be parked");
        // It is due at once.
        tokio::time::sleep(UNWRITTEN).await;
    }
}

async fn complete(context: &Context, claimed: &Claimed, outcome: &Outcome) -> Result<(), StoreError> {
    if outcome.event(claimed).is_some_and(|event| event.warning) {
        tracing::warn!(error = outcome.error, "a reconcile failed");
    }
    let changed = context.store.complete(claimed, outcome, RENDER_REVISION).await?;
    if changed.is_some() || outcome.applied && claimed.generation > claimed.observed_generation {
        context.bus.announce_events();
    }
    if let Some(conditions) = changed {
        let ready = conditions.get(READY);
        let (status, message) = ready.map(|ready| (ready.status.as_str(), ready.message.as_str())).unwrap_or_default();
        tracing::info!(ready = status, message, "reconciled");
    }
    Ok(())
}

fn in_one_word(outcome: &Outcome) -> &'static str {
    match (outcome.deleted, outcome.error.is_some(), outcome.applied) {
        (true, _, _) => "gone",
        (_, true, _) => "failed",
        (_, _, true) => "applied",
        _ => "waiting",
    }
}
