//! What the rig says about a pod that it runs.

use anyhow::Result;
use k8s_openapi::{api::core::v1::Pod, jiff::Timestamp};
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use super::restart::{End, Past};

/// Writes the status of one pod.
pub(super) struct PodStatus<'a> {
    pub(super) client: &'a Client,
    pub(super) pod: &'a Pod,
    pub(super) past: &'a Past,
}

impl PodStatus<'_> {
    /// Its program runs since `started`. `ready`: it can be used.
    pub(super) async fn running(&self, ready: bool, started: Timestamp) -> Result<()> {
        self.write("Running", ready, &json!({ "running": { "startedAt": started.to_string() } })).await
    }

    /// Its program has ended and is started again.
    pub(super) async fn waits(&self) -> Result<()> {
        self.write("Running", false, &json!({ "waiting": { "reason": "CrashLoopBackOff" } })).await
    }

    /// Its program has ended and is not started again; `phase` is the last one of the pod.
    pub(super) async fn over(&self, phase: &str, end: &End) -> Result<()> {
        self.write(phase, false, &terminated(end)).await
    }

    async fn write(&self, phase: &str, ready: bool, state: &Value) -> Result<()> {
        let (now, is) = (Timestamp::now().to_string(), if ready { "True" } else { "False" });
        let condition = |condition: &str| {
            // Without a reason when it is true: a merge keeps what isn't named.
            let reason = if ready { Value::Null } else { json!("ContainersNotReady") };
            json!({ "type": condition, "status": is, "lastTransitionTime": now, "reason": reason })
        };
        let last = self.past.last.as_ref().map_or_else(|| json!({}), terminated);
        let containers = self.pod.spec.iter().flat_map(|spec| &spec.containers);
        let containers = containers.map(|container| {
            json!({
                "name": container.name, "image": container.image, "imageID": "", "ready": ready,
                "restartCount": self.past.restarts, "state": state, "lastState": last,
            })
        });
        let patch = json!({
            "metadata": { "uid": self.pod.uid() },
            "status": {
                "phase": phase,
                "conditions": [condition("Ready"), condition("ContainersReady")],
                "containerStatuses": containers.collect::<Vec<_>>(),
            },
        });
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.pod.namespace().unwrap_or_default());
        pods.patch_status(&self.pod.name_any(), &PatchParams::default(), &Patch::Strategic(patch)).await?;
        Ok(())
    }
}

/// The state of a container whose program has ended.
fn terminated(end: &End) -> Value {
    json!({ "terminated": {
        "exitCode": end.code,
        "reason": if end.code == 0 { "Completed" } else { "Error" },
        "startedAt": end.started.to_string(),
        "finishedAt": end.finished.to_string(),
    } })
}
