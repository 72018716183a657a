//! Many hints in a moment are few reasons to look: those of one kind for one cluster are sent as one.

use crate::{Bus, Hint};
use std::{collections::HashMap, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

/// After a hint the next ones are gathered for this long. The first one after a quiet time is sent at once.
const GATHER: Duration = Duration::from_millis(5);
/// More than so many that wait are dropped: the next scan finds the work.
const WAITING: usize = 1024;

/// Sends hints through a [`Bus`], as few as there have to be.
#[derive(Clone, Debug)]
pub struct Gatherer {
    bus: Bus,
    to: mpsc::Sender<Message>,
}

#[derive(Debug)]
enum Message {
    Hint(Hint),
    /// Asks for a word when everything before it is sent.
    Flush(oneshot::Sender<()>),
}

impl Gatherer {
    /// Begins to send; ends with its last clone.
    #[must_use]
    pub fn new(bus: Bus) -> Self {
        let (to, from) = mpsc::channel(WAITING);
        tokio::spawn(send(bus.clone(), from));
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

async fn send(bus: Bus, mut from: mpsc::Receiver<Message>) {
    while let Some(first) = from.recv().await {
        let mut flushes = vec![];
        match first {
            Message::Hint(hint) => {
                bus.publish(&hint);
                tokio::time::sleep(GATHER).await;
            }
            Message::Flush(done) => flushes.push(done),
        }
        let mut gathered = HashMap::new();
        while let Ok(message) = from.try_recv() {
            match message {
                Message::Hint(hint) => drop(gathered.insert((hint.kind.clone(), hint.scope), hint)),
                Message::Flush(done) => flushes.push(done),
            }
        }
        gathered.values().for_each(|hint| bus.publish(hint));
        if !flushes.is_empty() {
            bus.flush().await;
        }
        for done in flushes {
            // Whoever asked may have given up.
            let _ = done.send(());
        }
    }
}
