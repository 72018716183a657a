//! What a cluster already has of a support service.

use super::{
    Cluster, ClusterError, UnreachableCause,
    bounds::{LIST_WITHIN, PAGE},
};
use causeway_records::inventory::ObjectRef;
use causeway_render::{
    bundle::Bundle,
    support_service::{Controller, Definition, Facts},
};
use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, api::ListParams};
use tokio::time::timeout;

/// Deployments that are looked through, and how long their labels and images may be in all.
const MOST: usize = 100_000;
const MOST_BYTES: usize = 64 * 1024 * 1024;

impl Cluster {
    /// The bundle's CRDs that are there, and all Deployments, for the decision whose the service is.
    ///
    /// # Errors
    /// Unreachable; Refused where reading is forbidden.
    pub async fn facts(&self, bundle: &Bundle) -> Result<Facts, ClusterError> {
        let mut facts = Facts::default();
        for name in &bundle.manifest.definitions {
            if let Some(live) = self.get_builtin(&definition_ref(name)).await? {
                facts.definitions.extend(Definition::read(live.body()));
            }
        }
        facts.controllers = timeout(LIST_WITHIN, self.controllers()).await.map_err(|_| {
            let what = format!("its list of Deployments does not end within {} s", LIST_WITHIN.as_secs());
            ClusterError::unreachable(UnreachableCause::Timeout, what)
        })??;
        Ok(facts)
    }

    async fn controllers(&self) -> Result<Vec<Controller>, ClusterError> {
        let deployments: Api<Deployment> = Api::all(self.client().clone());
        let (mut found, mut bytes) = (Vec::new(), 0);
        let mut page = ListParams::default().limit(PAGE);
        loop {
            let list = deployments.list(&page).await.map_err(|error| ClusterError::from_client(&error))?;
            for deployment in list.items {
                // Items of a list come without their kind.
                let mut body = serde_json::to_value(&deployment).unwrap_or_default();
                body["apiVersion"] = "apps/v1".into();
                body["kind"] = "Deployment".into();
                found.extend(Controller::read(&body));
                bytes += found.last().map_or(0, size);
            }
            let Some(token) = list.metadata.continue_.filter(|token| !token.is_empty()) else { return Ok(found) };
            page = page.continue_token(&token);
            if found.len() > MOST || bytes > MOST_BYTES {
                let what = format!("it has more than {MOST} Deployments, or extremely long labels on them");
                return Err(ClusterError::unreachable(UnreachableCause::OverLimit, what));
            }
        }
    }
}

fn size(controller: &Controller) -> usize {
    let labels = controller.labels.iter().flat_map(|(name, value)| [name, value]);
    labels.chain(&controller.images).chain(&controller.cluster_resource_namespace).map(String::len).sum()
}

pub fn definition_ref(name: &str) -> ObjectRef {
    ObjectRef {
        group: "apiextensions.k8s.io".into(),
        version: "v1".into(),
        kind: "CustomResourceDefinition".into(),
        namespace: None,
        name: name.into(),
    }
}

#[cfg(test)]
mod tests {
    use axum::{Json, Router, http::Uri, routing::get};
    use serde_json::{Value, json};

    use super::*;
    use crate::fake;

    fn page(names: &[&str], label: &str, next: &str) -> Json<Value> {
        let deployment = |name: &&str| {
            json!({
                "metadata": {"name": name, "namespace": "shop", "labels": {"x": label}},
                "spec": {"selector": {}, "template": {"spec": {"containers": [{"name": "c", "image": "image"}]}}},
            })
        };
        let items: Vec<Value> = names.iter().map(deployment).collect();
        Json(json!({
            "kind": "DeploymentList", "apiVersion": "apps/v1", "metadata": {"continue": next}, "items": items,
        }))
    }

    #[tokio::test]
    async fn deployments_are_read_page_by_page() {
        let answer = async |uri: Uri| match uri.query() {
            Some(query) if query.contains("continue=next") => page(&["c"], "y", ""),
            _ => page(&["a", "b"], "y", "next"),
        };
        let cluster = fake::cluster(Router::new().route("/apis/apps/v1/deployments", get(answer))).await;
        let found = cluster.controllers().await.unwrap();
        let names: Vec<&str> = found.iter().map(|controller| controller.at.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
    }

    #[tokio::test]
    async fn pages_without_end_are_an_error() {
        let answer = async || page(&["a"], &"y".repeat(16 * 1024 * 1024), "next");
        let cluster = fake::cluster(Router::new().route("/apis/apps/v1/deployments", get(answer))).await;
        let error = cluster.controllers().await.unwrap_err();
        assert!(matches!(error, ClusterError::Unreachable { cause: UnreachableCause::OverLimit, .. }), "{error}");
    }
}
