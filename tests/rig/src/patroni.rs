//! Three Postgres servers that Patroni keeps as one primary and its standbys, one of them synchronous; etcd holds what they agree on.
//!
//! Patroni and its server run in a process namespace of their own: when that is killed, all of it is gone at the same moment, as with a machine that
//! loses its power.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::Signal;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{
    net::{accepts, free_port},
    postgres::programs,
    process::{Process, ProcessSpec},
    tools::Tools,
};

const NODES: usize = 3;
/// The variable that names a Python which has Patroni.
const PYTHON: &str = "CAUSEWAY_PATRONI";
/// Postgres refuses to run as root. In a namespace of its own it is somebody else, to whom this user's files are open.
const MACHINE: &str = "setpriv --pdeathsig KILL -- \
                       unshare --user --map-user=1000 --map-group=1000 --pid --fork --kill-child --mount-proc --";
/// A new server is copied, or wound back, and then has to catch up.
const WHOLE_WITHIN: Duration = Duration::from_secs(180);
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// The servers, and what Patroni needs.
#[derive(Debug)]
pub struct Patroni {
    python: PathBuf,
    nodes: Vec<Node>,
    etcd: Process,
}

#[derive(Debug)]
struct Node {
    name: String,
    settings: PathBuf,
    logs: PathBuf,
    /// Where Patroni answers.
    api: u16,
    postgres: u16,
    /// None while it is dead.
    process: Option<Process>,
}

#[derive(Deserialize)]
struct Cluster {
    members: Vec<Member>,
}

/// What Patroni says of a server.
#[derive(Debug, Deserialize)]
struct Member {
    name: String,
    role: String,
    state: String,
}

impl Patroni {
    /// Starts all servers, and returns when there is a primary with a synchronous standby and another one.
    ///
    /// # Errors
    /// When there is no Patroni, or a part doesn't start.
    pub async fn start(tools: &Tools, dir: &Path) -> Result<Self> {
        let python = env::var_os(PYTHON).map(PathBuf::from).with_context(|| {
            format!("{PYTHON} names no Python with Patroni; run `make patroni`, which installs it and runs this test")
        })?;
        fs::create_dir_all(dir)?;
        let (port, logs, bin) = (free_port()?, dir.join("logs"), programs()?);
        let url = format!("http://127.0.0.1:{port}");
        let etcd = ProcessSpec::new("patroni-etcd", tools.program("etcd")?, &logs)
            .arg("--data-dir")
            .arg(dir.join("etcd"))
            .args(["--listen-client-urls", &url, "--advertise-client-urls", &url])
            .args(["--listen-peer-urls", "http://127.0.0.1:0", "--unsafe-no-fsync", "--log-level", "warn"])
            .start()
            .await?;
        etcd.ready(Duration::from_secs(30), || accepts(port)).await?;
        let mut nodes = vec![];
        for number in 1..=NODES {
            let name = format!("pg-{number}");
            let folder = dir.join(&name);
            fs::create_dir_all(&folder)?;
            let (api, postgres, settings) = (free_port()?, free_port()?, folder.join("patroni.json"));
            // What is JSON is YAML.
            let text = text(&name, &folder, &bin, [api, postgres, port]);
            fs::write(&settings, serde_json::to_string_pretty(&text)?)?;
            nodes.push(Node { name, settings, logs: logs.clone(), api, postgres, process: None });
        }
        let mut patroni = Self { python, nodes, etcd };
        for number in 0..NODES {
            patroni.start_again(number).await?;
        }
        patroni.until_whole().await?;
        Ok(patroni)
    }

    /// The addresses of all servers, as a client names them: `127.0.0.1:5432,127.0.0.1:5433`.
    #[must_use]
    pub fn hosts(&self) -> String {
        let hosts: Vec<_> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.postgres)).collect();
        hosts.join(",")
    }

    /// Where an administrator connects to a server.
    ///
    /// # Errors
    /// When there is no such server.
    pub fn admin_url(&self, number: usize) -> Result<String> {
        Ok(format!("postgres://postgres@127.0.0.1:{}/postgres", self.node(number)?.postgres))
    }

    /// The server that is the primary now.
    ///
    /// # Errors
    /// When nobody answers, or there is none.
    pub async fn primary(&self) -> Result<usize> {
        let members = self.members().await?;
        let leader = members.iter().find(|member| member.role == "leader" && member.state == "running");
        let name = &leader.with_context(|| format!("there is no primary: {members:?}"))?.name;
        self.nodes.iter().position(|node| node.name == *name).with_context(|| format!("{name} is no server of ours"))
    }

    /// A server and its Patroni end at once, as when a machine loses its power.
    ///
    /// # Errors
    /// When it doesn't run.
    pub async fn kill(&mut self, number: usize) -> Result<()> {
        let node = self.nodes.get_mut(number).with_context(|| format!("there is no server {number}"))?;
        let process = node.process.take().with_context(|| format!("{} doesn't run", node.name))?;
        process.stop(Signal::SIGKILL, GONE_WITHIN).await;
        let (port, deadline) = (node.postgres, Instant::now() + GONE_WITHIN);
        while accepts(port).await {
            ensure!(Instant::now() < deadline, "{} still answers", node.name);
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// A server that isn't there is started, with the data that it has. Returns at once.
    ///
    /// # Errors
    /// When it can't be started.
    pub async fn start_again(&mut self, number: usize) -> Result<()> {
        let python = self.python.clone();
        let node = self.nodes.get_mut(number).with_context(|| format!("there is no server {number}"))?;
        let machine: Vec<&str> = MACHINE.split(' ').collect();
        let process = ProcessSpec::through(&node.name, &machine, &[], python, &node.logs)
            .args(["-m", "patroni"])
            .arg(&node.settings)
            .start()
            .await?;
        node.process = Some(process);
        Ok(())
    }

    /// Waits until there is a primary, and all others follow it, one of them synchronously.
    ///
    /// # Errors
    /// When that takes too long; the message says how far they are.
    pub async fn until_whole(&self) -> Result<()> {
        let deadline = Instant::now() + WHOLE_WITHIN;
        loop {
            let members = self.members().await;
            let count = |role: &str, state: &str| {
                let is_it = |member: &&Member| member.role == role && member.state == state;
                members.iter().flatten().filter(is_it).count()
            };
            let (leaders, synchronous) = (count("leader", "running"), count("sync_standby", "streaming"));
            if leaders == 1 && synchronous == 1 && count("replica", "streaming") == NODES - 2 {
                return Ok(());
            }
            if let Some(dead) = self.nodes.iter().filter_map(|node| node.process.as_ref()?.ended()).next() {
                bail!("{dead}");
            }
            ensure!(Instant::now() < deadline, "the servers are not one cluster after {WHOLE_WITHIN:?}: {members:?}");
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// What the Patronis have agreed on, told by the first one that answers.
    async fn members(&self) -> Result<Vec<Member>> {
        for node in self.nodes.iter().filter(|node| node.process.is_some()) {
            let asked = reqwest::Client::new().get(format!("http://127.0.0.1:{}/cluster", node.api));
            let Ok(answer) = asked.timeout(Duration::from_secs(2)).send().await else { continue };
            if let Ok(cluster) = answer.json::<Cluster>().await {
                return Ok(cluster.members);
            }
        }
        bail!("no Patroni answers")
    }

    fn node(&self, number: usize) -> Result<&Node> {
        self.nodes.get(number).with_context(|| format!("there is no server {number}"))
    }

    /// Ends everything.
    pub async fn stop(&mut self) {
        for node in &mut self.nodes {
            if let Some(process) = node.process.take() {
                process.stop(Signal::SIGKILL, GONE_WITHIN).await;
            }
        }
        self.etcd.stop(Signal::SIGKILL, GONE_WITHIN).await;
    }
}

/// Settings as in production, with the shortest times that Patroni takes, and without fsync: what is killed are processes.
fn text(name: &str, folder: &Path, bin: &Path, [api, postgres, etcd]: [u16; 3]) -> serde_json::Value {
    let (at, folder) = (|port: u16| format!("127.0.0.1:{port}"), folder.display().to_string());
    json!({
        "scope": "causeway",
        "name": name,
        "restapi": {"listen": at(api), "connect_address": at(api)},
        "etcd3": {"host": at(etcd)},
        "bootstrap": {
            "dcs": {
                "ttl": 20, "loop_wait": 2, "retry_timeout": 5,
                // A write counts when a standby has it, and only such a standby becomes the primary.
                "synchronous_mode": true, "synchronous_mode_strict": true,
                "postgresql": {"use_pg_rewind": true, "parameters": {"max_connections": 200, "fsync": "off"}},
            },
            "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "no-sync"],
        },
        "postgresql": {
            "listen": at(postgres),
            "connect_address": at(postgres),
            "data_dir": format!("{folder}/data"),
            "bin_dir": bin,
            "pgpass": format!("{folder}/pgpass"),
            "authentication": {
                "superuser": {"username": "postgres", "password": "unused"},
                "replication": {"username": "replicator", "password": "unused"},
            },
            "pg_hba": ["host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"],
            "remove_data_directory_on_rewind_failure": true,
            "parameters": {"unix_socket_directories": folder},
        },
    })
}
