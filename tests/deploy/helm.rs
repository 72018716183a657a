//! Helm, as an operator runs it.

use causeway_rig::{ClusterEndpoints, tools::Tools};
use serde::Deserialize;
use serde_json::Value;
use std::{
    path::PathBuf,
    process::{Output, Stdio},
};
use tempfile::TempDir;
use tokio::process::Command;

use crate::root;

/// The values of `values/`, one file for each way to install it.
pub(crate) const ALL: [&str; 4] = ["trial", "production", "gateway", "monitored"];
pub(crate) const RELEASE: &str = "edge";

/// Helm with a home of its own.
pub(crate) struct Helm {
    program: PathBuf,
    home: TempDir,
    kubeconfig: Option<PathBuf>,
}

impl Helm {
    /// Without a cluster.
    pub(crate) fn new() -> Self {
        let program = Tools::find().unwrap().program("helm").unwrap().to_owned();
        Self { program, home: TempDir::new().unwrap(), kubeconfig: None }
    }

    /// On a cluster, as its admin.
    pub(crate) fn on(cluster: &ClusterEndpoints) -> Self {
        Self { kubeconfig: Some(cluster.admin.kubeconfig.clone()), ..Self::new() }
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        command.env_clear().env("HOME", self.home.path()).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        if let Some(kubeconfig) = &self.kubeconfig {
            command.env("KUBECONFIG", kubeconfig);
        }
        command.output().await.unwrap()
    }

    /// Runs what must succeed.
    pub(crate) async fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "helm {arguments:?}: {out}\n{err}");
        out.into_owned()
    }

    /// Runs what must be refused, and returns what it says.
    pub(crate) async fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert!(!output.status.success(), "helm {arguments:?} was taken");
        String::from_utf8(output.stderr).unwrap()
    }

    /// What the chart renders to with one of the files of `values/`.
    pub(crate) async fn render(&self, values: &str, more: &[&str]) -> Vec<Value> {
        objects(&self.text(values, more).await)
    }

    pub(crate) async fn text(&self, values: &str, more: &[&str]) -> String {
        let (chart, values) = (chart(), values_of(values));
        let arguments = ["template", RELEASE, &chart, "--namespace", "causeway", "--values", &values];
        self.done(&[&arguments, more].concat()).await
    }
}

pub(crate) fn chart() -> String {
    root().join("deploy/chart").display().to_string()
}

pub(crate) fn values_of(name: &str) -> String {
    root().join(format!("tests/deploy/values/{name}.yaml")).display().to_string()
}

/// The documents that say something.
pub(crate) fn objects(text: &str) -> Vec<Value> {
    let documents = serde_yaml_ng::Deserializer::from_str(text);
    let values = documents.map(|document| Value::deserialize(document).unwrap());
    values.filter(|value| !value.is_null()).collect()
}

/// `Kind name`.
pub(crate) fn key(object: &Value) -> String {
    format!("{} {}", object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap())
}

/// The pods that objects make, with what makes them.
pub(crate) fn pods(objects: &[Value]) -> Vec<(String, &Value)> {
    let made = objects.iter().filter(|object| object["spec"]["template"]["spec"].is_object());
    made.map(|object| (key(object), &object["spec"]["template"]["spec"])).collect()
}

/// Containers of a pod, those that come first among them.
pub(crate) fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    ["initContainers", "containers"].into_iter().flat_map(|list| pod[list].as_array().into_iter().flatten())
}
