//! `causeway webhook`: what can be done to webhooks and their deliveries.

use causeway_records::{Kind, nouns::DeliveryState};
use chrono::{DateTime, SecondsFormat, Utc};
use clap::{Args, Subcommand};
use serde_json::Value;
use std::time::Duration;

use super::reconcile::asked;
use crate::{
    api::{Api, Fields, id, name},
    args::Format,
    exit::Exit,
    failure::{Failure, Outcome},
    output::{self, data},
    session::Session,
    waiting::Patience,
};

/// How often a delivery is looked at that is waited for.
const EVERY: Duration = Duration::from_millis(250);

/// Try webhooks, stop and start them, send deliveries again, replace secrets.
#[derive(Debug, Subcommand)]
pub(crate) enum WebhookCommand {
    /// Send an event that tells of nothing, and say what the receiver answers.
    Test(Test),
    /// Send deliveries once more: those of a webhook, or one.
    Redeliver(Redeliver),
    /// Make another secret and print it, this once. The one before it signs, too, for a while.
    RotateSecret(RotateSecret),
    /// Send nothing any more. What happens meanwhile is kept for some days, and sent once the webhook is enabled.
    Disable(Switch),
    /// Send what happened meanwhile, as far as events are kept, and then what happens.
    Enable(Switch),
}

/// Which webhook to stop or to start.
#[derive(Args, Debug)]
pub(crate) struct Switch {
    /// Its name.
    name: String,
}

/// Which webhook to try.
#[derive(Args, Debug)]
pub(crate) struct Test {
    /// Its name.
    name: String,
    /// Don't wait for the answer.
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    patience: Patience,
}

/// What to send once more.
#[derive(Args, Debug)]
pub(crate) struct Redeliver {
    /// Name of the webhook.
    #[arg(required_unless_present = "delivery")]
    name: Option<String>,
    /// Only this delivery, by its id.
    #[arg(long, value_name = "ID", conflicts_with_all = ["name", "state", "since", "until"])]
    delivery: Option<i64>,
    /// Only those in this state: Failed or Delivered [default: both].
    #[arg(long, value_parser = state)]
    state: Option<DeliveryState>,
    /// Only those made at this time or later, such as 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    since: Option<DateTime<Utc>>,
    /// Only those made before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<DateTime<Utc>>,
}

/// Whose secret to replace.
#[derive(Args, Debug)]
pub(crate) struct RotateSecret {
    /// Name of the webhook.
    name: String,
    /// How long the secret before it signs, too [default: 24h].
    #[arg(long, value_parser = humantime::parse_duration, value_name = "TIME")]
    previous_for: Option<Duration>,
}

fn state(word: &str) -> Result<DeliveryState, String> {
    word.parse()
        .ok()
        .filter(|state| *state != DeliveryState::Pending)
        .ok_or_else(|| "is Failed or Delivered".to_owned())
}

impl WebhookCommand {
    pub(crate) async fn run(&self, session: &Session) -> Outcome<Exit> {
        let api = session.api()?;
        match self {
            Self::Test(test) => test.run(session, &api).await,
            Self::Redeliver(again) => again.run(session, &api).await,
            Self::RotateSecret(rotate) => rotate.run(session, &api).await,
            Self::Disable(switch) => switch.run(session, &api, true).await,
            Self::Enable(switch) => switch.run(session, &api, false).await,
        }
    }
}

impl Switch {
    async fn run(&self, session: &Session, api: &Api, disabled: bool) -> Outcome<Exit> {
        let webhook = api.find(Kind::Webhook, &self.name).await?;
        let changed = asked(api, Kind::Webhook, &webhook, "Disabled", disabled).await?;
        let became = if disabled { "is disabled" } else { "is enabled" };
        session.print_changed(api, Kind::Webhook.info(), &changed, became).await?;
        Ok(Exit::Done)
    }
}

impl Test {
    async fn run(&self, session: &Session, api: &Api) -> Outcome<Exit> {
        let webhook = api.find(Kind::Webhook, &self.name).await?;
        let mut delivery = api.act(&format!("/v0/webhooks/{}/test", id(&webhook))).await?;
        if !self.no_wait {
            delivery = self.answered(api, delivery).await?;
        }
        if session.format().is_some() {
            session.print_record(api, Kind::WebhookDelivery.info(), &delivery).await?;
        } else {
            output::say(&told(&delivery));
        }
        let delivered = field(&delivery, "State") == "Delivered";
        Ok(if delivered || self.no_wait { Exit::Done } else { Exit::Negative })
    }

    /// The delivery after its first attempt.
    async fn answered(&self, api: &Api, delivery: Fields) -> Outcome<Fields> {
        let number = id(&delivery);
        let until = tokio::time::Instant::now() + self.patience.timeout;
        loop {
            let seen = api.by_id(Kind::WebhookDelivery, number).await?.record;
            if seen.get("Attempts").and_then(Value::as_i64).unwrap_or_default() > 0 {
                return Ok(seen);
            }
            if tokio::time::Instant::now() >= until {
                let sentence = format!("nobody has sent the test event of webhook {} in time", self.name);
                let failure = Failure::new(Exit::Negative, "Timeout", sentence);
                return Err(failure.next(format!("causeway get webhook-delivery {number}")));
            }
            tokio::time::sleep(EVERY).await;
        }
    }
}

impl Redeliver {
    async fn run(&self, session: &Session, api: &Api) -> Outcome<Exit> {
        let info = Kind::WebhookDelivery.info();
        if let Some(one) = self.delivery {
            let delivery = api.act(&format!("/v0/webhook-deliveries/{one}/redeliver")).await?;
            if session.format().is_some() {
                session.print_record(api, info, &delivery).await?;
            } else {
                output::say(&format!("WebhookDelivery {one} is sent once more.\n"));
            }
            return Ok(Exit::Done);
        }
        let webhook = api.find(Kind::Webhook, self.name.as_deref().unwrap_or_default()).await?;
        let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
        let filters = [
            ("state", self.state.map(|state| state.to_string())),
            ("since", self.since.map(time)),
            ("until", self.until.map(time)),
        ];
        let filters: Vec<_> = filters.iter().filter_map(|(key, text)| Some((*key, text.as_deref()?))).collect();
        let all = api.act_on_all(&format!("/v0/webhooks/{}/redeliver", id(&webhook)), &filters).await?;
        if session.format().is_some() {
            session.print_records(api, info, &all).await?;
        } else {
            let count = all.len();
            let what = if count == 1 { "1 delivery is".to_owned() } else { format!("{count} deliveries are") };
            output::say(&format!("{what} sent once more to webhook {}.\n", output::clean(name(&webhook))));
        }
        Ok(Exit::Done)
    }
}

impl RotateSecret {
    async fn run(&self, session: &Session, api: &Api) -> Outcome<Exit> {
        let webhook = api.find(Kind::Webhook, &self.name).await?;
        let path = format!("/v0/webhooks/{}/rotate-secret", id(&webhook));
        let path = match self.previous_for {
            Some(time) => {
                let until = (Utc::now() + time).to_rfc3339_opts(SecondsFormat::Secs, true);
                format!("{path}?previousuntil={}", until.replace(':', "%3A"))
            }
            None => path,
        };
        let changed = api.act(&path).await?;
        if session.format() == Some(Format::Json) {
            output::print(&data::json(&data::record(Kind::Webhook.info(), &changed))?)?;
        } else {
            output::print(&format!("{}\n", field(&changed, "Secret")))?;
        }
        output::say("Give it to the receiver: it is not shown again.\n");
        Ok(Exit::Done)
    }
}

fn field<'f>(record: &'f Fields, key: &str) -> &'f str {
    record.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// What became of a delivery, in a sentence.
fn told(delivery: &Fields) -> String {
    let number = id(delivery);
    let code = delivery.get("AnswerCode").and_then(Value::as_i64);
    match (field(delivery, "State"), field(delivery, "Problem")) {
        ("Delivered", _) => format!("The receiver answered {}: it takes events.\n", code.unwrap_or_default()),
        (_, "") => format!("The event is sent: causeway get webhook-delivery {number}\n"),
        (_, problem) => format!(
            "The receiver has not taken it: {}\nIt is sent again; see causeway get webhook-delivery {number}\n",
            output::clean(problem)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_receiver_says_is_told() {
        let told = |delivery: Value| told(delivery.as_object().unwrap());
        assert_eq!(
            told(json!({"ID": 7, "State": "Delivered", "AnswerCode": 204})),
            "The receiver answered 204: it takes events.\n"
        );
        let failed = told(json!({"ID": 7, "State": "Pending", "Problem": "no\u{1b}body answers"}));
        assert!(failed.starts_with("The receiver has not taken it: no body answers\n"), "{failed}");
        assert!(state("Pending").is_err() && state("Failed").is_ok());
    }
}
