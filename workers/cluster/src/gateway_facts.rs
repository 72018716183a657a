//! What a cluster says of Gateway API and of its gateway controllers.

use super::{Cluster, ClusterError, facts::definition_ref, lists::Listed, rest::Lookup};
use causeway_records::inputs::{GatewayClassFacts, GatewayFacts};
use causeway_render::{
    gateway_facts::{DEFINITION, KINDS, MOST_CLASSES, api, class, is_of_one_gateway},
    k8s::{ObjectKind, gateway_api::GATEWAY_CLASS},
};
use kube::{ResourceExt, api::DynamicObject};
use serde_json::json;
use std::collections::BTreeMap;

impl Cluster {
    /// All of it, asked anew. Nothing where Gateway API is not installed, or only about to be.
    ///
    /// # Errors
    /// Unreachable; Refused where reading is forbidden.
    pub async fn gateway_facts(&self) -> Result<GatewayFacts, ClusterError> {
        let served = self.discovery().fresh().await?;
        let is_served = |kind: &&ObjectKind| served.serves_exactly(&kind.cluster("*"));
        if !is_served(&&GATEWAY_CLASS) {
            return Ok(GatewayFacts::default());
        }
        // Definitions come one after the other: this one isn't the first.
        let Some(definition) = self.get_builtin(&definition_ref(DEFINITION)).await? else {
            return Ok(GatewayFacts::default());
        };
        let classes = self.gateway_classes().await?;
        Ok(GatewayFacts { api: Some(api(definition.body(), KINDS.iter().filter(is_served))), classes })
    }

    /// One GatewayClass; None if it is not there.
    ///
    /// # Errors
    /// As [`Self::gateway_facts`].
    pub async fn gateway_class(&self, name: &str) -> Result<Option<GatewayClassFacts>, ClusterError> {
        match self.get(&GATEWAY_CLASS.cluster(name)).await? {
            Lookup::Found(live) if !is_of_one_gateway(live.body()) => Ok(Some(class(live.body()))),
            Lookup::Found(_) | Lookup::Absent | Lookup::NotServed => Ok(None),
        }
    }

    /// Those that others may name, or the first so many.
    async fn gateway_classes(&self) -> Result<BTreeMap<String, GatewayClassFacts>, ClusterError> {
        let listed = Listed { kind: GATEWAY_CLASS, plural: "gatewayclasses", namespace: None, most: MOST_CLASSES };
        let read = |object: DynamicObject| {
            let body = json!({
                "metadata": {"labels": object.metadata.labels}, "spec": object.data["spec"], "status": object.data["status"],
            });
            (!is_of_one_gateway(&body)).then(|| (object.name_any(), class(&body)))
        };
        Ok(self.list_some(listed, read).await?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use axum::{Json, Router, routing::get};
    use serde_json::Value;

    use super::*;
    use crate::fake;
    use causeway_render::driver::Driver;

    fn list(next: &str) -> Value {
        let class = |name: &str, labels: Value, controller: &str, features: Value| {
            json!({
                "metadata": {"name": name, "labels": labels}, "spec": {"controllerName": controller},
                "status": {"supportedFeatures": features},
            })
        };
        let (own, made) = (json!({"causeway.dev/control-plane": "c1"}), Driver::for_class(None).controller());
        json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClassList", "metadata": {"continue": next},
            "items": [
                class("shared-gateway-1", own.clone(), made, json!([])),
                class("other", own, "example.org/other", json!([{"name": "HTTPRoute"}])),
                class("internal", json!({}), made, json!(null)),
            ],
        })
    }

    #[tokio::test]
    async fn classes_that_others_may_name_are_read_with_their_features() {
        let path = "/apis/gateway.networking.k8s.io/v1/gatewayclasses";
        let cluster = fake::cluster(Router::new().route(path, get(async || Json(list(""))))).await;
        let found = cluster.gateway_classes().await.unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), ["internal", "other"]);
        assert!(found["other"].features.contains("HTTPRoute") && found["internal"].features.is_empty());
    }

    #[tokio::test]
    async fn without_gateway_api_there_is_nothing_to_say() {
        let cluster = fake::cluster(fake::core_kinds()).await;
        assert_eq!(cluster.gateway_facts().await.unwrap(), GatewayFacts::default());
    }
}
