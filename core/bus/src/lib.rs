//! The only crate that speaks NATS.
//!
//! A hint says "this record is due" and nothing more. Postgres holds what is to be done; losing every hint delays work until the next scan
//! and drops none. So hints are plain messages, published after the commit and never waited for: no acknowledgement, no stream.
//!
//! An announcement says that the log of events has something new, to those who follow it, and isn't needed either: they look each second.

mod address;
mod config;
mod connect;
mod debounce;

pub use config::Broker;
pub use connect::Unusable;
pub use debounce::Debouncer;

use async_nats::{Client, connection::State};
use causeway_records::Kind;
use futures::{FutureExt, Stream, StreamExt};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;

/// A record is due. It says nothing else, so that losing one loses nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    pub kind: Kind,
    /// Its id; one of theirs, where several came at once (see [`Debouncer`]).
    pub id: i64,
    /// Id of the runtime instance whose worker does the work; 0: no cluster.
    pub cluster_id: i64,
}

/// NATS, connected or trying to be.
#[derive(Clone, Debug)]
pub struct Bus {
    client: Client,
    prefix: String,
    /// Ends with the last clone.
    resumption: Arc<JoinSet<()>>,
}

impl Bus {
    /// Begins to connect to a server that needs no files; otherwise see [`Broker::connect`]. `prefix` keeps control planes on one server apart.
    pub async fn connect(url: &str, prefix: &str) -> Result<Self, Unusable> {
        Broker::at(url, prefix).connect().await
    }

    /// Whether the server is there right now.
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Sends a hint, or drops it when the server is away. Returns at once.
    pub fn publish(&self, hint: &Hint) {
        if !self.is_connected() {
            return;
        }
        let Ok(payload) = serde_json::to_vec(hint) else { return };
        self.send(self.subject(&hint.cluster_id.to_string(), hint.kind.as_str()), payload);
    }

    /// Says that there are new events of records, or drops that when the server is away. Returns at once.
    pub fn announce_events(&self) {
        if self.is_connected() {
            self.send(format!("{}.events", self.prefix), vec![]);
        }
    }

    fn send(&self, subject: String, payload: Vec<u8>) {
        let client = self.client.clone();
        let mut sent = Box::pin(async move {
            if let Err(error) = client.publish(subject, payload.into()).await {
                tracing::debug!(%error, "a hint was dropped; the next scan finds the work");
            }
        });
        // There nearly always is room for one more: then that is all, and no task is needed.
        if sent.as_mut().now_or_never().is_none() {
            tokio::spawn(sent);
        }
    }

    /// Whenever there may be new events of records, for as long as the stream is held: somebody announces them, or hints at a change.
    pub async fn event_announcements(&self) -> Result<impl Stream<Item = ()> + use<>, async_nats::SubscribeError> {
        let announced = self.client.subscribe(format!("{}.events", self.prefix)).await?;
        let hinted = self.client.subscribe(self.subject("*", "*")).await?;
        Ok(futures::stream::select(announced, hinted).map(|_| ()))
    }

    /// Hints for one cluster, or for none (0), for as long as the stream is held; those sent while the server was away are lost.
    pub async fn hints_for(
        &self,
        cluster_id: i64,
    ) -> Result<impl Stream<Item = Hint> + use<>, async_nats::SubscribeError> {
        self.subscribe(self.subject(&cluster_id.to_string(), "*")).await
    }

    /// Hints about the clusters themselves, also about those that nobody holds yet.
    pub async fn hints_about_clusters(&self) -> Result<impl Stream<Item = Hint> + use<>, async_nats::SubscribeError> {
        self.subscribe(self.subject("*", Kind::KubernetesRuntimeInstance.as_str())).await
    }

    /// A worker hears only what is for clusters that it holds, however many there are: so each cluster has a subject of its own.
    fn subject(&self, cluster: &str, kind: &str) -> String {
        format!("{}.wake.{cluster}.{kind}", self.prefix)
    }

    async fn subscribe(&self, subject: String) -> Result<impl Stream<Item = Hint> + use<>, async_nats::SubscribeError> {
        let messages = self.client.subscribe(subject).await?;
        Ok(messages.filter_map(|message| async move { serde_json::from_slice(&message.payload).ok() }))
    }

    /// Sends what is still in the buffer.
    pub async fn flush(&self) {
        // Hints are never waited for long.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.client.flush()).await;
    }
}
