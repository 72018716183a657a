//! The floor: the same objects, sent to the API server by plain server-side applies and nothing else.

use std::time::{Duration, Instant};

use anyhow::Result;
use causeway_testkit::objects::apply;
use futures::{StreamExt, TryStreamExt, stream};
use kube::Client;
use serde_json::{Value, json};

use crate::client::TASKS;

/// The field manager of the applies.
const MANAGER: &str = "floor";

/// Applies objects one after the other, and says how long that took.
///
/// # Errors
/// When the API server refuses.
pub(crate) async fn in_turn(kube: &Client, objects: &[Value]) -> Result<Duration> {
    let begun = Instant::now();
    for object in objects {
        apply(kube, MANAGER, object).await?;
    }
    Ok(begun.elapsed())
}

/// Applies objects, [`TASKS`] at a time, and says how long that took.
///
/// # Errors
/// When the API server refuses.
pub(crate) async fn at_once(kube: &Client, objects: &[Value]) -> Result<Duration> {
    let begun = Instant::now();
    let applies: Vec<_> = objects.iter().map(|object| apply(kube, MANAGER, object)).collect();
    stream::iter(applies).buffer_unordered(TASKS).try_collect::<()>().await?;
    Ok(begun.elapsed())
}

/// An object as it would be applied anew, in another namespace and with labels that no watch selects.
#[must_use]
pub(crate) fn copy_of(object: &Value, namespace: &str) -> Value {
    let metadata = &object["metadata"];
    let labels: serde_json::Map<_, _> = metadata["labels"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| (format!("floor-{}", key.replace('/', "-")), value.clone()))
        .collect();
    let mut copy = json!({
        "apiVersion": object["apiVersion"], "kind": object["kind"], "spec": object["spec"],
        "metadata": {"name": metadata["name"], "labels": labels},
    });
    if metadata["namespace"].is_string() {
        copy["metadata"]["namespace"] = json!(namespace);
    } else {
        copy["metadata"]["name"] = json!(format!("{namespace}-{}", metadata["name"].as_str().unwrap_or_default()));
    }
    copy
}

/// A namespace for copies.
///
/// # Errors
/// When the API server refuses.
pub(crate) async fn namespace(kube: &Client, name: &str) -> Result<()> {
    apply(kube, MANAGER, &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_as_large_and_nobody_elses() {
        let object = json!({
            "apiVersion": "g/v1", "kind": "K", "spec": {"a": 1}, "status": {"b": 2},
            "metadata": {"name": "n", "namespace": "ours", "uid": "u", "labels": {"x.dev/owner": "y-1"}},
        });
        let metadata = json!({"name": "n", "namespace": "f", "labels": {"floor-x.dev-owner": "y-1"}});
        let copy = json!({"apiVersion": "g/v1", "kind": "K", "spec": {"a": 1}, "metadata": metadata});
        assert_eq!(copy_of(&object, "f"), copy);
        let wide = json!({"apiVersion": "g/v1", "kind": "K", "metadata": {"name": "n"}});
        assert_eq!(copy_of(&wide, "f")["metadata"]["name"], "f-n");
    }
}
