//! The verbs of webhooks.

use super::{envelope, examples, nouns, operation::Operation, parameters, responses::json_answer};
use crate::{route::Route, routes::webhooks::MOST};
use axum::http::StatusCode;
use causeway_records::{
    noun::{Info, Noun},
    nouns::{DeliveryState, Webhook, WebhookDelivery},
};
use serde_json::json;

/// A route of this chapter; None: it is another one.
pub(super) fn operation(route: &Route) -> Option<Operation> {
    match (route.method.as_str(), route.path.as_str()) {
        ("POST", "/v0/webhooks/{id}/test") => Some(test()),
        ("POST", "/v0/webhooks/{id}/rotate-secret") => Some(rotate()),
        ("POST", "/v0/webhooks/{id}/redeliver") => Some(redeliver_all()),
        ("POST", "/v0/webhook-deliveries/{id}/redeliver") => Some(redeliver()),
        _ => None,
    }
}

/// An operation on the record that the path names, with records of `info` in its answer.
fn verb(id: &str, (code, info): (u16, &'static Info), summary: &str, does: &str) -> Operation {
    let status = StatusCode::from_u16(code).unwrap_or_default();
    let example = envelope::one(info.kind.as_str(), status, 1, examples::record(info, false));
    Operation {
        id: id.into(),
        tag: info.kind.as_str(),
        summary: summary.into(),
        description: does.into(),
        parameters: vec![parameters::id()],
        body: None,
        answers: vec![(code, json_answer("The records.", nouns::response(info), example, false))],
        refusals: vec![400, 404, 409, 413, 415],
        enveloped: true,
    }
}

fn test() -> Operation {
    let does = "Sends an event of the type `causeway.test`, which tells of nothing. The answer is its delivery; read that again to see what the receiver answered.";
    verb("testWebhook", (201, &WebhookDelivery::INFO), "Send a test event to a webhook", does)
}

fn rotate() -> Operation {
    let does = "Makes another secret and shows it in this answer alone. Until `previousuntil` requests carry a signature with the one before it, too.";
    let mut operation = verb("rotateSecretOfWebhook", (200, &Webhook::INFO), "Rotate the secret of a webhook", does);
    operation.parameters.push(parameters::own(
        "previousuntil",
        json!({"type": "string", "format": "date-time"}),
        "How long the secret before it still signs. Left out: 24 hours.",
    ));
    operation
}

fn redeliver() -> Operation {
    let does = "Sends a delivery again, whatever became of it: as if it had never been sent, and under the same id of the event.";
    verb("redeliverWebhookDelivery", (200, &WebhookDelivery::INFO), "Send a delivery again", does)
}

fn redeliver_all() -> Operation {
    let does = "Sends deliveries of a webhook again, by ascending id, and answers them. `Meta.NextAfter` is there when there may be more: go on with `after`.";
    let mut operation = verb("redeliverWebhook", (200, &WebhookDelivery::INFO), "Send deliveries again", does);
    let time = json!({"type": "string", "format": "date-time"});
    let states: Vec<_> = DeliveryState::ALL.iter().map(|state| state.as_str()).collect();
    let most = json!({"type": "integer", "format": "int64", "minimum": 1, "maximum": MOST, "default": MOST});
    operation.parameters.extend([
        parameters::own(
            "state",
            json!({"type": "string", "enum": states}),
            "Only in this state. Left out: all that aren't waiting already.",
        ),
        parameters::own("since", time.clone(), "Only of this time or later."),
        parameters::own("until", time, "Only before this time."),
        parameters::own("size", most, "How many at most."),
        parameters::reference("After"),
    ]);
    operation
}
