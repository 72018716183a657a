//! Sends what is due, webhook by webhook.

use super::{
    Due,
    client::{Client, SignedMessage},
    resolver::SystemResolver,
    schedule::Schedule,
    signature::sign,
    verdict::{Outcome, judge},
};
use crate::config::WebhookSettings;
use causeway_records::{
    Record,
    nouns::{DeliveryState, Webhook},
    secret::Keyring,
};
use causeway_store::{
    Origin, Result, Store,
    webhooks::{DueDelivery, SendJob, SenderHealth},
};
use chrono::Utc;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often it is looked for what is due.
const EVERY: Duration = Duration::from_secs(2);
/// How long a webhook is held from each attempt on: longer than any attempt takes. If this process dies, another one goes on after it.
const LEASE: Duration = Duration::from_secs(60);
/// How long a webhook is served before others get their turn.
const TURN: Duration = Duration::from_secs(10);
/// Deliveries that are read at once.
const BATCH: i64 = 20;
/// Who changes a webhook when its receiver wants no more, in audit events.
const CALLER: &str = "causeway-api";

/// Sends for the webhooks that this process holds, so many at a time.
pub(super) struct Sender {
    shared: Arc<Shared>,
    places: Arc<Semaphore>,
}

/// What each webhook's task works with.
struct Shared {
    store: Store,
    keys: Keyring,
    client: Client<SystemResolver>,
    schedule: Schedule,
    due: Due,
    /// The name of this process.
    holder: Uuid,
    stop: CancellationToken,
}

impl Sender {
    pub(super) fn new(
        (store, keys): (Store, Keyring),
        client: Client<SystemResolver>,
        due: Due,
        settings: &WebhookSettings,
        stop: CancellationToken,
    ) -> Self {
        let schedule = Schedule::over(settings.webhook_retry_span);
        let shared = Shared { store, keys, client, schedule, due, holder: Uuid::new_v4(), stop };
        Self { shared: Arc::new(shared), places: Arc::new(Semaphore::new(settings.webhook_concurrency.get())) }
    }

    /// Sends until the process is asked to stop, and then finishes the attempts that are under way.
    pub(super) async fn run(self) {
        let (mut tasks, mut was_away, stop) = (JoinSet::new(), false, self.shared.stop.clone());
        while !stop.is_cancelled() {
            match self.take(&mut tasks).await {
                Ok(()) => was_away = false,
                Err(error) if !was_away => {
                    was_away = true;
                    tracing::warn!(%error, "it can't be read what is to be sent to webhooks; they wait");
                }
                Err(_) => {}
            }
            let due = timeout(EVERY, self.shared.due.0.notified());
            let _ = stop.run_until_cancelled(due).await;
            while tasks.try_join_next().is_some() {}
        }
        while tasks.join_next().await.is_some() {}
    }

    async fn take(&self, tasks: &mut JoinSet<()>) -> Result<()> {
        let free = self.places.available_permits();
        if free == 0 {
            return Ok(());
        }
        for webhook in self.shared.store.take_webhooks(self.shared.holder, LEASE, free).await? {
            // Nobody else takes places, so that there is one.
            let Ok(place) = self.places.clone().acquire_owned().await else { return Ok(()) };
            tasks.spawn(serve(self.shared.clone(), webhook, place));
        }
        Ok(())
    }
}

/// Sends what is due for one webhook, for a while.
async fn serve(shared: Arc<Shared>, webhook: i64, place: OwnedSemaphorePermit) {
    let served = shared.serve(webhook).await;
    if let Err(error) = &served {
        tracing::warn!(%error, webhook, "what was sent to a webhook could not be put on record; it is sent again");
    }
    // In this order: whoever is told next may take it.
    let released = shared.store.release_webhook(webhook, shared.holder).await;
    drop(place);
    if served.is_ok() && released.is_ok() {
        shared.due.announce();
    }
}

impl Shared {
    async fn serve(&self, webhook: i64) -> Result<()> {
        let begun = Instant::now();
        loop {
            let Some(job) = self.store.send_job(webhook, self.holder, BATCH).await? else { return Ok(()) };
            if job.deliveries.is_empty() {
                return Ok(());
            }
            let SendJob { webhook, mut health, deliveries } = job;
            let keys = self.signing_keys(&webhook);
            for delivery in deliveries {
                if begun.elapsed() > TURN || self.stop.is_cancelled() {
                    return Ok(());
                }
                let (id, before) = (delivery.id, delivery.attempts);
                let outcome = self.attempt(&webhook, keys.clone(), delivery).await;
                let verdict = judge(outcome, before, health, &self.schedule);
                let (state, is_back, rests) =
                    (verdict.attempt.state, verdict.attempt.is_back, verdict.attempt.rest.is_some());
                count(state);
                let held = (self.holder, LEASE);
                let is_ours = self.store.record_attempt((webhook.id(), id), held, verdict.attempt).await?;
                if let Some(why) = verdict.disable {
                    self.disable(&webhook, why).await?;
                    return Ok(());
                }
                if !is_ours || rests {
                    return Ok(());
                }
                health = after(health, state);
                if is_back {
                    // What failed before is due, too, and comes first.
                    break;
                }
            }
        }
    }

    async fn attempt(
        &self,
        webhook: &Record<Webhook>,
        keys: std::result::Result<Vec<Vec<u8>>, String>,
        delivery: DueDelivery,
    ) -> Outcome {
        let timestamp = Utc::now().timestamp();
        let signature = sign(&keys?, &delivery.event_id, timestamp, &delivery.payload);
        let DueDelivery { event_id: id, payload, .. } = delivery;
        self.client.send(SignedMessage { url: webhook.spec.url.to_string(), id, timestamp, signature, payload }).await
    }

    /// The keys that sign now, the newest first.
    fn signing_keys(&self, webhook: &Record<Webhook>) -> std::result::Result<Vec<Vec<u8>>, String> {
        let spec = &webhook.spec;
        let lives = spec.previous_secret_until.is_some_and(|until| until > Utc::now());
        let previous = spec.previous_secret.as_ref().filter(|_| lives);
        let key = |ciphertext: &String| {
            let plain = self.keys.decrypt(ciphertext).map_err(|error| error.to_string())?;
            Webhook::signing_key(&plain)
                .ok_or_else(|| "the webhook's secret is no base64; send another one in Secret".to_owned())
        };
        let keys = spec.secret.iter().chain(previous).map(key).collect::<std::result::Result<Vec<_>, _>>()?;
        let none = "the webhook has no secret; ask for one at /v0/webhooks/{id}/rotate-secret";
        if keys.is_empty() { Err(none.into()) } else { Ok(keys) }
    }

    /// Disables a webhook, unless somebody has sent it elsewhere meanwhile.
    async fn disable(&self, webhook: &Record<Webhook>, why: String) -> Result<()> {
        tracing::warn!(webhook = webhook.id(), name = %webhook.spec.name, %why, "a webhook is disabled");
        let (id, url) = (webhook.id(), webhook.spec.url.clone());
        let writer = self.store.on_behalf_of(Origin { caller: CALLER.into(), request_id: None });
        let disable = move |record: &mut Record<Webhook>| {
            if record.spec.url == url {
                record.spec.disabled = Some(true);
                record.spec.disabled_reason = Some(why.clone());
            }
            Ok(false)
        };
        writer.change::<Webhook>(id, disable).await?;
        self.store.forget_failures(id).await
    }
}

/// How the receiver does after an attempt.
fn after(health: SenderHealth, state: DeliveryState) -> SenderHealth {
    match state {
        DeliveryState::Delivered => SenderHealth::default(),
        _ => SenderHealth { failures: health.failures.saturating_add(1), ..health },
    }
}

fn count(state: DeliveryState) {
    let outcome = match state {
        DeliveryState::Delivered => "delivered",
        DeliveryState::Pending => "tried again",
        DeliveryState::Failed => "failed",
    };
    metrics::counter!("causeway_api_webhook_attempts_total", "outcome" => outcome).increment(1);
}
