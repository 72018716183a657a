//! From watch events to wakes in the queue. Echoes of a reconcile's own writes are dropped on the way.

use super::{
    event_pace::EventPace,
    in_flight::{Echo, InFlight},
};
use crate::context::Context;
use causeway_failpoints::{WAKE_NEXT, failpoint};
use causeway_store::queue::Key;
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{Notify, mpsc};

/// Events are gathered for this long and written together.
const GATHER: Duration = Duration::from_millis(25);

/// Wakes the records whose objects changed in the cluster, for as long as somebody sends.
///
/// Each event carries nothing but the key of the record that owns the object. One that the last reconcile had observed is
/// dropped; one that came during a reconcile waits for its end, and one of a record that never rests for its turn; every other one is written,
/// however long Postgres is away.
pub(super) async fn wake_owners(
    context: Context,
    mut events: mpsc::UnboundedReceiver<Key>,
    in_flight: Arc<InFlight>,
    hint: Arc<Notify>,
) {
    let mut received: HashMap<Key, Instant> = HashMap::new();
    let (mut pace, mut next_turn) = (EventPace::default(), None);
    loop {
        tokio::select! {
            first = events.recv() => {
                // Nobody sends only when another worker has the cluster, who reconciles everything.
                let Some(first) = first else { return };
                received.insert(first, Instant::now());
                let until = tokio::time::Instant::now() + GATHER;
                while let Ok(Some(key)) = tokio::time::timeout_at(until, events.recv()).await {
                    received.insert(key, Instant::now());
                }
            }
            () = in_flight.ended(), if !received.is_empty() => {}
            () = tokio::time::sleep(next_turn.unwrap_or_default()), if next_turn.is_some() => {}
        }
        next_turn = None;
        let (mut unseen, now) = (vec![], Instant::now());
        received.retain(|key, at| match in_flight.echo(key, *at) {
            Echo::Seen => false,
            Echo::InFlight => true,
            Echo::Unseen => match pace.take(key, now) {
                Ok(()) => {
                    unseen.push(*key);
                    false
                }
                Err(wait) => {
                    next_turn = Some(next_turn.map_or(wait, |next: Duration| next.min(wait)));
                    true
                }
            },
        });
        if unseen.is_empty() {
            continue;
        }
        failpoint(&WAKE_NEXT);
        // Tried until it is written: a watch sends a change only once.
        while let Err(error) = context.store.wake(&unseen).await {
            tracing::warn!(%error, "changes in a cluster could not be written to the queue yet");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        hint.notify_one();
    }
}
