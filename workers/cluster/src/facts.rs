//! What a cluster already has of a support service.

use super::{Cluster, ClusterError, UnreachableCause, bounds::PAGE};
use causeway_records::inventory::ObjectRef;
use causeway_render::{
    bundle::Bundle,
    support_service::{Controller, Definition, Facts},
};
use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, api::ListParams};

/// Pages of Deployments that are read.
const PAGES: u32 = 1000;

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
        let deployments: Api<Deployment> = Api::all(self.client().clone());
        let mut page = ListParams::default().limit(PAGE);
        for _ in 0..PAGES {
            let list = deployments.list(&page).await.map_err(|error| ClusterError::from_client(&error))?;
            for deployment in list.items {
                // Items of a list come without their kind.
                let mut body = serde_json::to_value(&deployment).unwrap_or_default();
                body["apiVersion"] = "apps/v1".into();
                body["kind"] = "Deployment".into();
                facts.controllers.extend(Controller::read(&body));
            }
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = page.continue_token(&token),
                None => return Ok(facts),
            }
        }
        let what = format!("it has more than {} Deployments", PAGE * PAGES);
        Err(ClusterError::unreachable(UnreachableCause::OverLimit, what))
    }
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
