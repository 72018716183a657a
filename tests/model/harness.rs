//! What all sequences share: the rig's main cluster with its real controllers, and a cluster of the model's own, which knows the kinds and has no
//! controller that does anything. In both, another control plane or an admin has installed the support services, and every lane adopts them.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Result;
use causeway_rig::{ClusterEndpoints, Endpoints, OwnCluster, faults::Network, tools::Tools};
use causeway_testkit::{ControlPlane, INSTALLED, Kubectl, Setup, add_runtime, id_of, kube_client, objects::apply};
use kube::{
    Client,
    api::ApiResource,
    discovery::{Discovery, Scope, verbs},
};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::{bundles, checks::audit::Audit, webhook};

/// The field manager of the clusters' admin.
pub(crate) const ADMIN: &str = "admin";

/// What all sequences share.
pub(crate) struct Harness {
    pub(crate) endpoints: Endpoints,
    pub(crate) tools: Tools,
    /// By the number that steps give them.
    pub(crate) clusters: Vec<Cluster>,
    /// The folder of bundles.
    pub(crate) bundles: PathBuf,
    /// The network between workers and clusters.
    pub(crate) network: Network,
    /// The port of a webhook that never answers.
    pub(crate) silent: u16,
    /// Has installed the support services in the main cluster.
    installer: ControlPlane,
    installer_runtime: i64,
    own: OwnCluster,
}

/// A cluster.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) endpoints: ClusterEndpoints,
    /// As its admin.
    pub(crate) kube: Client,
    /// Everything that can be listed.
    pub(crate) kinds: Arc<Vec<ApiResource>>,
    /// Who wrote what.
    pub(crate) audit: Arc<Mutex<Audit>>,
}

impl Harness {
    /// Everything started and installed.
    pub(crate) async fn prepare() -> Result<Arc<Self>> {
        let (endpoints, tools) = (Endpoints::from_env()?, Tools::find()?);
        let dir = endpoints.run_dir.join(format!("model-{}", std::process::id()));
        let network = Network::start(&tools, &dir.join("logs")).await?;
        let silent = webhook::listen().await?;
        let (own_dir, bundles) = (dir.join("own"), dir.join("bundles"));
        bundles::shorten(&bundles)?;
        let (main, own) =
            tokio::try_join!(main_cluster(&endpoints, &bundles), own_cluster(&endpoints, &tools, &own_dir, &bundles))?;
        let (installer, installer_runtime) = main;
        let mut clusters = vec![];
        for cluster in [endpoints.cluster(), own.endpoints()] {
            clusters.push(Cluster::of(cluster).await?);
        }
        Ok(Arc::new(Self { endpoints, tools, clusters, bundles, network, silent, installer, installer_runtime, own }))
    }

    /// Takes everything away again, and returns when the main cluster is as it was.
    pub(crate) async fn clear(self) -> Result<()> {
        let client = self.installer.client();
        client.delete_and_wait("kubernetes-runtime-instances", self.installer_runtime, INSTALLED).await?;
        self.installer.stop().await;
        self.own.stop().await;
        self.network.stop().await;
        Ok(())
    }
}

impl Cluster {
    async fn of(cluster: &ClusterEndpoints) -> Result<Self> {
        let kube = kube_client(cluster).await?;
        let kinds = Arc::new(kinds(&kube).await?);
        let audit = Arc::new(Mutex::new(Audit::of(&cluster.audit_log)));
        Ok(Self { endpoints: cluster.clone(), kube, kinds, audit })
    }
}

/// Every kind that can be listed and deleted, each once.
async fn kinds(kube: &Client) -> Result<Vec<ApiResource>> {
    let discovery = Discovery::new(kube.clone()).run().await?;
    let mut kinds = vec![];
    for group in discovery.groups() {
        // The same Events under two groups, and what the API server makes up as it answers.
        if ["events.k8s.io", "metrics.k8s.io"].contains(&group.name()) {
            continue;
        }
        for (resource, capabilities) in group.recommended_resources() {
            let listed = capabilities.supports_operation(verbs::LIST) && capabilities.supports_operation(verbs::DELETE);
            let scoped = matches!(capabilities.scope, Scope::Cluster | Scope::Namespaced);
            if listed && scoped && resource.kind != "Event" {
                kinds.push(resource);
            }
        }
    }
    Ok(kinds)
}

/// The main cluster with all services, installed by a control plane that does nothing else.
async fn main_cluster(endpoints: &Endpoints, bundles: &Path) -> Result<(ControlPlane, i64)> {
    // The definitions that the real external-dns of each lane reads. They are installed once and belong to no lane.
    install(endpoints, endpoints.cluster(), bundles::definitions(bundles, "external-dns-")?).await?;
    let setup = Setup { bundles: Some(bundles.to_owned()), ..Setup::for_test("installer") };
    let installer = ControlPlane::start(endpoints, setup).await?;
    let client = installer.client();
    let runtime = add_runtime(&client, endpoints.cluster(), "main").await?;
    let mut services = vec![];
    for service in ["gateway-api", "envoy-gateway", "cert-manager"] {
        let body = json!({"Name": service, "KubernetesRuntimeInstanceID": runtime, "Service": service});
        services.push(id_of(&client.create("support-service-instances", &body).await?)?);
    }
    for service in services {
        client.until_ready("support-service-instances", service, INSTALLED).await?;
    }
    Ok((installer, runtime))
}

/// A cluster with the definitions of everything, and controllers of which the Deployments are all there is.
async fn own_cluster(endpoints: &Endpoints, tools: &Tools, dir: &Path, bundles: &Path) -> Result<OwnCluster> {
    let own = OwnCluster::start(tools, dir).await?;
    let cluster = own.endpoints();
    for bundle in ["gateway-api-", "envoy-gateway-", "cert-manager-"] {
        install(endpoints, cluster, bundles::definitions(bundles, bundle)?).await?;
    }
    let kube = kube_client(cluster).await?;
    let version = bundles::version(bundles, "envoy-gateway-")?;
    let labels = json!({"control-plane": "envoy-gateway", "app.kubernetes.io/version": version});
    apply(&kube, ADMIN, &deployment("envoy-gateway", &labels, &format!("docker.io/envoyproxy/gateway:v{version}")))
        .await?;
    let image = format!("quay.io/jetstack/cert-manager-controller:v{}", bundles::version(bundles, "cert-manager-")?);
    apply(&kube, ADMIN, &deployment("cert-manager", &json!({"app": "cert-manager"}), &image)).await?;
    Ok(own)
}

fn deployment(name: &str, labels: &Value, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default", "labels": labels},
        "spec": {
            "replicas": 0, "selector": {"matchLabels": {"is": name}},
            "template": {"metadata": {"labels": {"is": name}}, "spec": {"containers": [{"name": "it", "image": image}]}},
        },
    })
}

/// Installs a bundle's definitions as an admin would.
async fn install(endpoints: &Endpoints, cluster: &ClusterEndpoints, file: PathBuf) -> Result<()> {
    Kubectl::new(endpoints, cluster)?.install_definitions(ADMIN, &file).await
}
