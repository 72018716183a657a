use super::{Rules, Texts, pair, without_empty};
use crate::{
    problem::Problem,
    secret::SecretError,
    text::{Name, WebhookUrl, choice},
    watch::EventFilter,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use causeway_records_derive::Noun;
use chrono::{DateTime, Utc};
use ring::rand::{SecureRandom, SystemRandom};
use std::ops::RangeInclusive;

/// What a signing secret begins with.
const SECRET_PREFIX: &str = "whsec_";
/// Bytes of a signing secret.
const SECRET_BYTES: RangeInclusive<usize> = 24..=64;
/// Bytes of one that is made up here.
const NEW_SECRET_BYTES: usize = 32;
/// Bytes that a nonce and a tag add.
const SEALED_BYTES: usize = 28;
/// Words of one filter.
const MAX_WORDS: usize = 100;

/// Where events of records are sent: each that passes all filters becomes one signed request to the URL. A receiver that doesn't take it gets it
/// again, for three days.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "webhooks")]
pub struct Webhook {
    /// Unique among live webhooks.
    #[noun(required, example = "inventory")]
    pub name: Name,
    /// Where events are sent, by POST. Plain http only where the operator has allowed the address. It is no place for a secret: viewers read it.
    #[noun(required, json = "URL", example = "https://hooks.example.org/causeway")]
    pub url: WebhookUrl,
    /// Only events of records of these kinds: `GatewayInstance`, or as in paths: `gateway-instances`. Left out: of all.
    #[noun(no_filter, example = r#"["gateway-instances"]"#)]
    pub kinds: Option<Texts>,
    /// Only events of these types: created, changed, condition, reconciled, deleting, deleted. Left out: of all.
    #[noun(no_filter, example = r#"["condition", "deleted"]"#)]
    pub types: Option<Texts>,
    /// Only events of records in the cluster of this runtime instance, and of that record itself.
    pub runtime_id: Option<i64>,
    /// Only events of records of this name.
    pub record_name: Option<String>,
    /// Only events of the record with this id.
    pub record_id: Option<i64>,
    /// Nothing is sent. What happens meanwhile is sent once this is false again, as far as events are kept.
    #[noun(default = Some(false))]
    pub disabled: Option<bool>,
    /// Why the system has disabled it. Left out: it hasn't.
    #[noun(read_only, no_filter)]
    pub disabled_reason: Option<String>,
    /// The secret that signs, as Standard Webhooks has it: `whsec_` and base64 of 24 to 64 bytes. Left out of a POST, one is made up, and the
    /// answer to that POST alone has it in plain text. Otherwise stored and returned as ciphertext.
    #[noun(encrypted)]
    pub secret: Option<String>,
    /// The secret before it: requests carry its signature, too, until PreviousSecretUntil. Stored and returned as ciphertext.
    #[noun(encrypted)]
    pub previous_secret: Option<String>,
    /// How long the previous secret signs beside the other one.
    #[noun(no_filter)]
    pub previous_secret_until: Option<DateTime<Utc>>,
}

impl Webhook {
    /// A signing secret that nobody knows yet.
    ///
    /// # Errors
    /// The operating system gave no random numbers.
    pub fn new_secret() -> Result<String, SecretError> {
        let mut bytes = [0u8; NEW_SECRET_BYTES];
        SystemRandom::new().fill(&mut bytes).map_err(|_| SecretError::Random)?;
        Ok(format!("{SECRET_PREFIX}{}", STANDARD.encode(bytes)))
    }

    /// The key that a signing secret in plain text stands for; None: it stands for none.
    #[must_use]
    pub fn signing_key(secret: &str) -> Option<Vec<u8>> {
        STANDARD.decode(secret.strip_prefix(SECRET_PREFIX).unwrap_or(secret)).ok().filter(|key| !key.is_empty())
    }

    /// Which events are sent; None: none, because a later release has written words that this one doesn't know.
    #[must_use]
    pub fn filter(&self) -> Option<EventFilter> {
        Some(EventFilter {
            kinds: EventFilter::read_kinds(&words(&self.kinds)).ok()?,
            types: EventFilter::read_types(&words(&self.types)).ok()?,
            runtime: self.runtime_id,
            name: self.record_name.clone(),
            id: self.record_id,
        })
    }
}

fn words(texts: &Option<Texts>) -> String {
    texts.as_ref().map_or_else(String::new, |texts| texts.0.join(","))
}

/// What is wrong with a secret in plain text, or one as it is stored.
fn secret_problem(field: &str, secret: &str) -> Option<Problem> {
    let length = |text: &str| STANDARD.decode(text).map(|bytes| bytes.len()).ok();
    let is_right = match secret.strip_prefix(SECRET_PREFIX) {
        Some(rest) => length(rest).is_some_and(|bytes| SECRET_BYTES.contains(&bytes)),
        // Ciphertext that a client sends back: no shorter than that of the shortest secret.
        None => length(secret).is_some_and(|bytes| bytes >= SEALED_BYTES + SECRET_PREFIX.len() + *SECRET_BYTES.start()),
    };
    let problem = "must be whsec_ and base64 of 24 to 64 bytes; leave it out of a new webhook, and one is made up";
    (!is_right).then(|| Problem::new(field, problem))
}

impl Rules for Webhook {
    /// Without a secret nothing can be sent.
    fn keep(&mut self, stored: &Self) {
        self.secret.clone_from(&stored.secret);
        self.previous_secret.clone_from(&stored.previous_secret);
        self.previous_secret_until = stored.previous_secret_until;
        self.disabled_reason.clone_from(&stored.disabled_reason);
    }

    fn tidy(&mut self) {
        without_empty([&mut self.record_name, &mut self.secret, &mut self.previous_secret]);
        if self.previous_secret.is_none() {
            self.previous_secret_until = None;
        }
        if self.disabled != Some(true) {
            self.disabled_reason = None;
        }
    }

    fn check(&self) -> Vec<Problem> {
        let mut problems = pair(
            ("PreviousSecret", self.previous_secret.is_some()),
            ("PreviousSecretUntil", self.previous_secret_until.is_some()),
        );
        for (field, secret) in [("Secret", &self.secret), ("PreviousSecret", &self.previous_secret)] {
            problems.extend(secret.as_ref().and_then(|secret| secret_problem(field, secret)));
        }
        for (field, texts) in [("Kinds", &self.kinds), ("Types", &self.types)] {
            let Some(texts) = texts else { continue };
            if texts.0.len() > MAX_WORDS || texts.0.iter().any(|text| text.is_empty() || text.contains(',')) {
                problems.push(Problem::new(field, format!("must be a list of at most {MAX_WORDS} words")));
            }
        }
        problems.extend(EventFilter::read_kinds(&words(&self.kinds)).err().map(|said| Problem::new("Kinds", said)));
        problems.extend(EventFilter::read_types(&words(&self.types)).err().map(|said| Problem::new("Types", said)));
        problems
    }

    fn made_up(&self) -> Result<Option<(&'static str, String)>, SecretError> {
        if self.secret.is_some() { Ok(None) } else { Self::new_secret().map(|secret| Some(("secret", secret))) }
    }
}

choice! {
    /// What has become of a delivery.
    DeliveryState {
        /// It is sent, or sent again, at NextAttemptAt.
        Pending = "Pending",
        /// The receiver has taken it: it answered with a code from 200 to 299.
        Delivered = "Delivered",
        /// All attempts have failed, or the receiver said 410.
        Failed = "Failed",
    }
}

/// One event on its way to the receiver of a webhook, with what the receiver answered last. The sender writes it; clients read it, and may ask for
/// it to be sent again.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "webhook-deliveries")]
pub struct WebhookDelivery {
    /// The webhook.
    #[noun(read_only, parent = Webhook)]
    pub webhook_id: i64,
    /// The id of the event, the same in each attempt: the header `webhook-id`. Of events of records it is their position.
    #[noun(read_only, example = "9f04c1d2-1042")]
    pub event_id: String,
    /// What happened, as the body says it.
    #[noun(read_only, example = "causeway.gateway_instance.condition")]
    pub event_type: String,
    /// What has become of it.
    #[noun(read_only, example = "Delivered")]
    pub state: DeliveryState,
    /// How often it was sent.
    #[noun(read_only, no_filter, example = 1)]
    pub attempts: i32,
    /// When it is sent next, at the earliest. Left out: it isn't.
    #[noun(read_only, no_filter)]
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When it was last sent.
    #[noun(read_only, no_filter, example = "2026-01-31T12:00:06Z")]
    pub last_attempt_at: Option<DateTime<Utc>>,
    /// The code of the last answer. Left out: there was none.
    #[noun(read_only, example = 204)]
    pub answer_code: Option<i32>,
    /// The beginning of the last answer's body: at most 2048 bytes.
    #[noun(read_only, no_filter)]
    pub answer_body: Option<String>,
    /// Why the last attempt failed, and what to do.
    #[noun(read_only, no_filter)]
    pub problem: Option<String>,
    /// The body that is sent: a CloudEvent.
    #[noun(read_only, no_filter, example = r#"{"specversion":"1.0","id":"9f04c1d2-1042"}"#)]
    pub payload: String,
}
impl Rules for WebhookDelivery {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, secret::Keyring, watch::EventType};

    fn webhook() -> Webhook {
        Webhook { url: "https://a.example/x".parse().unwrap(), ..Webhook::default() }
    }

    fn problems(webhook: &Webhook) -> Vec<String> {
        webhook.check().iter().map(|problem| format!("{}: {}", problem.field, problem.problem)).collect()
    }

    #[test]
    fn a_secret_is_as_standard_webhooks_has_it() {
        let made = Webhook::new_secret().unwrap();
        assert!(made.starts_with("whsec_") && made != Webhook::new_secret().unwrap());
        assert_eq!(Webhook::signing_key(&made).unwrap().len(), 32);
        let with = |secret: &str| problems(&Webhook { secret: Some(secret.into()), ..webhook() });
        assert!(with(&made).is_empty());
        let keys = Keyring::from_base64("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
        for bytes in [24, 32, 64] {
            let secret = format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
            assert!(with(&secret).is_empty(), "{bytes}");
            assert!(with(&keys.encrypt(&secret).unwrap()).is_empty(), "what is stored may be sent back");
        }
        let wrong = ["s3cret", "whsec_", "whsec_%%%", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5", "whsec_c2hvcnQ="];
        for secret in wrong.into_iter().map(str::to_owned).chain([format!("whsec_{}", STANDARD.encode([7; 65]))]) {
            let told = with(&secret);
            assert!(told.len() == 1 && told[0].starts_with("Secret: must be whsec_"), "{told:?}");
            assert!(!told[0].contains(&secret) || secret == "whsec_", "it isn't repeated");
        }
    }

    #[test]
    fn only_a_new_webhook_without_a_secret_gets_one() {
        assert!(webhook().made_up().unwrap().is_some_and(|(column, _)| column == "secret"));
        assert_eq!(Webhook { secret: Some("x".into()), ..webhook() }.made_up().unwrap(), None);
    }

    #[test]
    fn filters_are_those_of_the_stream() {
        let texts = |words: &[&str]| Some(Texts(words.iter().map(|word| (*word).to_owned()).collect()));
        let some = Webhook {
            kinds: texts(&["GatewayInstance", "webhooks"]),
            types: texts(&["deleted"]),
            record_id: Some(7),
            ..webhook()
        };
        assert!(problems(&some).is_empty());
        let filter = some.filter().unwrap();
        assert_eq!(
            (filter.kinds, filter.types),
            (vec![Kind::GatewayInstance, Kind::Webhook], vec![EventType::Deleted])
        );
        assert_eq!((filter.id, webhook().filter()), (Some(7), Some(EventFilter::default())));
        for (wrong, field) in [
            (Webhook { kinds: texts(&["Gateway"]), ..webhook() }, "Kinds"),
            (Webhook { kinds: texts(&[""]), ..webhook() }, "Kinds"),
            (Webhook { types: texts(&["created,deleted"]), ..webhook() }, "Types"),
            (Webhook { types: texts(&["made"]), ..webhook() }, "Types"),
        ] {
            let told = problems(&wrong);
            assert!(told.len() == 1 && told[0].starts_with(field), "{told:?}");
        }
        assert_eq!(Webhook { kinds: texts(&["Tomorrow"]), ..webhook() }.filter(), None, "nothing, rather than all");
    }

    #[test]
    fn a_previous_secret_has_an_end() {
        let alone = Webhook { previous_secret: Webhook::new_secret().ok(), ..webhook() };
        assert!(problems(&alone)[0].starts_with("PreviousSecretUntil"));
        let enabled = |disabled| {
            let mut webhook = Webhook { disabled: Some(disabled), disabled_reason: Some("410".into()), ..webhook() };
            webhook.tidy();
            webhook.disabled_reason
        };
        assert_eq!((enabled(true), enabled(false)), (Some("410".into()), None));
    }
}
