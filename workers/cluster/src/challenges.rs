//! The proofs that ACME authorities ask for. cert-manager makes an object for each and gives it no label of its Certificate, so no watch of ours
//! shows them: they are read when a Certificate isn't valid.

use causeway_records::inventory::ObjectRef;
use causeway_render::{k8s::cert_manager::CHALLENGE, observed::Observed};
use kube::{ResourceExt, api::DynamicObject};
use serde_json::{Value, json};

use super::{Cluster, ClusterError, bounds, lists::Listed};

/// Challenges that are looked through in one namespace: a Gateway with more hostnames than this in the making waits for the others first.
const MOST: usize = 500;

impl Cluster {
    /// The Challenges of a namespace, or the first so many.
    ///
    /// # Errors
    /// As for every list; where reading Challenges is forbidden, or there are none, too.
    pub async fn challenges(&self, namespace: &str) -> Result<Vec<Observed>, ClusterError> {
        let listed = Listed { kind: CHALLENGE, plural: "challenges", namespace: Some(namespace), most: MOST };
        self.list_some(listed, |challenge| Some(read(namespace, challenge))).await
    }
}

fn read(namespace: &str, object: DynamicObject) -> Observed {
    let at: ObjectRef = CHALLENGE.at(namespace, &object.name_any());
    let text = |key: &str| object.data["status"][key].as_str().unwrap_or_default().to_owned();
    let status: Value = json!({ "state": bounds::cut(text("state")), "reason": bounds::cut(text("reason")) });
    let uid = object.metadata.uid.unwrap_or_default();
    Observed { at, uid, generation: object.metadata.generation.unwrap_or_default(), replicas: None, status }
}

#[cfg(test)]
mod tests {
    use axum::{Json, Router, routing::get};

    use super::*;
    use crate::fake;

    fn list(reason: &str, next: &str) -> Value {
        let challenge = json!({
            "apiVersion": "acme.cert-manager.io/v1", "kind": "Challenge", "metadata": {"name": "shop-1-2-3", "uid": "u1"},
            "spec": {"key": "secret"}, "status": {"state": "invalid", "reason": reason, "presented": true},
        });
        json!({
            "apiVersion": "acme.cert-manager.io/v1", "kind": "ChallengeList", "metadata": {"continue": next},
            "items": vec![challenge; 50],
        })
    }

    async fn challenges(list: Value) -> Vec<Observed> {
        let path = "/apis/acme.cert-manager.io/v1/namespaces/shop/challenges";
        let answers = Router::new().route(path, get(async move || Json(list)));
        fake::cluster(answers).await.challenges("shop").await.unwrap()
    }

    #[tokio::test]
    async fn a_challenge_is_reduced_to_how_it_ended_and_why() {
        let found = challenges(list("no such host", "")).await;
        assert_eq!(found.len(), 50);
        assert_eq!(found[0].at, CHALLENGE.at("shop", "shop-1-2-3"));
        assert_eq!(found[0].status, json!({ "state": "invalid", "reason": "no such host" }));
    }

    #[tokio::test]
    async fn a_list_without_end_and_a_reason_without_end_are_read_so_far() {
        let found = challenges(list(&"x".repeat(10_000), "next")).await;
        assert_eq!(found.len(), MOST);
        assert!(found[0].status["reason"].as_str().unwrap().len() < 1200);
    }
}
