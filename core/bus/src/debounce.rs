//! Many hints in a moment are few reasons to look: those of one kind for one cluster are sent as one.

use crate::{Bus, Hint};
use std::{collections::HashMap, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

/// After a hint the next ones are held back for this long. The first one after a quiet time is sent at once.
const WINDOW: Duration = Duration::from_millis(5);
/// More than so many that wait are dropped: the next scan finds the work.
const WAITING: usize = 1024;

/// Sends hints through a [`Bus`], as few as there have to be.
#[derive(Clone, Debug)]
pub struct Debouncer {
    bus: Bus,
    to: mpsc::Sender<Message>,
}

#[derive(Debug)]
enum Message {
    Hint(Hint),
    /// Asks for a word when everything before it is sent.
    Flush(oneshot::Sender<()>),
}

impl Debouncer {
    /// Begins to send; ends with its last clone.
    #[must_use]
    pub fn new(bus: Bus) -> Self {
        let (to, from) = mpsc::channel(WAITING);
        let (one, all) = (bus.clone(), bus.clone());
        let flush = move || {
            let bus = all.clone();
            async move { bus.flush().await }
        };
        tokio::spawn(send(from, move |hint| one.publish(hint), flush));
        Self { bus, to }
    }

    /// Whether the server is there right now.
    pub fn is_connected(&self) -> bool {
        self.bus.is_connected()
    }

    /// Passes a hint on. Returns at once.
    pub fn publish(&self, hint: Hint) {
        if self.to.try_send(Message::Hint(hint)).is_err() {
            tracing::debug!("a hint was dropped; the next scan finds the work");
        }
    }

    /// Sends what is left.
    pub async fn flush(&self) {
        let (done, sent) = oneshot::channel();
        let flushed = async {
            if self.to.send(Message::Flush(done)).await.is_ok() {
                let _ = sent.await;
            }
        };
        // Hints are never waited for long.
        let _ = timeout(Duration::from_secs(1), flushed).await;
    }
}

async fn send<F: Future<Output = ()>>(
    mut from: mpsc::Receiver<Message>,
    publish: impl Fn(&Hint),
    flush: impl Fn() -> F,
) {
    while let Some(first) = from.recv().await {
        let mut flushes = vec![];
        match first {
            Message::Hint(hint) => {
                publish(&hint);
                tokio::time::sleep(WINDOW).await;
            }
            Message::Flush(done) => flushes.push(done),
        }
        let mut pending = HashMap::new();
        while let Ok(message) = from.try_recv() {
            match message {
                Message::Hint(hint) => drop(pending.insert((hint.kind, hint.cluster_id), hint)),
                Message::Flush(done) => flushes.push(done),
            }
        }
        pending.values().for_each(&publish);
        if !flushes.is_empty() {
            flush().await;
        }
        for done in flushes {
            // Whoever asked may have given up.
            let _ = done.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::Kind;
    use std::sync::{Arc, Mutex};
    use tokio::time::Instant;

    /// What was sent, and how long after the beginning.
    type Sent = Arc<Mutex<Vec<(Duration, Hint)>>>;

    fn hint(kind: Kind, id: i64, cluster_id: i64) -> Hint {
        Hint { kind, id, cluster_id }
    }

    fn debounced() -> (mpsc::Sender<Message>, Sent) {
        let ((to, from), sent, begun) = (mpsc::channel(WAITING), Sent::default(), Instant::now());
        let list = sent.clone();
        let publish = move |hint: &Hint| list.lock().unwrap().push((begun.elapsed(), hint.clone()));
        tokio::spawn(send(from, publish, async || ()));
        (to, sent)
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_hint_goes_at_once_and_those_after_it_as_one_of_each_kind_and_cluster() {
        let (to, sent) = debounced();
        for id in 1..=100 {
            to.try_send(Message::Hint(hint(Kind::GatewayInstance, id, 1))).unwrap();
            to.try_send(Message::Hint(hint(Kind::GatewayInstance, id, 2))).unwrap();
            to.try_send(Message::Hint(hint(Kind::WorkloadInstance, id, 1))).unwrap();
        }
        tokio::time::sleep(2 * WINDOW).await;
        let mut sent = std::mem::take(&mut *sent.lock().unwrap());
        assert_eq!(sent.remove(0), (Duration::ZERO, hint(Kind::GatewayInstance, 1, 1)));
        sent.sort_by_key(|(_, hint)| (hint.kind.as_str(), hint.cluster_id));
        let last = [
            hint(Kind::GatewayInstance, 100, 1),
            hint(Kind::GatewayInstance, 100, 2),
            hint(Kind::WorkloadInstance, 100, 1),
        ];
        assert_eq!(sent, last.map(|hint| (WINDOW, hint)));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_flushes_waits_for_all_that_came_before() {
        let (to, sent) = debounced();
        let (done, flushed) = oneshot::channel();
        for message in [
            Message::Hint(hint(Kind::GatewayInstance, 1, 0)),
            Message::Hint(hint(Kind::WorkloadInstance, 2, 0)),
            Message::Flush(done),
        ] {
            to.try_send(message).unwrap();
        }
        flushed.await.unwrap();
        assert_eq!(sent.lock().unwrap().len(), 2);
    }
}
