//! What whole-system tests stand on: the rig, and a control plane that looks after its main cluster.
//!
//! Most tests share [`stage`]: one control plane, one cluster with its support services ready. A test keeps apart from the others by the names
//! it makes up ([`Stage::name`]), which give it namespaces, hostnames and records of its own. A test that ends processes, or needs another
//! cluster, starts a control plane of its own.

use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use causeway_rig::{
    ClusterEndpoints, Endpoints,
    platform::{Client, ControlPlane, Setup, create_zone, id_of},
};
use kube::{
    Api, Config,
    api::{DynamicObject, ListParams},
    config::{KubeConfigOptions, Kubeconfig},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use uuid::Uuid;

/// For what takes seconds on a quiet machine.
pub const SOON: Duration = Duration::from_secs(90);
/// For the installation of everything in an empty cluster.
pub const INSTALLED: Duration = Duration::from_secs(240);
/// The zone that all tests publish in, each below a name of its own.
pub const DOMAIN: &str = "test.example";

/// The shared control plane.
pub struct Stage {
    /// The rig.
    pub endpoints: Endpoints,
    /// The control plane.
    pub platform: ControlPlane,
    /// Its API.
    pub client: Client,
    /// The runtime instance of the rig's main cluster.
    pub runtime: i64,
    /// The id of the zone [`DOMAIN`].
    pub zone: String,
}

static STAGE: OnceCell<Stage> = OnceCell::const_new();

/// The shared control plane, started by the first test that asks.
///
/// # Panics
/// When there is no rig, or it doesn't come up: every test would fail.
pub async fn stage() -> &'static Stage {
    STAGE.get_or_init(|| async { Stage::set().await.expect("the stage can't be set") }).await
}

impl Stage {
    async fn set() -> Result<Self> {
        let endpoints = Endpoints::from_env()?;
        let zone = create_zone(&endpoints, DOMAIN).await?;
        let platform = ControlPlane::start(&endpoints, Setup { workers: 2, ..Setup::for_test("stage") }).await?;
        let client = platform.client();
        let runtime = add_runtime(&client, &endpoints.clusters[0], "main").await?;
        Ok(Self { endpoints, platform, client, runtime, zone })
    }

    /// A name that no other test has.
    #[must_use]
    pub fn name(&self, what: &str) -> String {
        format!("{what}-{}", &Uuid::new_v4().simple().to_string()[..8])
    }

    /// kubectl's eyes on the main cluster: as admin, not as the control plane.
    ///
    /// # Errors
    /// When the kubeconfig can't be read.
    pub async fn kube(&self) -> Result<kube::Client> {
        kube_client(&self.endpoints.clusters[0]).await
    }

    /// A workload with a Service `web` of port 80, and its instance on the main cluster.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn workload(&self, name: &str) -> Result<i64> {
        add_workload(&self.client, self.runtime, name).await
    }

    /// A domain below [`DOMAIN`], with certificates that sign themselves.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn domain(&self, name: &str) -> Result<i64> {
        let body = json!({
            "Name": name, "Domain": format!("{name}.{DOMAIN}"), "Zone": "Public", "AdminEmail": "ops@test.example",
            "TTL": 1, "IssuerKind": "SelfSigned",
        });
        id_of(&self.client.create("domain-name-definitions", &body).await?)
    }

    /// A gateway definition; `more` holds its ports and whatever else.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn definition(&self, name: &str, domain: Option<i64>, more: Value) -> Result<i64> {
        let mut body = json!({"Name": name, "DomainNameDefinitionID": domain});
        if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
            body.extend(more.clone());
        }
        id_of(&self.client.create("gateway-definitions", &body).await?)
    }

    /// The body of a gateway instance on the main cluster.
    #[must_use]
    pub fn instance(&self, name: &str, definition: i64, workload: i64) -> Value {
        json!({
            "Name": name, "KubernetesRuntimeInstanceID": self.runtime, "GatewayDefinitionID": definition,
            "WorkloadInstanceID": workload,
        })
    }

    /// A gateway instance on the main cluster, once it is Ready.
    ///
    /// # Errors
    /// When the API refuses, or it doesn't become Ready.
    pub async fn ready_gateway(&self, name: &str, definition: i64, workload: i64) -> Result<i64> {
        let made = self.client.create("gateway-instances", &self.instance(name, definition, workload)).await?;
        let id = id_of(&made)?;
        self.client.until_ready("gateway-instances", id, INSTALLED).await?;
        Ok(id)
    }
}

/// Puts a cluster on record, reached as user `causeway`.
///
/// # Errors
/// When the API refuses.
pub async fn add_runtime(client: &Client, cluster: &ClusterEndpoints, name: &str) -> Result<i64> {
    let of = json!({"Name": format!("{name}-definition"), "InfraProvider": "kind"});
    let of = id_of(&client.create("kubernetes-runtime-definitions", &of).await?)?;
    let body = json!({
        "Name": name, "Location": "Local", "KubernetesRuntimeDefinitionID": of, "APIEndpoint": cluster.server,
        "CACertificate": cluster.ca, "Certificate": cluster.causeway.certificate, "CertificateKey": cluster.causeway.key,
    });
    id_of(&client.create("kubernetes-runtime-instances", &body).await?)
}

/// A workload with a Service `web` of port 80, and its instance.
///
/// # Errors
/// When the API refuses.
pub async fn add_workload(client: &Client, runtime: i64, name: &str) -> Result<i64> {
    let manifests = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: example.invalid/web}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
";
    add_workload_of(client, runtime, name, manifests).await
}

/// A workload of these manifests, and its instance.
///
/// # Errors
/// When the API refuses.
pub async fn add_workload_of(client: &Client, runtime: i64, name: &str, manifests: &str) -> Result<i64> {
    let of = json!({"Name": name, "YAMLDocument": manifests});
    let of = id_of(&client.create("workload-definitions", &of).await?)?;
    let body = json!({"Name": name, "KubernetesRuntimeInstanceID": runtime, "WorkloadDefinitionID": of});
    id_of(&client.create("workload-instances", &body).await?)
}

/// The manifest of a ConfigMap with one key: a workload that needs no node.
#[must_use]
pub fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{key: {value:?}}}\n")
}

/// A client of a cluster as its admin.
///
/// # Errors
/// When the kubeconfig can't be read.
pub async fn kube_client(cluster: &ClusterEndpoints) -> Result<kube::Client> {
    // Another test may have chosen the provider already, and any will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let kubeconfig = Kubeconfig::read_from(&cluster.admin.kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(kube::Client::try_from(config)?)
}

/// Objects of any kind, in all namespaces, as plain JSON.
///
/// # Errors
/// When the API server refuses.
pub async fn objects(client: &kube::Client, gvk: (&str, &str, &str), selector: &str) -> Result<Vec<Value>> {
    let list = api(client, gvk, None).list(&ListParams::default().labels(selector)).await?;
    list.items.into_iter().map(|object| serde_json::to_value(object).context("an object is no JSON")).collect()
}

/// Any kind of group, version and kind, in one namespace or in all.
#[must_use]
pub fn api(client: &kube::Client, gvk: (&str, &str, &str), namespace: Option<&str>) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(gvk.0, gvk.1, gvk.2));
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}

/// The name that a record's objects bear in the cluster.
#[must_use]
pub fn object_name(name: &str, id: i64) -> String {
    format!("{name}-{id}")
}

/// Looks again and again until `look` says Ok, and returns what it says.
///
/// # Panics
/// When it takes too long; the message is what `look` said last.
pub async fn eventually<T, E: Debug>(what: &str, look: impl AsyncFn() -> Result<T, E>) -> T {
    let begun = Instant::now();
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) if begun.elapsed() > SOON => panic!("not so after {SOON:?}: {what}; seen: {seen:#?}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}
