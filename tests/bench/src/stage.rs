//! A control plane of one benchmark's own, on the rig's bare cluster: no node, no gateway controller, so that nothing but Causeway and the
//! API server costs time. The gateway services count as adopted: their definitions and a Deployment of somebody else's are there.

use std::{path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context, Result, bail};
use causeway_rig::{
    ClusterEndpoints, Endpoints,
    platform::{ControlPlane, Setup},
};
use kube::{
    Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::{process::Command, time::Instant};

use crate::{api::Api, counts::processor, floor::apply};

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(900);
/// Between two looks at whether everything is reconciled.
const LOOK: Duration = Duration::from_millis(50);
/// Gateways that share a workload.
const OF_ONE_WORKLOAD: usize = 20;
/// So long an API server is looked at to tell whether it is busy.
const GLANCE: Duration = Duration::from_secs(1);
/// It is not, when it uses less than this part of a processor.
const QUIET: f64 = 0.2;

/// Everything a benchmark touches.
pub struct Stage {
    /// The rig.
    pub endpoints: Endpoints,
    /// The bare cluster.
    pub cluster: ClusterEndpoints,
    /// A client of it as admin.
    pub kube: kube::Client,
    /// Causeway.
    pub platform: ControlPlane,
    /// Its API.
    pub api: Api,
    /// Its database.
    pub pool: PgPool,
    /// The value of the label on all of its objects.
    pub control_plane: String,
}

/// Processor time, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Used {
    /// API and workers.
    pub causeway: f64,
    /// Postgres.
    pub postgres: f64,
    /// API server and etcd.
    pub apiserver: f64,
}

impl Used {
    /// What came on top since `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            causeway: self.causeway - before.causeway,
            postgres: self.postgres - before.postgres,
            apiserver: self.apiserver - before.apiserver,
        }
    }
}

/// What gateways need before they can be made: a cluster, and workloads in it.
pub struct Ground {
    /// The runtime instance.
    pub runtime: i64,
    /// The workload instances.
    pub workloads: Vec<i64>,
}

impl Ground {
    /// The bodies of gateway instances of these definitions, spread evenly over the workloads.
    #[must_use]
    pub fn instances(&self, name: &str, definitions: &[i64]) -> Vec<Value> {
        let numbered = definitions.iter().enumerate();
        numbered.map(|(n, definition)| self.instance(&format!("{name}-{n}"), n, *definition)).collect()
    }

    /// The body of the `n`th one.
    #[must_use]
    pub fn instance(&self, name: &str, n: usize, definition: i64) -> Value {
        instance(name, self.runtime, definition, self.workloads[n % self.workloads.len()])
    }
}

/// How a gateway gets its Gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// A listener on the common Gateway.
    Shared,
    /// A Gateway of its own.
    Dedicated,
}

impl Stage {
    /// Starts a control plane with a name that begins with `name`.
    ///
    /// # Errors
    /// When there is no rig with a second cluster, or something doesn't start.
    pub async fn start(name: &str) -> Result<Self> {
        let endpoints = Endpoints::from_env()?;
        let cluster = endpoints.clusters.get(1).context("start the rig with --extra-clusters 1")?.clone();
        let kube = client(&cluster.admin.kubeconfig).await?;
        prepare(&endpoints, &cluster, &kube).await?;
        let platform = ControlPlane::start(&endpoints, Setup::for_test(name)).await?;
        let pool = sqlx::postgres::PgPoolOptions::new().max_connections(4).connect(&platform.database_url()).await?;
        let control_plane = sqlx::query_scalar("SELECT id FROM control_plane").fetch_one(&pool).await?;
        let api = Api::new(platform.url());
        Ok(Self { endpoints, cluster, kube, platform, api, pool, control_plane })
    }

    /// Puts the cluster on record, with workloads for so many gateways.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn ground(&self, gateways: usize) -> Result<Ground> {
        let runtime = self.runtime().await?;
        let of = self.workload_definition("web").await?;
        let workloads = self.workloads(runtime, "web", of, gateways.div_ceil(OF_ONE_WORKLOAD).max(1)).await?;
        Ok(Ground { runtime, workloads })
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
    pub async fn runtime_at(&self, name: &str, access: Value) -> Result<i64> {
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
    pub async fn workload_definition(&self, name: &str) -> Result<i64> {
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
    pub async fn workloads(&self, runtime: i64, name: &str, definition: i64, count: usize) -> Result<Vec<i64>> {
        let bodies = (0..count).map(|n| {
            json!({"Name": format!("{name}-{n}"), "KubernetesRuntimeInstanceID": runtime, "WorkloadDefinitionID": definition})
        });
        self.api.create_all("workload-instances", bodies.collect()).await
    }

    /// `count` gateway definitions with a hostname each and HTTP on port 80.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn definitions(&self, name: &str, count: usize, placement: Placement) -> Result<Vec<i64>> {
        let bodies = (0..count).map(|n| {
            json!({
                "Name": format!("{name}-{n}"), "Hostnames": [hostname(name, n)], "HttpPorts": [{"Port": 80}],
                "Placement": match placement { Placement::Shared => "Shared", Placement::Dedicated => "Dedicated" },
            })
        });
        self.api.create_all("gateway-definitions", bodies.collect()).await
    }

    /// Waits until every record of the control plane is reconciled and nothing is due, and returns when it was so.
    ///
    /// # Errors
    /// After a quarter of an hour; the message says how many are left.
    pub async fn settled(&self) -> Result<Instant> {
        self.until_none("due_at <= now() OR NOT reconciled").await
    }

    /// Waits until no record is left for which a condition holds.
    ///
    /// # Errors
    /// After a quarter of an hour.
    pub async fn until_none(&self, condition: &str) -> Result<Instant> {
        let text = format!("SELECT count(*) FROM reconciliations WHERE gone_at IS NULL AND ({condition})");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(text.as_str())).fetch_one(&self.pool).await?;
            if left == 0 {
                return Ok(Instant::now());
            }
            if Instant::now() >= deadline {
                bail!("{left} records are left after {PATIENCE:?} where {condition}");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until the API server has nothing left to do: after definitions were installed it computes for seconds, which is nobody's work that
    /// is measured.
    ///
    /// # Errors
    /// After a quarter of an hour.
    pub async fn quiet(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let before = self.used()?;
            tokio::time::sleep(GLANCE).await;
            let share = self.used()?.since(before).apiserver / GLANCE.as_secs_f64();
            if share < QUIET {
                return Ok(());
            }
            if Instant::now() >= deadline {
                bail!("the API server is busy without end: it uses {share:.1} processors");
            }
        }
    }

    /// Processor time that has been used so far, in seconds.
    ///
    /// # Errors
    /// When a process has ended.
    pub fn used(&self) -> Result<Used> {
        let causeway = std::iter::once(self.platform.api()).chain(self.platform.workers());
        Ok(Used {
            causeway: causeway.map(|process| processor(process.pid())).sum::<Result<f64>>()?,
            postgres: processor(self.endpoints.postgres.pid)?,
            apiserver: processor(self.cluster.apiserver_pid)? + processor(self.cluster.etcd_pid)?,
        })
    }

    /// Stops Causeway. The rig and what was made in the cluster stay.
    pub async fn stop(self) {
        self.pool.close().await;
        self.platform.stop().await;
    }
}

/// The body of a gateway instance.
#[must_use]
pub fn instance(name: &str, runtime: i64, definition: i64, workload: i64) -> Value {
    json!({
        "Name": name, "KubernetesRuntimeInstanceID": runtime, "GatewayDefinitionID": definition,
        "WorkloadInstanceID": workload,
    })
}

/// The hostname of the `n`th definition.
#[must_use]
pub fn hostname(name: &str, n: usize) -> String {
    format!("{name}-{n}.bench.example")
}

/// A client with connections of its own.
///
/// # Errors
/// When the kubeconfig can't be read.
pub async fn client(kubeconfig: &PathBuf) -> Result<kube::Client> {
    // Another part of this process may have chosen the provider already, and any will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(kube::Client::try_from(config)?)
}

/// Installs what an admin would have: the definitions, and a controller, of which the Deployment is all there is.
async fn prepare(endpoints: &Endpoints, cluster: &ClusterEndpoints, kube: &kube::Client) -> Result<()> {
    for bundle in ["gateway-api-", "envoy-gateway-"] {
        let file = bundle_folder(bundle)?.join("1-definitions.yaml");
        kubectl(endpoints, cluster, &["apply", "--server-side", "--field-manager=admin", "--filename"], &file).await?;
        kubectl(endpoints, cluster, &["wait", "--for=condition=Established", "--timeout=90s", "--filename"], &file)
            .await?;
    }
    let labels = json!({"control-plane": "envoy-gateway", "app.kubernetes.io/version": "v1.9.1"});
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "envoy-gateway", "namespace": "default", "labels": labels},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"control-plane": "envoy-gateway"}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "envoy-gateway", "image": "docker.io/envoyproxy/gateway:v1.9.1"}]},
            },
        },
    });
    apply(kube, &deployment).await
}

fn bundle_folder(bundle: &str) -> Result<PathBuf> {
    let bundles = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/bundles"));
    let folders = std::fs::read_dir(bundles).context("run `make bundles`")?.flatten().map(|entry| entry.path());
    let is_it = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(bundle));
    folders.into_iter().find(is_it).context("run `make bundles`")
}

async fn kubectl(endpoints: &Endpoints, cluster: &ClusterEndpoints, words: &[&str], file: &PathBuf) -> Result<()> {
    let mut command = Command::new(endpoints.programs.get("kubectl").context("the rig has no kubectl")?);
    command.arg("--kubeconfig").arg(&cluster.admin.kubeconfig).args(words).arg(file).stdin(Stdio::null());
    let output = command.output().await?;
    if !output.status.success() {
        bail!("kubectl {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
