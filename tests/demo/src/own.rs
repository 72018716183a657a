//! `make up` on a cluster that somebody else runs, such as kind or k3d: the one that KUBECONFIG names. Nothing is written there before a person has agreed.

use std::{
    env, fs,
    io::{self, BufRead, IsTerminal, Write},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use causeway_rig::{Servers, workspace_program};
use causeway_testkit::{ControlPlane, Setup, id_of};
use kube::config::Kubeconfig;
use tokio::process::Command;

use crate::{
    sample::Made,
    view::{View, causeway_line},
};

/// The cluster's name in Causeway.
const NAME: &str = "own";
/// From the folder of the repository, where `make up` runs.
const SAMPLE: &str = "deploy/samples/shop-without-domain.yaml";
/// Images are fetched, and a load balancer is made.
const WORKS_WITHIN: Duration = Duration::from_secs(300);

/// A cluster of a kubeconfig.
pub(crate) struct OwnCluster {
    kubeconfig: PathBuf,
    context: String,
    server: String,
}

/// A control plane beside that cluster.
pub(crate) struct Own {
    servers: Servers,
    platform: ControlPlane,
    begun: Instant,
}

impl OwnCluster {
    /// The current context of the first file in KUBECONFIG; None where that isn't set.
    ///
    /// # Errors
    /// When the file can't be read, or has no such context.
    pub(crate) fn from_env() -> Result<Option<Self>> {
        let named = env::var_os("KUBECONFIG").and_then(|paths| env::split_paths(&paths).next());
        match named.filter(|path| !path.as_os_str().is_empty()) {
            Some(path) => Self::read(path).map(Some),
            None => Ok(None),
        }
    }

    fn read(kubeconfig: PathBuf) -> Result<Self> {
        let file = kubeconfig.display().to_string();
        let read = Kubeconfig::read_from(&kubeconfig).with_context(|| {
            format!("KUBECONFIG names {file}, which can't be read; unset it for a cluster that `make up` starts itself")
        })?;
        let context = read.current_context.filter(|name| !name.is_empty());
        let context =
            context.with_context(|| format!("{file} has no current context: kubectl config use-context NAME"))?;
        let of_context = read.contexts.into_iter().find(|one| one.name == context).and_then(|one| one.context);
        let cluster = of_context.with_context(|| format!("{file} has no context {context}"))?.cluster;
        let found = read.clusters.into_iter().find(|one| one.name == cluster).and_then(|one| one.cluster?.server);
        let server = found.with_context(|| format!("{file} has no server for the cluster {cluster}"))?;
        Ok(Self { kubeconfig, context, server })
    }

    /// Says what would be installed and where, and waits for a yes: from the terminal, or YES=1.
    ///
    /// # Errors
    /// When the answer is no, or there is nobody to answer.
    pub(crate) fn ask(&self) -> Result<()> {
        let Self { kubeconfig, context, server } = self;
        println!(
            "\nKUBECONFIG is set, so Causeway would use that cluster:\n\n  kubeconfig  {}\n  context     {context}\n  server      {server}\n\n\
             It would install there:\n\n  \
             - the service account causeway/causeway-workers, with a ClusterRole of what workers need\n  \
             - {}, unless they are there already\n  \
             - a sample: the Deployment and the Service `shop` in a namespace of their own, and a Gateway for it, whose Service asks for a load balancer\n\n\
             Everything else runs on this machine. Unset KUBECONFIG for a cluster that is started for this alone.",
            kubeconfig.display(),
            services()?
        );
        if env::var_os("YES").is_some_and(|yes| yes == "1") {
            return Ok(());
        }
        if !io::stdin().is_terminal() {
            bail!("nobody can answer here, so nothing was installed; say YES=1 to install it on {server}");
        }
        print!("\nInstall it? [y/N] ");
        io::stdout().flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        if !["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) {
            bail!("nothing was installed");
        }
        Ok(())
    }

    /// Registers the cluster and makes the sample. Returns when everything works, or when that takes too long, and has said so. What is in the cluster by
    /// then can be taken away only by a control plane that runs, so it goes on in any case.
    pub(crate) async fn install(&self, own: &Own) {
        match self.create(own).await {
            Ok(()) => self.print(own, own.begun.elapsed()),
            Err(error) => eprintln!("\ncauseway-demo: {error:#}"),
        }
    }

    async fn create(&self, own: &Own) -> Result<()> {
        View::title("Registering the cluster, and creating a workload with a gateway");
        let kubeconfig = self.kubeconfig.display().to_string();
        let add = ["cluster", "add", NAME, "--kubeconfig", &kubeconfig, "--kube-context", &self.context];
        own.causeway(&[&add[..], &["--service-account", "--default"]].concat()).await?;
        own.causeway(&["apply", "-f", SAMPLE]).await?;
        let client = own.platform.client();
        let mut made = vec![];
        for plural in ["kubernetes-runtime-instances", "workload-instances", "gateway-instances"] {
            for record in client.list(plural, "").await? {
                made.push(Made { plural, id: id_of(&record)?, reconciled: true });
            }
        }
        View::follow(&client, &made, WORKS_WITHIN).await
    }

    fn print(&self, own: &Own, took: Duration) {
        let url = own.platform.url();
        let tries = [
            causeway_line(&url, "get gateway-instances"),
            causeway_line(&url, "describe gateway-instance shop"),
            causeway_line(&url, "export --all"),
            format!("{} get gateways,httproutes,services -A", self.kubectl(own)),
        ];
        View::addresses(&url, &self.kubeconfig.display().to_string(), &tries, took);
    }

    /// How to take away what was installed, as commands for a shell.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub(crate) async fn print_removal(&self, own: &Own) -> Result<()> {
        let (kubectl, identity) = (self.kubectl(own), own.platform.identity().await?);
        let url = own.platform.url();
        println!(
            "\nWhat is in the cluster stays there. To take it away, before Ctrl-C, in another terminal:\n\n  \
             {}\n  \
             {}\n  \
             # What Causeway leaves because others may use it by now: definitions of Gateway API and Envoy Gateway, and a namespace.\n  \
             {kubectl} delete namespaces,customresourcedefinitions -l causeway.dev/control-plane={identity}\n  \
             target/debug/causeway cluster access | {kubectl} delete --ignore-not-found -f -\n",
            causeway_line(&url, &format!("delete -f {SAMPLE}")),
            causeway_line(&url, &format!("delete kubernetes-runtime-instance {NAME}")),
        );
        Ok(())
    }

    fn kubectl(&self, own: &Own) -> String {
        let programs = &own.servers.endpoints().programs;
        let program = programs.get("kubectl").map_or_else(|| "kubectl".to_owned(), |path| path.display().to_string());
        let [program, kubeconfig, context] =
            [&program, &self.kubeconfig.display().to_string(), &self.context].map(|text| shell_word(text));
        format!("{program} --kubeconfig {kubeconfig} --context {context}")
    }
}

impl Own {
    /// Starts it, and knows no cluster yet. The caller ends it with [`Own::stop`].
    ///
    /// # Errors
    /// When something doesn't start: the message says what.
    pub(crate) async fn start(port: u16) -> Result<Self> {
        let begun = Instant::now();
        View::title("Starting Postgres, NATS and Causeway: the API and two workers");
        let servers = Servers::start().await?;
        let setup = Setup { workers: 2, port: (port != 0).then_some(port), ..Setup::named("causeway") };
        let platform = ControlPlane::start(servers.endpoints(), setup).await?;
        Ok(Self { servers, platform, begun })
    }

    /// Runs `causeway`, which tells the terminal what it does.
    async fn causeway(&self, arguments: &[&str]) -> Result<()> {
        let mut command = Command::new(workspace_program("causeway")?);
        command.args(["--server", &self.platform.url()]).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        let status = command.status().await.context("can't run causeway")?;
        if !status.success() {
            bail!("causeway {} failed: {status}", arguments.join(" "));
        }
        Ok(())
    }

    /// Ends everything here. What is in the cluster stays.
    pub(crate) async fn stop(self) {
        self.platform.stop().await;
        self.servers.stop().await;
    }
}

/// A text as one word of a shell.
fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// What the sample needs in a cluster, with versions: `Gateway API 1.6.1 and Envoy Gateway 1.9.1`.
fn services() -> Result<String> {
    let bundles = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/bundles");
    let folders =
        fs::read_dir(&bundles).context("the bundles of support services are not made yet; run `make bundles`")?;
    let names: Vec<String> = folders.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let version = |name: &str| {
        let found = names.iter().find_map(|folder| folder.strip_prefix(name)?.strip_prefix('-'));
        found.map(str::to_owned).with_context(|| format!("there is no bundle {name}; run `make bundles`"))
    };
    Ok(format!("Gateway API {} and Envoy Gateway {}", version("gateway-api")?, version("envoy-gateway")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_context_is_called_it_is_one_word() {
        for plain in ["kind-own", "arn:aws:eks:eu-central-1:1:cluster/shop", "/home/ann/.kube/config"] {
            assert_eq!(shell_word(plain), plain);
        }
        for (text, quoted) in [("my own", "'my own'"), ("", "''"), ("$(date)", "'$(date)'"), ("it's", r"'it'\''s'")] {
            assert_eq!(shell_word(text), quoted);
        }
    }
}
