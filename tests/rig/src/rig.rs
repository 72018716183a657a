//! Starting and stopping everything.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use causeway_route53::{Route53, dns::NameServer};
use futures::future::{join_all, try_join_all, try_join3};
use tokio::{
    net::{TcpListener, UdpSocket},
    time::sleep,
};

use crate::{
    cluster::Cluster,
    control::Control,
    endpoints::{ENDED_FILE, Endpoints, Server},
    kubelet::Reached,
    machine::warn_of_low_limits,
    nats::Nats,
    net::{free_port, loopback},
    node::{FakeNode, Simulated},
    pebble::Pebble,
    pod_runtime::{Outside, PodRuntime},
    postgres::Postgres,
    process::workspace_program,
    tools::Tools,
};

/// How often it is looked whether a part has ended.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The copy of the rig's program in the folder of a run.
pub(crate) const OWN_PROGRAM: &str = "causeway-rig";

/// What to start.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Clusters beside the main one: bare control planes without a node and without controllers.
    pub extra_clusters: usize,
}

/// Everything, running. Dropping it leaves the programs to the end of this process; [`Rig::stop`] ends them in order.
pub struct Rig {
    dir: RunDir,
    endpoints: Endpoints,
    parts: Parts,
}

/// What was started.
struct Parts {
    postgres: Postgres,
    nats: Nats,
    route53: Route53,
    dns: NameServer,
    pebble: Pebble,
    clusters: Vec<Cluster>,
    node: FakeNode,
    control: Control,
    pods: PodRuntime,
}

impl Rig {
    /// Builds what is missing and starts everything. Returns when all of it is ready.
    ///
    /// The binary `causeway-rig` must be built beside the caller's: the controllers' sandboxes are started through it.
    ///
    /// # Errors
    /// When a tool can't be built or a part doesn't start: the message shows the end of its log, and the logs are kept.
    pub async fn start(options: Options) -> Result<Self> {
        // Another part of this process may have chosen one already, and any will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        warn_of_low_limits();
        let tools = tokio::task::spawn_blocking(Tools::build).await??;
        let mut dir = RunDir::create()?;
        let started = start(&options, &tools, dir.path()).await;
        if started.is_err() {
            dir.keep();
        }
        let parts = started?;
        let endpoints = Endpoints {
            run_dir: dir.path().to_owned(),
            control_url: parts.control.url(),
            postgres: Server { url: parts.postgres.admin_url(), pid: parts.postgres.pid() },
            nats: Server { url: parts.nats.url(), pid: parts.nats.pid() },
            route53_url: parts.route53.url(),
            dns: parts.dns.address(),
            acme: parts.pebble.endpoints().clone(),
            clusters: parts.clusters.iter().map(Cluster::endpoints).collect::<Result<_>>()?,
            programs: tools.programs().clone(),
        };
        let rig = Self { dir, endpoints, parts };
        fs::write(rig.endpoints_file(), serde_json::to_string_pretty(&rig.endpoints)?)?;
        Ok(rig)
    }

    /// Where everything is.
    #[must_use]
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The file that holds the endpoints, for [`Endpoints::from_env`] in another process.
    #[must_use]
    pub fn endpoints_file(&self) -> PathBuf {
        self.dir.path().join("endpoints.json")
    }

    /// Keeps the logs after the end, because something failed.
    pub fn keep_logs(&mut self) {
        self.dir.keep();
    }

    /// What ended by itself although everybody needs it, each with the end of its log.
    #[must_use]
    pub fn ended(&self) -> Vec<String> {
        let parts = &self.parts;
        let alone = [parts.postgres.ended(), parts.nats.ended(), parts.node.ended(), parts.pods.ended()];
        parts.clusters.iter().flat_map(Cluster::ended).chain(alone.into_iter().flatten()).collect()
    }

    /// Waits until something ended by itself although everybody needs it, and writes that down for [`crate::ended_parts`].
    ///
    /// # Errors
    /// When the file can't be written.
    pub async fn write_what_ends(&self) -> Result<Vec<String>> {
        loop {
            let ended = self.ended();
            if !ended.is_empty() {
                let file = self.dir.path().join(ENDED_FILE);
                fs::write(&file, ended.join("\n")).with_context(|| format!("can't write {}", file.display()))?;
                return Ok(ended);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Stops everything and removes its files, unless they are kept.
    pub async fn stop(self) {
        let parts = &self.parts;
        parts.pods.stop().await;
        parts.node.stop().await;
        join_all(parts.clusters.iter().map(Cluster::stop)).await;
        parts.nats.stop().await;
        parts.pebble.stop().await;
        parts.dns.stop();
        parts.route53.stop();
        parts.control.stop();
        parts.postgres.stop().await;
    }
}

async fn start(options: &Options, tools: &Tools, dir: &Path) -> Result<Parts> {
    let logs = dir.join("logs");
    let servers = async {
        let postgres = timed("postgres", Postgres::start(&dir.join("postgres"), &logs)).await?;
        let nats = timed("nats", Nats::start(tools, &logs)).await?;
        Ok::<_, anyhow::Error>((postgres, nats))
    };
    let main = async {
        let cluster = timed("cluster", Cluster::start("main", tools, &dir.join("main"), true)).await?;
        let node = timed("node", FakeNode::start(tools, &cluster, Simulated::Others)).await?;
        Ok((cluster, node))
    };
    let extra = try_join_all((1..=options.extra_clusters).map(|number| async move {
        let name = format!("extra-{number}");
        timed("extra cluster", Cluster::start(&name, tools, &dir.join(&name), false)).await
    }));
    let (route53, control) = (Route53::start().await?, Control::start().await?);
    let dns = serve_zones(&route53).await?;
    let pebble =
        timed("pebble", Pebble::start(tools, &dir.join("pebble"), &logs, dns.address(), control.order_faults()))
            .await?;
    let ((postgres, nats), (cluster, node), extra) = try_join3(servers, main, extra).await?;
    let own = own_program(dir)?;
    let (postgres_port, nats_port) = (postgres.port(), nats.port());
    let reached = Reached { route53: route53.port(), acme: pebble.port(), postgres: postgres_port, nats: nats_port };
    let outside = Outside { reached, world: route53.public_zones(), orders: control.orders() };
    let pods = timed("pods", PodRuntime::start(tools, &cluster, &own, outside)).await?;
    let clusters = std::iter::once(cluster).chain(extra).collect();
    Ok(Parts { postgres, nats, route53, dns, pebble, clusters, node, control, pods })
}

/// Starts the name server of the emulator's public zones, on loopback.
pub(crate) async fn serve_zones(route53: &Route53) -> Result<NameServer> {
    let at = loopback(free_port()?);
    let (udp, tcp) = (UdpSocket::bind(at).await?, TcpListener::bind(at).await?);
    Ok(NameServer::start(Arc::new(route53.public_zones()), udp, tcp)?)
}

/// A copy of the rig's program, because a new build may replace the file while the rig runs.
fn own_program(dir: &Path) -> Result<PathBuf> {
    let own = dir.join(OWN_PROGRAM);
    fs::copy(workspace_program(OWN_PROGRAM)?, &own).context("can't copy the rig's program")?;
    Ok(own)
}

/// Logs how long a part took to start.
async fn timed<T>(name: &str, start: impl Future<Output = Result<T>>) -> Result<T> {
    let began = Instant::now();
    let part = start.await.with_context(|| format!("the rig's {name} can't be started"))?;
    tracing::info!(part = name, milliseconds = began.elapsed().as_millis(), "ready");
    Ok(part)
}

/// The folder of one run. It goes with its owner, unless kept.
#[derive(Debug)]
pub(crate) struct RunDir {
    dir: tempfile::TempDir,
}

impl RunDir {
    pub(crate) fn create() -> Result<Self> {
        let mut dir =
            tempfile::Builder::new().prefix("causeway-").tempdir().context("can't make a folder for the run")?;
        // Postgres runs as another user when we are root, and has to get through to its own folder.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755))?;
        dir.disable_cleanup(std::env::var_os("CAUSEWAY_KEEP").is_some_and(|keep| keep == "1"));
        Ok(Self { dir })
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    fn keep(&mut self) {
        self.dir.disable_cleanup(true);
        eprintln!("the rig's logs and files are kept in {}", self.dir.path().display());
    }
}
