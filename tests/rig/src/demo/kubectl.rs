//! What kubectl says: another program than ours, so that nothing is taken on our own word.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::process::Command;

use crate::endpoints::Endpoints;

/// kubectl on the main cluster.
pub(super) struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
}

impl Kubectl {
    pub(super) fn new(endpoints: &Endpoints) -> Result<Self> {
        let program = endpoints.programs.get("kubectl").context("the rig has no kubectl")?.clone();
        Ok(Self { program, kubeconfig: endpoints.clusters[0].admin.kubeconfig.clone() })
    }

    /// The items of `kubectl get KINDS -A -l SELECTOR`; an empty selector selects everything.
    pub(super) async fn get(&self, kinds: &str, selector: &str) -> Result<Vec<Value>> {
        let mut command = Command::new(&self.program);
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(["get", kinds, "-A", "-o", "json"]);
        if !selector.is_empty() {
            command.args(["-l", selector]);
        }
        let output = command.output().await?;
        if !output.status.success() {
            bail!("kubectl get {kinds}: {}", String::from_utf8_lossy(&output.stderr));
        }
        let list: Value = serde_json::from_slice(&output.stdout)?;
        Ok(list["items"].as_array().cloned().unwrap_or_default())
    }
}
