//! kubectl, and waits with a deadline.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use causeway_rig::Endpoints;

/// The deadline for what takes seconds on a quiet machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// kubectl for one of the clusters.
pub(crate) struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
}

impl Kubectl {
    pub(crate) fn new(endpoints: &Endpoints, cluster: usize) -> Result<Self> {
        let program = endpoints.programs.get("kubectl").context("no kubectl")?.clone();
        let cluster = endpoints.clusters.get(cluster).context("no such cluster")?;
        Ok(Self { program, kubeconfig: cluster.admin.kubeconfig.clone() })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(arguments);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Result<String> {
        text(&self.command(arguments).output()?, arguments)
    }

    pub(crate) fn apply(&self, objects: &str) -> Result<()> {
        let arguments = ["apply", "--server-side", "-f", "-"];
        let mut command = self.command(&arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        child.stdin.take().context("no standard input")?.write_all(objects.as_bytes())?;
        text(&child.wait_with_output()?, &arguments).map(drop)
    }

    pub(crate) fn wait(&self, what: &str, object: &str, namespace: &str) -> Result<()> {
        self.run(&["wait", &format!("--for={what}"), object, "-n", namespace, "--timeout=60s"]).map(drop)
    }

    /// Renders a chart and applies it in a namespace of the same name.
    pub(crate) fn install(&self, endpoints: &Endpoints, name: &str, chart: &Path, values: &[&str]) -> Result<()> {
        let helm = endpoints.programs.get("helm").context("no helm")?;
        let rendered =
            Command::new(helm).args(["template", name, "--namespace", name]).arg(chart).args(values).output()?;
        self.run(&["create", "namespace", name])?;
        self.apply(&text(&rendered, &["helm", name])?).with_context(|| format!("can't install {name}"))
    }
}

fn text(output: &Output, what: &[&str]) -> Result<String> {
    ensure!(output.status.success(), "{} failed: {}", what.join(" "), String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout.clone())?)
}

pub(crate) fn eventually(what: &str, attempt: impl Fn() -> Result<()>) -> Result<()> {
    let began = Instant::now();
    loop {
        match attempt() {
            Ok(()) => return Ok(()),
            Err(error) => ensure!(began.elapsed() < PATIENCE, "{what}: {error:#}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
