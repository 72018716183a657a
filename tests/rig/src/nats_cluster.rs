//! Three servers of NATS that are one cluster, with a login and TLS: what production has.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::time::{Instant, sleep};

use crate::{nats::Nats, net::free_port, pki::Pki, tools::Tools};

const NODES: usize = 3;
const USER: &str = "causeway";
const PASSWORD: &str = "nats-cluster";
const WHOLE_WITHIN: Duration = Duration::from_secs(30);

/// A cluster on loopback, whose nodes can be killed, frozen and started again one by one.
#[derive(Debug)]
pub struct NatsCluster {
    nodes: Vec<Node>,
    ca: PathBuf,
}

#[derive(Debug)]
struct Node {
    server: Nats,
    /// Where it tells of its connections.
    monitor: u16,
}

#[derive(Deserialize)]
struct Routes {
    routes: Vec<Route>,
}

#[derive(Deserialize)]
struct Route {
    remote_id: String,
}

#[derive(Deserialize)]
struct Connections {
    num_connections: usize,
}

impl NatsCluster {
    /// Starts all nodes, and returns when each knows the others.
    ///
    /// # Errors
    /// When one doesn't start, or they don't find each other.
    pub async fn start(tools: &Tools, dir: &Path) -> Result<Self> {
        let pki = Pki::create(&dir.join("pki"))?;
        let file = |name: &str| pki.file(name).display().to_string();
        let routes = (0..NODES).map(|_| free_port()).collect::<Result<Vec<_>>>()?;
        let all: Vec<_> = routes.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
        let (all, certificate, key) = (all.join(","), file("server.crt"), file("server.key"));
        let mut nodes = vec![];
        for (number, route) in routes.iter().enumerate() {
            let monitor = free_port()?;
            let (own, port) = (format!("nats://127.0.0.1:{route}"), monitor.to_string());
            let place = ["--cluster_name", "rig", "--cluster", &own, "--routes", &all, "--http_port", &port];
            let tls = ["--tls", "--tlscert", &certificate, "--tlskey", &key];
            let login = ["--user", USER, "--pass", PASSWORD];
            let arguments = [&place[..], &tls, &login].concat();
            let server = Nats::start_with(tools, &dir.join(format!("node-{number}")), &arguments).await?;
            nodes.push(Node { server, monitor });
        }
        let cluster = Self { nodes, ca: pki.file("ca.crt") };
        cluster.until_whole().await?;
        Ok(cluster)
    }

    /// The addresses of all nodes, the login with the first one.
    #[must_use]
    pub fn url(&self) -> String {
        let addresses: Vec<_> = self.nodes.iter().map(|node| node.server.url()).collect();
        addresses.join(",").replacen("://", &format!("://{USER}:{PASSWORD}@"), 1)
    }

    /// File of the authority that signed the certificates of all nodes.
    #[must_use]
    pub fn ca(&self) -> &Path {
        &self.ca
    }

    /// How many nodes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Never: a cluster has nodes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How many clients a node has. It must not be dead or frozen.
    ///
    /// # Errors
    /// When it doesn't answer.
    pub async fn clients_of(&self, number: usize) -> Result<usize> {
        let connections: Connections = ask(self.node(number)?, "connz").await?;
        Ok(connections.num_connections)
    }

    /// A node ends at once, as in a crash.
    ///
    /// # Errors
    /// When there is no such node.
    pub async fn kill(&self, number: usize) -> Result<()> {
        self.node(number)?.server.stop().await;
        Ok(())
    }

    /// A node neither answers nor closes its connections, as a machine that vanished.
    ///
    /// # Errors
    /// When it doesn't run.
    pub fn freeze(&self, number: usize) -> Result<()> {
        Ok(kill(Pid::from_raw(self.node(number)?.server.pid()), Signal::SIGSTOP)?)
    }

    /// A frozen node goes on.
    ///
    /// # Errors
    /// When it doesn't run.
    pub fn thaw(&self, number: usize) -> Result<()> {
        Ok(kill(Pid::from_raw(self.node(number)?.server.pid()), Signal::SIGCONT)?)
    }

    /// A node that was killed starts again, and returns when all know each other.
    ///
    /// # Errors
    /// When it doesn't start, or the others don't find it.
    pub async fn start_again(&mut self, number: usize) -> Result<()> {
        let node = self.nodes.get_mut(number).with_context(|| format!("there is no node {number}"))?;
        node.server.start_again().await?;
        self.until_whole().await
    }

    /// Ends all nodes.
    pub async fn stop(&self) {
        for node in &self.nodes {
            node.server.stop().await;
        }
    }

    fn node(&self, number: usize) -> Result<&Node> {
        self.nodes.get(number).with_context(|| format!("there is no node {number}"))
    }

    /// Until each node has routes to all others.
    async fn until_whole(&self) -> Result<()> {
        let deadline = Instant::now() + WHOLE_WITHIN;
        for node in &self.nodes {
            // There are several routes between two nodes.
            while known_to(node).await? + 1 < self.nodes.len() {
                if Instant::now() > deadline {
                    bail!("the nodes of NATS have not found each other within {WHOLE_WITHIN:?}");
                }
                sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }
}

/// How many other nodes a node has routes to.
async fn known_to(node: &Node) -> Result<usize> {
    let routes: Routes = ask(node, "routez").await?;
    Ok(routes.routes.iter().map(|route| &route.remote_id).collect::<BTreeSet<_>>().len())
}

async fn ask<T: DeserializeOwned>(node: &Node, what: &str) -> Result<T> {
    let answer = reqwest::get(format!("http://127.0.0.1:{}/{what}", node.monitor)).await?;
    Ok(answer.json().await?)
}
