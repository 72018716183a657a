//! The control plane that the tests of one binary share: its cluster has its support services ready, which takes minutes
//! and is done once.
//!
//! A test keeps apart from the others by the names it makes up ([`Harness::name`]), which give it namespaces, hostnames and
//! records of its own. A test that ends processes, or needs another cluster, starts a control plane of its own.

use anyhow::Result;
use causeway_rig::Endpoints;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::{
    answer::id_of,
    client::ApiClient,
    control_plane::ControlPlane,
    objects::kube_client,
    records::{add_runtime, add_workload, unique_name},
    setup::Setup,
    wait::INSTALLED,
    zone::create_zone,
};

/// The zone that all tests publish in, each below a name of its own.
pub const DOMAIN: &str = "test.example";

/// The shared control plane.
pub struct Harness {
    /// The rig.
    pub endpoints: Endpoints,
    /// The control plane.
    pub platform: ControlPlane,
    /// A client of its API.
    pub client: ApiClient,
    /// The runtime instance of the rig's main cluster.
    pub runtime: i64,
    /// The id of the zone [`DOMAIN`].
    pub zone: String,
}

/// The shared control plane, started by the first test that needs it.
///
/// # Panics
/// When there is no rig, or the control plane doesn't start: every test would fail.
pub async fn harness() -> &'static Harness {
    static HARNESS: OnceCell<Harness> = OnceCell::const_new();
    HARNESS.get_or_init(|| async { Harness::start().await.expect("the shared control plane can't be started") }).await
}

impl Harness {
    async fn start() -> Result<Self> {
        let endpoints = Endpoints::from_env()?;
        let zone = create_zone(&endpoints, DOMAIN).await?;
        // Receivers of webhooks are on loopback here.
        let api_arguments = ["--webhook-allow", "127.0.0.1"].map(str::to_owned).to_vec();
        let setup = Setup { workers: 2, api_arguments, ..Setup::for_test("harness") };
        let platform = ControlPlane::start(&endpoints, setup).await?;
        let client = platform.client();
        let runtime = add_runtime(&client, &endpoints.clusters[0], "main").await?;
        Ok(Self { endpoints, platform, client, runtime, zone })
    }

    /// A name that no other test has.
    #[must_use]
    pub fn name(&self, what: &str) -> String {
        unique_name(what)
    }

    /// A client of the main cluster as its admin, not as the control plane's user.
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

    /// A domain below [`DOMAIN`], with self-signed certificates.
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
