//! A cluster of one test, whose API server it may end, with a node if it wants one.

use std::{fs, path::Path};

use anyhow::Result;
use nix::sys::signal::Signal;
use serde_json::Value;
use tokio::sync::watch;

use super::{
    Cluster, READY_WITHIN, STOP_WITHIN, is_ready,
    programs::{start_apiserver, token_webhook},
};
use crate::{
    endpoints::{ClusterEndpoints, Endpoints},
    kubelet::Reached,
    load_balancer::Orders,
    names::NoWorld,
    node::{FakeNode, Simulated},
    pod_runtime::{Outside, PodRuntime},
    rig::OWN_PROGRAM,
    tools::Tools,
};

/// A control plane of one test, whose API server may be ended. It ends with this process.
pub struct OwnCluster {
    cluster: Cluster,
    node: Option<FakeNode>,
    /// With what its load balancer lives for: nobody tells that anything.
    pods: Option<(PodRuntime, watch::Sender<Orders>)>,
    tools: Tools,
    endpoints: ClusterEndpoints,
}

impl OwnCluster {
    /// Starts a bare one with its files in `dir`.
    ///
    /// # Errors
    /// When a part doesn't start.
    pub async fn start(tools: &Tools, dir: &Path) -> Result<Self> {
        let cluster = Cluster::start("own", tools, dir, false).await?;
        let endpoints = cluster.endpoints()?;
        Ok(Self { cluster, node: None, pods: None, tools: tools.clone(), endpoints })
    }

    /// The same with a scheduler and a node, which says of every pod that it runs and starts none.
    ///
    /// # Errors
    /// When a part doesn't start.
    pub async fn start_with_node(tools: &Tools, dir: &Path) -> Result<Self> {
        let cluster = Cluster::start("own", tools, dir, true).await?;
        let node = FakeNode::start(tools, &cluster, Simulated::All).await?;
        let endpoints = cluster.endpoints()?;
        Ok(Self { cluster, node: Some(node), pods: None, tools: tools.clone(), endpoints })
    }

    /// The same where pods of the images that the rig knows really run, and are reached as in the main cluster of `rig`: by name, by the addresses of Services
    /// and of load balancers, and as webhooks. They reach outside what pods there reach, and know no names but those of the cluster.
    ///
    /// # Errors
    /// When a part doesn't start.
    pub async fn start_with_pods(tools: &Tools, dir: &Path, rig: &Endpoints) -> Result<Self> {
        let cluster = Cluster::start("own", tools, dir, true).await?;
        let node = FakeNode::start(tools, &cluster, Simulated::Others).await?;
        let program = rig.run_dir.join(OWN_PROGRAM);
        let orders = watch::Sender::new(Orders::default());
        let outside = Outside { reached: Reached::of(rig)?, world: NoWorld, orders: orders.subscribe() };
        let pods = PodRuntime::start(tools, &cluster, &program, outside).await?;
        let endpoints = cluster.endpoints()?;
        Ok(Self { cluster, node: Some(node), pods: Some((pods, orders)), tools: tools.clone(), endpoints })
    }

    /// A bare one whose API server asks this server about the tokens that it is shown (a configuration for `--authentication-token-webhook-config-file`).
    ///
    /// # Errors
    /// When a part doesn't start.
    pub async fn start_with_token_webhook(tools: &Tools, dir: &Path, config: &Value) -> Result<Self> {
        fs::create_dir_all(dir)?;
        fs::write(token_webhook(dir), config.to_string())?;
        Self::start(tools, dir).await
    }

    /// Where it is.
    #[must_use]
    pub fn endpoints(&self) -> &ClusterEndpoints {
        &self.endpoints
    }

    /// Ends the API server at once, as a crash would.
    pub async fn kill_apiserver(&self) {
        self.cluster.apiserver.stop(Signal::SIGKILL, STOP_WITHIN).await;
    }

    /// Starts it again on the same port, and returns when it is ready.
    ///
    /// # Errors
    /// When it doesn't start.
    pub async fn start_apiserver_again(&mut self) -> Result<()> {
        let Cluster { dir, pki, etcd_port, port, client, .. } = &self.cluster;
        let process = start_apiserver(&self.tools, dir, &dir.join("logs"), pki, *etcd_port, *port).await?;
        process.ready(READY_WITHIN, || is_ready(client)).await?;
        self.cluster.apiserver = process;
        Ok(())
    }

    /// Stops everything.
    pub async fn stop(&self) {
        if let Some((pods, _)) = &self.pods {
            pods.stop().await;
        }
        if let Some(node) = &self.node {
            node.stop().await;
        }
        self.cluster.stop().await;
    }
}
