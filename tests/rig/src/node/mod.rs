//! The node: kwok says of pods that they run, because there is no container engine here to run them.

mod stages;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Node;
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::{
    cluster::Cluster,
    net::{free_port, http_ok},
    network::POD_RANGE,
    process::{Process, ProcessSpec},
    tools::Tools,
};

const READY_WITHIN: Duration = Duration::from_secs(60);

/// Which pods of a node are Ready at once, without running.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Simulated {
    /// Every one.
    All,
    /// Those for which the rig has no program. The others become Ready when their program answers.
    Others,
}

/// A node that kwok plays.
#[derive(Debug)]
pub(crate) struct FakeNode {
    process: Process,
}

impl FakeNode {
    /// Adds a node to the cluster and starts kwok for it.
    pub(crate) async fn start(tools: &Tools, cluster: &Cluster, simulated: Simulated) -> Result<Self> {
        let kubeconfig = cluster.write_kubeconfig("node", &cluster.pki.master("rig-node")?)?;
        let port = free_port()?;
        let stages: Vec<PathBuf> = match simulated {
            Simulated::All => tools.kwok_stages()?.into_iter().map(PathBuf::from).collect(),
            Simulated::Others => stages::with_programs(tools, &cluster.dir.join("stages"))?,
        };
        let process = ProcessSpec::new("kwok", tools.program("kwok")?, &cluster.dir.join("logs"))
            .arg("--kubeconfig")
            .arg(&kubeconfig)
            .args(["--manage-all-nodes=true", "--node-ip=10.0.0.9"])
            .arg(format!("--cidr={POD_RANGE}"))
            .arg(format!("--server-address=127.0.0.1:{port}"))
            .args(stages.iter().map(|stage| format!("--config={}", stage.display())))
            .start()
            .await?;
        let nodes: Api<Node> = Api::all(cluster.client.clone());
        nodes.create(&PostParams::default(), &node()?).await.context("can't create the node")?;
        // The API server marks every new node as not ready. The controller that would take the mark away is the one that
        // also gives up nodes whose lease nobody renews, so it isn't run.
        let untainted = Patch::Merge(json!({ "spec": { "taints": null } }));
        nodes.patch("rig", &PatchParams::default(), &untainted).await.context("can't open the node for pods")?;
        process.ready(READY_WITHIN, || http_ok(port, "/healthz")).await?;
        process.ready(READY_WITHIN, || async { nodes.get("rig").await.is_ok_and(|node| is_ready(&node)) }).await?;
        Ok(Self { process })
    }

    /// How it ended, if it has although nobody stopped it.
    pub(crate) fn ended(&self) -> Option<String> {
        self.process.ended()
    }

    pub(crate) async fn stop(&self) {
        self.process.stop(Signal::SIGKILL, Duration::from_secs(5)).await;
    }
}

fn node() -> Result<Node> {
    let capacity = json!({ "cpu": "64", "memory": "256Gi", "pods": "1000" });
    let node = json!({
        "metadata": {
            "name": "rig",
            "annotations": { "kwok.x-k8s.io/node": "fake" },
            "labels": { "kubernetes.io/hostname": "rig", "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64" },
        },
        "status": { "allocatable": capacity, "capacity": capacity },
    });
    Ok(serde_json::from_value(node)?)
}

fn is_ready(node: &Node) -> bool {
    let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}
