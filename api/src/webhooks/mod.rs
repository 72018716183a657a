//! Events of records, sent to receivers: what `Webhook` records ask for.
//!
//! ```text
//!  event_log ──▶ dispatcher ──▶ webhook_deliveries ──▶ sender ──▶ client ──▶ receiver
//!                filters                              one for each webhook
//! ```
//!
//! Every process of the API does both; Postgres decides who does what (`causeway_store::webhooks`). The sender goes through the deliveries of one
//! webhook one after the other, so that a receiver gets events in their order as long as it takes them, and one that is slow has nobody wait but itself.
//!
//! Pure, with tests beside them: [`address`] (where may be connected to), [`signature`], [`schedule`] (when again), [`verdict`] (what follows from an answer).

pub(crate) mod address;
mod client;
mod dispatcher;
mod resolver;
mod schedule;
mod sender;
mod signature;
mod verdict;

use crate::{config::WebhookSettings, watch::Watch};
use causeway_records::secret::Keyring;
use causeway_store::Store;
use client::Client;
use resolver::SystemResolver;
use sender::Sender;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Tells the sender of this process that something is due.
#[derive(Clone, Debug, Default)]
pub struct Due(Arc<Notify>);

impl Due {
    /// Something is due now. Without this it is found in a moment.
    pub(crate) fn announce(&self) {
        self.0.notify_one();
    }
}

/// Sends until the process is asked to stop.
pub(crate) struct Webhooks {
    store: Store,
    watch: Watch,
    due: Due,
    sender: Sender,
    stop: CancellationToken,
}

impl Webhooks {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// The certificates of this system's authorities can't be read.
    pub(crate) fn new(
        store: Store,
        keys: Keyring,
        (watch, due): (Watch, Due),
        settings: &WebhookSettings,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let client = Client::new(SystemResolver, settings)?;
        let sender = Sender::new((store.clone(), keys), client, due.clone(), settings, stop.clone());
        Ok(Self { store, watch, due, sender, stop })
    }

    /// Dispatches and sends, and ends when what was being sent has been answered.
    pub(crate) async fn run(self) {
        let Self { store, watch, due, sender, stop } = self;
        let dispatching = stop.run_until_cancelled(dispatcher::run(store, watch, due));
        tokio::join!(dispatching, sender.run());
    }
}
