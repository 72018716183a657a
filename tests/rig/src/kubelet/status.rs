//! What the rig says about a pod that it runs.

use anyhow::Result;
use k8s_openapi::{api::core::v1::Pod, jiff::Timestamp};
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

/// Writes the status of one pod.
pub(super) struct PodStatus<'a> {
    pub(super) client: &'a Client,
    pub(super) pod: &'a Pod,
}

impl PodStatus<'_> {
    /// Its program runs, after so many ends. `ready`: it can be used.
    pub(super) async fn running(&self, ready: bool, restarts: u32) -> Result<()> {
        let state = json!({ "running": { "startedAt": Timestamp::now().to_string() } });
        self.write("Running", ready, &state, restarts).await
    }

    /// Its program has ended and is started again.
    pub(super) async fn ended(&self, restarts: u32) -> Result<()> {
        self.write("Running", false, &json!({ "waiting": { "reason": "CrashLoopBackOff" } }), restarts).await
    }

    /// Its program has done what it was for.
    pub(super) async fn succeeded(&self, restarts: u32) -> Result<()> {
        let now = Timestamp::now().to_string();
        let end = json!({ "exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now });
        self.write("Succeeded", false, &json!({ "terminated": end }), restarts).await
    }

    async fn write(&self, phase: &str, ready: bool, state: &Value, restarts: u32) -> Result<()> {
        let (now, is) = (Timestamp::now().to_string(), if ready { "True" } else { "False" });
        let condition = |condition: &str| {
            // Without a reason when it is true: a merge keeps what isn't named.
            let reason = if ready { Value::Null } else { json!("ContainersNotReady") };
            json!({ "type": condition, "status": is, "lastTransitionTime": now, "reason": reason })
        };
        let containers = self.pod.spec.iter().flat_map(|spec| &spec.containers);
        let containers = containers.map(|container| {
            json!({
                "name": container.name, "image": container.image, "imageID": "", "ready": ready, "restartCount": restarts,
                "state": state,
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
