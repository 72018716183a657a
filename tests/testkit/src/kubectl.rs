//! kubectl: a check with the product's own client would trust what it checks.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, bail};
use causeway_rig::{ClusterEndpoints, Endpoints};
use serde_json::Value;
use tokio::process::Command;

/// kubectl on one cluster, as its admin.
#[derive(Clone, Debug)]
pub struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
}

impl Kubectl {
    /// kubectl of the rig.
    ///
    /// # Errors
    /// When the rig has none.
    pub fn new(endpoints: &Endpoints, cluster: &ClusterEndpoints) -> Result<Self> {
        let program = endpoints.programs.get("kubectl").context("the rig has no kubectl")?.clone();
        Ok(Self { program, kubeconfig: cluster.admin.kubeconfig.clone() })
    }

    /// Runs it and returns what it printed.
    ///
    /// # Errors
    /// When it fails, with what it says.
    pub async fn run(&self, arguments: &[impl AsRef<OsStr>]) -> Result<Vec<u8>> {
        let mut command = Command::new(&self.program);
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(arguments).stdin(Stdio::null());
        let output = command.output().await?;
        if !output.status.success() {
            let words: Vec<_> = arguments.iter().map(|word| word.as_ref().to_string_lossy()).collect();
            bail!("kubectl {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr));
        }
        Ok(output.stdout)
    }

    /// The items of `kubectl get KINDS -A -l SELECTOR`; an empty selector selects everything.
    ///
    /// # Errors
    /// When it fails.
    pub async fn get(&self, kinds: &str, selector: &str) -> Result<Vec<Value>> {
        let mut arguments = vec!["get", kinds, "-A", "-o", "json"];
        if !selector.is_empty() {
            arguments.extend(["-l", selector]);
        }
        let list: Value = serde_json::from_slice(&self.run(&arguments).await?)?;
        Ok(list["items"].as_array().cloned().unwrap_or_default())
    }

    /// Applies the definitions of a file under this field manager, and waits until the API server serves them.
    ///
    /// # Errors
    /// When it fails.
    pub async fn install_definitions(&self, field_manager: &str, file: &Path) -> Result<()> {
        let (manager, file) = (format!("--field-manager={field_manager}"), file.as_os_str());
        let apply = ["apply", "--server-side", "--force-conflicts", &manager, "--filename"].map(OsStr::new);
        self.run(&[&apply[..], &[file]].concat()).await?;
        let wait = ["wait", "--for=condition=Established", "--timeout=90s", "--filename"].map(OsStr::new);
        self.run(&[&wait[..], &[file]].concat()).await.map(drop)
    }
}
