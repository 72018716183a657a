//! Records that the benchmarks of the reconcile path make.

use anyhow::Result;
use serde_json::{Value, json};

use super::fixture::Fixture;

/// Gateways that share a workload.
const OF_ONE_WORKLOAD: usize = 20;

/// What gateways need before they can be made: a cluster, and workloads in it.
pub(crate) struct Workloads {
    /// The runtime instance.
    pub(crate) runtime: i64,
    /// The workload instances.
    pub(crate) ids: Vec<i64>,
}

impl Workloads {
    /// The bodies of gateway instances of these definitions, spread evenly over the workloads.
    #[must_use]
    pub(crate) fn instances(&self, name: &str, definitions: &[i64]) -> Vec<Value> {
        let numbered = definitions.iter().enumerate();
        numbered.map(|(n, definition)| self.instance(&format!("{name}-{n}"), n, *definition)).collect()
    }

    /// The body of the `n`th one.
    #[must_use]
    pub(crate) fn instance(&self, name: &str, n: usize, definition: i64) -> Value {
        instance(name, self.runtime, definition, self.ids[n % self.ids.len()])
    }
}

/// How a gateway gets its Gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// A listener on the shared Gateway.
    Shared,
    /// A Gateway of its own.
    Dedicated,
}

impl Fixture {
    /// Puts the cluster on record, with workloads for so many gateways.
    ///
    /// # Errors
    /// When the API refuses.
    pub(crate) async fn workloads_for(&self, gateways: usize) -> Result<Workloads> {
        let runtime = self.runtime().await?;
        let of = self.workload_definition("web").await?;
        let ids = self.workloads(runtime, "web", of, gateways.div_ceil(OF_ONE_WORKLOAD).max(1)).await?;
        Ok(Workloads { runtime, ids })
    }

    /// Puts the cluster on record.
    ///
    /// # Errors
    /// When the API refuses.
    async fn runtime(&self) -> Result<i64> {
        let cluster = &self.cluster;
        let access = json!({
            "APIEndpoint": cluster.server, "CACertificate": cluster.ca, "Certificate": cluster.causeway.certificate,
            "CertificateKey": cluster.causeway.key,
        });
        self.runtime_at("bare", access).await
    }

    /// Puts a cluster on record that is reached by `access`.
    ///
    /// # Errors
    /// When the API refuses.
    pub(crate) async fn runtime_at(&self, name: &str, access: Value) -> Result<i64> {
        let of = json!({"Name": format!("{name}-definition"), "InfraProvider": "kind"});
        let of = self.api.create("kubernetes-runtime-definitions", &of).await?;
        let mut body = json!({"Name": name, "Location": "Local", "KubernetesRuntimeDefinitionID": of});
        if let (Some(body), Value::Object(access)) = (body.as_object_mut(), access) {
            body.extend(access);
        }
        self.api.create("kubernetes-runtime-instances", &body).await
    }

    /// A workload definition: a Service and a ConfigMap, which need no node.
    ///
    /// # Errors
    /// When the API refuses.
    pub(crate) async fn workload_definition(&self, name: &str) -> Result<i64> {
        let manifests = "
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data: {key: value}
";
        self.api.create("workload-definitions", &json!({"Name": name, "YAMLDocument": manifests})).await
    }

    /// `count` instances of it in a cluster.
    ///
    /// # Errors
    /// When the API refuses.
    pub(crate) async fn workloads(&self, runtime: i64, name: &str, definition: i64, count: usize) -> Result<Vec<i64>> {
        let bodies = (0..count).map(|n| {
            json!({"Name": format!("{name}-{n}"), "KubernetesRuntimeInstanceID": runtime, "WorkloadDefinitionID": definition})
        });
        self.api.create_all("workload-instances", bodies.collect()).await
    }

    /// `count` gateway definitions with a hostname each and HTTP on port 80.
    ///
    /// # Errors
    /// When the API refuses.
    pub(crate) async fn definitions(&self, name: &str, count: usize, placement: Placement) -> Result<Vec<i64>> {
        let bodies = (0..count).map(|n| {
            json!({
                "Name": format!("{name}-{n}"), "Hostnames": [hostname(name, n)], "HttpPorts": [{"Port": 80}],
                "Placement": match placement { Placement::Shared => "Shared", Placement::Dedicated => "Dedicated" },
            })
        });
        self.api.create_all("gateway-definitions", bodies.collect()).await
    }
}

/// The body of a gateway instance.
#[must_use]
pub(crate) fn instance(name: &str, runtime: i64, definition: i64, workload: i64) -> Value {
    json!({
        "Name": name, "KubernetesRuntimeInstanceID": runtime, "GatewayDefinitionID": definition,
        "WorkloadInstanceID": workload,
    })
}

/// The hostname of the `n`th definition.
#[must_use]
pub(crate) fn hostname(name: &str, n: usize) -> String {
    format!("{name}-{n}.bench.example")
}
