//! Events as messages to receivers of webhooks: CloudEvents 1.0, structured JSON.
//!
//! Why our own in place of a crate: these are seven fields that are written and never read.

use super::{Cursor, RecordEvent};
use crate::Kind;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

/// The media type of a message.
pub const MESSAGE_MEDIA: &str = "application/cloudevents+json";

/// A message to a receiver. Every attempt sends the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Tells it from all others: a receiver that has seen the id has seen the message.
    pub id: String,
    /// What happened, in words that CloudEvents and Standard Webhooks both allow.
    pub event_type: String,
    /// The body of the request: JSON.
    pub payload: String,
}

impl Message {
    /// What happened to a record. `control_plane`: its id.
    #[must_use]
    pub fn of_event(control_plane: &str, event: &RecordEvent) -> Self {
        let subject = format!("{}/{}", event.kind.info().plural, event.id);
        let event_type = format!("causeway.{}.{}", snake(event.kind), event.event_type);
        Self::new(control_plane, event.cursor.to_string(), event_type, Some(&subject), event.time, &json!(event))
    }

    /// Events after a position were lost to the receiver: it lists again. What comes next is after `at`.
    #[must_use]
    pub fn of_reset(control_plane: &str, why: &str, at: Cursor, time: DateTime<Utc>) -> Self {
        let data = json!({"Position": at.to_string(), "Type": "reset", "Reason": why});
        Self::new(control_plane, format!("reset-{at}"), "causeway.reset".into(), None, time, &data)
    }

    /// Somebody tries whether messages arrive.
    #[must_use]
    pub fn of_test(control_plane: &str, id: String, webhook: i64, time: DateTime<Utc>) -> Self {
        let subject = format!("{}/{webhook}", Kind::Webhook.info().plural);
        let data = json!({"Type": "test", "Kind": Kind::Webhook, "ID": webhook});
        Self::new(control_plane, id, "causeway.test".into(), Some(&subject), time, &data)
    }

    fn new(
        control_plane: &str,
        id: String,
        event_type: String,
        subject: Option<&str>,
        time: DateTime<Utc>,
        data: &Value,
    ) -> Self {
        let mut message = json!({
            "specversion": "1.0", "id": id, "source": format!("/control-planes/{control_plane}"), "type": event_type,
            "time": time.to_rfc3339_opts(SecondsFormat::Micros, true), "datacontenttype": "application/json", "data": data,
        });
        if let Some(subject) = subject {
            message["subject"] = json!(subject);
        }
        Self { id, event_type, payload: message.to_string() }
    }
}

/// `GatewayInstance` → `gateway_instance`.
fn snake(kind: Kind) -> String {
    kind.as_str().chars().fold(String::new(), |mut words, letter| {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push('_');
        }
        words.push(letter.to_ascii_lowercase());
        words
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &Message) -> Value {
        serde_json::from_str(&message.payload).unwrap()
    }

    #[test]
    fn an_event_becomes_a_cloud_event() {
        let event = RecordEvent::example();
        let message = Message::of_event("0123abcd", &event);
        assert_eq!(
            (message.id.as_str(), message.event_type.as_str()),
            ("9f04c1d2-1042", "causeway.gateway_instance.condition")
        );
        let expected = json!({
            "specversion": "1.0", "id": "9f04c1d2-1042", "source": "/control-planes/0123abcd",
            "type": "causeway.gateway_instance.condition", "subject": "gateway-instances/912345678900001024",
            "time": "2026-01-31T12:00:05.000000Z", "datacontenttype": "application/json", "data": event,
        });
        assert_eq!(read(&message), expected);
        assert_eq!(Message::of_event("0123abcd", &event), message, "each attempt sends the same");
    }

    #[test]
    fn what_is_no_event_of_a_record_has_an_id_of_its_own() {
        let (at, time) = (Cursor { epoch: 1, position: 7 }, DateTime::UNIX_EPOCH);
        let reset = Message::of_reset("c", "TooOld", at, time);
        assert_eq!((reset.id.as_str(), &read(&reset)["data"]["Position"]), ("reset-00000001-7", &json!("00000001-7")));
        let test = Message::of_test("c", "test-1".into(), 9, time);
        assert_eq!(
            (read(&test)["subject"].as_str(), read(&test)["type"].as_str()),
            (Some("webhooks/9"), Some("causeway.test"))
        );
        for message in [reset, test] {
            assert!(message.event_type.chars().all(|c| c.is_ascii_alphanumeric() || "_.".contains(c)));
            assert!(!message.id.contains('.'), "the signature is over id.time.body");
        }
    }
}
