//! What happened to objects: the Events of a namespace, which Kubernetes keeps for about an hour.

use causeway_render::workload::events::ObjectEvent;
use chrono::{DateTime, Utc};
use k8s_openapi::api::core::v1::Event;
use kube::{Api, api::ListParams};
use serde_json::Value;

use super::{Cluster, ClusterError, bounds};

/// Events that are looked through in one namespace. They come in no order of time.
const MOST: usize = 2000;
/// Longest reason that is kept.
const REASON: usize = 128;

impl Cluster {
    /// The Events of a namespace, or the first so many.
    ///
    /// # Errors
    /// As for every list; where reading Events is forbidden, too.
    pub async fn events(&self, namespace: &str) -> Result<Vec<ObjectEvent>, ClusterError> {
        let events: Api<Event> = Api::namespaced(self.client().clone(), namespace);
        let (mut found, mut seen) = (vec![], 0);
        let mut page = ListParams::default().limit(bounds::PAGE);
        loop {
            let list = events.list(&page).await.map_err(|error| ClusterError::from_client(&error))?;
            seen += list.items.len();
            found.extend(list.items.iter().filter_map(|event| read(&serde_json::to_value(event).ok()?)));
            let next = list.metadata.continue_.filter(|token| !token.is_empty() && seen < MOST);
            let Some(token) = next else { return Ok(found) };
            page = page.continue_token(&token);
        }
    }
}

/// None: it has no uid, no time, or is about nothing.
fn read(event: &Value) -> Option<ObjectEvent> {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    // Whoever writes Events today fills in these, and whoever did ten years ago those.
    let times =
        ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/firstTimestamp", "/metadata/creationTimestamp"];
    let at = times.iter().find_map(|pointer| DateTime::parse_from_rfc3339(text(pointer)?).ok())?;
    let uid = text("/metadata/uid").filter(|uid| bounds::is_identifier(uid))?;
    Some(ObjectEvent {
        uid: uid.to_owned(),
        kind: text("/involvedObject/kind")?.to_owned(),
        namespace: text("/involvedObject/namespace").or_else(|| text("/metadata/namespace"))?.to_owned(),
        name: text("/involvedObject/name")?.to_owned(),
        warning: text("/type") == Some("Warning"),
        reason: text("/reason").unwrap_or("Unknown").chars().take(REASON).collect(),
        message: bounds::cut(text("/message").unwrap_or_default().to_owned()),
        at: at.with_timezone(&Utc),
    })
}

#[cfg(test)]
mod tests {
    use axum::{Json, Router, routing::get};
    use serde_json::json;

    use super::*;
    use crate::fake;

    fn event(change: &[(&str, Value)]) -> Value {
        let mut event = json!({
            "metadata": {"name": "web.1", "namespace": "shop", "uid": "u1", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-1"},
            "type": "Warning", "reason": "FailedScheduling", "message": "0/3 nodes are available",
        });
        for (key, value) in change {
            event[*key] = value.clone();
        }
        event
    }

    #[test]
    fn the_time_is_the_last_one_that_is_known() {
        let at = |change: &[(&str, Value)]| read(&event(change)).unwrap().at.to_rfc3339();
        assert_eq!(at(&[]), "2026-01-01T00:00:00+00:00");
        let old = ("lastTimestamp", json!("2026-01-01T00:00:05Z"));
        assert_eq!(at(std::slice::from_ref(&old)), "2026-01-01T00:00:05+00:00");
        let new = ("series", json!({"count": 3, "lastObservedTime": "2026-01-01T00:00:09.500000Z"}));
        assert_eq!(
            at(&[("eventTime", json!("2026-01-01T00:00:01.000000Z")), new, old]),
            "2026-01-01T00:00:09.500+00:00"
        );
    }

    #[test]
    fn what_says_nothing_is_left_out_and_long_texts_are_cut() {
        assert_eq!(read(&event(&[("metadata", json!({"uid": "u1"}))])), None, "no time");
        assert_eq!(read(&event(&[("involvedObject", json!({}))])), None, "about nothing");
        assert_eq!(read(&event(&[("metadata", json!({"uid": "u".repeat(500)}))])), None, "no uid");
        let long = [("message", json!("x".repeat(100_000))), ("reason", json!("y".repeat(1000)))];
        let event = read(&event(&long)).unwrap();
        assert!(event.message.len() < 1200 && event.reason.len() == REASON && event.warning);
    }

    #[tokio::test]
    async fn a_list_without_end_is_read_so_far() {
        let items = vec![event(&[]); 50];
        let page = json!({"kind": "EventList", "apiVersion": "v1", "metadata": {"continue": "next"}, "items": items});
        let answers = Router::new().route("/api/v1/namespaces/shop/events", get(async move || Json(page)));
        let found = fake::cluster(answers).await.events("shop").await.unwrap();
        assert_eq!(found.len(), MOST);
    }
}
