//! The only crate that speaks NATS.
//!
//! A hint says "this record is due" and nothing more. Postgres holds what is to be done; losing every hint delays work until the next scan
//! and drops none. So hints are plain messages, published after the commit and never waited for: no acknowledgement, no stream.

mod address;
mod config;
mod debounce;

pub use config::Broker;
pub use debounce::Debouncer;

use address::{Address, Login};
use async_nats::{Client, ConnectOptions, connection::State};
use causeway_records::Kind;
use futures::{FutureExt, Stream, StreamExt};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// This record is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// Its kind.
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
}

/// A connection that could not even be begun: the address is no address. What was given is not repeated, for it may hold a password.
#[derive(Debug, thiserror::Error)]
#[error("the NATS address can't be used: {0}; give one such as nats://user:password@nats.example:4222")]
pub struct BadAddress(String);

impl Bus {
    /// Begins to connect, and goes on trying for ever; never waits. `prefix` keeps control planes on one server apart.
    pub async fn connect(url: &str, prefix: &str) -> Result<Self, BadAddress> {
        let Address { server, login } = Address::read(url)?;
        let options = match login {
            None => ConnectOptions::new(),
            Some(Login::Password { user, password }) => ConnectOptions::with_user_and_password(user, password),
            Some(Login::Token(token)) => ConnectOptions::with_token(token),
        };
        let client = options
            .retry_on_initial_connect()
            .connection_timeout(Duration::from_secs(2))
            // Hints are worth nothing when they are old.
            .client_capacity(1024)
            .connect(server)
            .await
            .map_err(|error| BadAddress(error.to_string()))?;
        Ok(Self { client, prefix: prefix.to_owned() })
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
        let (client, subject) = (self.client.clone(), format!("{}.wake.{}", self.prefix, hint.cluster_id));
        let Ok(payload) = serde_json::to_vec(hint) else { return };
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

    /// All hints, for as long as the stream is held; those sent while the server was away are lost.
    pub async fn hints(&self) -> Result<impl Stream<Item = Hint> + use<>, async_nats::SubscribeError> {
        let messages = self.client.subscribe(format!("{}.wake.*", self.prefix)).await?;
        Ok(messages.filter_map(|message| async move { serde_json::from_slice(&message.payload).ok() }))
    }

    /// Sends what is still in the buffer.
    pub async fn flush(&self) {
        // Hints are never waited for long.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.client.flush()).await;
    }
}
