//! A control plane of one benchmark, on the rig's bare cluster: no node and no gateway controller, so that nothing but Causeway and the API
//! server costs time. The gateway services count as adopted: their definitions and a Deployment of another owner are there.
//!
//! It has nothing in common with the fixture of `serving`, which needs no cluster and no rig. What both share is [`crate::client::KeepAliveClient`],
//! [`crate::report`] and [`crate::counts`].

use std::time::Duration;

use anyhow::{Context, Result, bail};
use causeway_rig::{ClusterEndpoints, Endpoints};
use causeway_testkit::{ControlPlane, Kubectl, Setup, bundle, kube_client, objects::apply};
use serde_json::json;
use sqlx::PgPool;
use tokio::time::Instant;

use crate::{client::KeepAliveClient, counts::processor};

/// How long nothing of what is waited for may get better.
const PATIENCE: Duration = Duration::from_secs(900);
/// Between two checks whether everything is reconciled.
const LOOK: Duration = Duration::from_millis(50);
/// How long an API server is observed to find out whether it is busy.
const GLANCE: Duration = Duration::from_secs(1);
/// It is not, when it uses less than this part of a processor.
const QUIET: f64 = 0.2;

/// Everything a benchmark touches.
pub(crate) struct Fixture {
    /// The rig.
    pub(crate) endpoints: Endpoints,
    /// The bare cluster.
    pub(crate) cluster: ClusterEndpoints,
    /// A client of it as admin.
    pub(crate) kube: kube::Client,
    /// Causeway.
    pub(crate) platform: ControlPlane,
    /// Its API.
    pub(crate) api: KeepAliveClient,
    /// Its database.
    pub(crate) pool: PgPool,
    /// The value of the label on all of its objects.
    pub(crate) control_plane: String,
}

/// Processor time, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    /// API and workers.
    pub(crate) causeway: f64,
    /// Postgres.
    pub(crate) postgres: f64,
    /// API server and etcd.
    pub(crate) apiserver: f64,
}

impl Used {
    /// What came on top since `before`.
    #[must_use]
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            causeway: self.causeway - before.causeway,
            postgres: self.postgres - before.postgres,
            apiserver: self.apiserver - before.apiserver,
        }
    }
}

impl Fixture {
    /// Starts a control plane with a name that begins with `name`.
    ///
    /// # Errors
    /// When there is no rig with a second cluster, or something doesn't start.
    pub(crate) async fn start(name: &str) -> Result<Self> {
        let endpoints = Endpoints::from_env()?;
        let cluster = endpoints.clusters.get(1).context("start the rig with --extra-clusters 1")?.clone();
        let kube = kube_client(&cluster).await?;
        prepare(&endpoints, &cluster, &kube).await?;
        let platform = ControlPlane::start(&endpoints, Setup::for_test(name)).await?;
        let pool = sqlx::postgres::PgPoolOptions::new().max_connections(4).connect(&platform.database_url()).await?;
        let control_plane = sqlx::query_scalar("SELECT id FROM control_plane").fetch_one(&pool).await?;
        let api = KeepAliveClient::new(platform.url());
        Ok(Self { endpoints, cluster, kube, platform, api, pool, control_plane })
    }

    /// Waits until every record of the control plane is reconciled and nothing is due, and returns when it was so.
    ///
    /// # Errors
    /// After a quarter of an hour in which there are not fewer; the message says how many are left.
    pub(crate) async fn settled(&self) -> Result<Instant> {
        self.until_none("due_at <= now() OR NOT reconciled").await
    }

    /// Waits until no record is left for which a condition holds.
    ///
    /// # Errors
    /// After a quarter of an hour in which there are not fewer: thousands of clusters on a small machine may take longer than that.
    pub(crate) async fn until_none(&self, condition: &str) -> Result<Instant> {
        let text = format!("SELECT count(*) FROM reconciliations WHERE gone_at IS NULL AND ({condition})");
        let (mut fewest, mut deadline) = (i64::MAX, Instant::now() + PATIENCE);
        loop {
            let left: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(text.as_str())).fetch_one(&self.pool).await?;
            if left == 0 {
                return Ok(Instant::now());
            }
            if left < fewest {
                (fewest, deadline) = (left, Instant::now() + PATIENCE);
            }
            if Instant::now() >= deadline {
                bail!(
                    "for {PATIENCE:?} there have not been fewer than {fewest} records where {condition}; now {left} are left"
                );
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until the API server has nothing left to do: after definitions were installed it computes for seconds, which is nobody's work that
    /// is measured.
    ///
    /// # Errors
    /// After a quarter of an hour.
    pub(crate) async fn quiet(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let before = self.used()?;
            // The processor time of this while is what is read.
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
    pub(crate) fn used(&self) -> Result<Used> {
        let causeway = std::iter::once(self.platform.api()).chain(self.platform.workers());
        Ok(Used {
            causeway: causeway.map(|process| processor(process.pid())).sum::<Result<f64>>()?,
            postgres: processor(self.endpoints.postgres.pid)?,
            apiserver: processor(self.cluster.apiserver_pid)? + processor(self.cluster.etcd_pid)?,
        })
    }

    /// Stops Causeway. The rig and what was made in the cluster stay.
    pub(crate) async fn stop(self) {
        self.pool.close().await;
        self.platform.stop().await;
    }
}

/// Installs what an admin would have: the definitions, and a controller, of which the Deployment is all there is.
async fn prepare(endpoints: &Endpoints, cluster: &ClusterEndpoints, kube: &kube::Client) -> Result<()> {
    let kubectl = Kubectl::new(endpoints, cluster)?;
    for prefix in ["gateway-api-", "envoy-gateway-"] {
        let file = bundle(prefix)?.join("1-definitions.yaml");
        kubectl.install_definitions("admin", &file).await?;
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
    apply(kube, "floor", &deployment).await
}
