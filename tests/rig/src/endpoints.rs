//! Where everything is: written by the rig, read by tests.

use std::{collections::BTreeMap, env, fs, net::SocketAddr, path::PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// The variable that names the file with the [`Endpoints`].
pub const VARIABLE: &str = "CAUSEWAY_RIG";

/// Beside the file with the endpoints: what ended although everybody needs it, and the end of its log.
pub(crate) const ENDED_FILE: &str = "ended";

/// What the rig says when a part that all tests need has ended. Then nothing comes that a test may wait for.
#[must_use]
pub fn ended_parts() -> Option<String> {
    let endpoints = PathBuf::from(env::var_os(VARIABLE)?);
    fs::read_to_string(endpoints.with_file_name(ENDED_FILE)).ok()
}

/// The addresses, credentials and files of a running rig.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Endpoints {
    /// Folder of everything the rig writes, the logs among it. It goes when the rig stops.
    pub run_dir: PathBuf,
    /// URL of the rig's own control interface, see [`crate::Knobs`].
    pub control_url: String,
    /// Postgres.
    pub postgres: Server,
    /// The shared NATS server. A test of an outage starts one of its own with [`crate::Nats::start`].
    pub nats: Server,
    /// URL of the Route53 emulator. Any credentials do.
    pub route53_url: String,
    /// The name servers of all public zones of the emulator, over UDP and TCP.
    pub dns: SocketAddr,
    /// An authority that hands out certificates for names in these zones.
    pub acme: Acme,
    /// The clusters. The first has a node, a load balancer and the controllers; the others are bare control planes.
    pub clusters: Vec<ClusterEndpoints>,
    /// Paths of programs by name, `kubectl` and `helm` among them.
    pub programs: BTreeMap<String, PathBuf>,
}

/// An authority that speaks ACME.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Acme {
    /// URL of its directory.
    pub directory: String,
    /// The authority that signed the certificate of this server itself, in PEM.
    pub ca: String,
    /// The root of the chains that it hands out, in PEM.
    pub root: String,
    /// The same as a file.
    pub root_file: PathBuf,
}

/// A server.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Server {
    /// Where clients connect; for Postgres as a superuser.
    pub url: String,
    /// Its process id.
    pub pid: i32,
}

/// A cluster.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ClusterEndpoints {
    /// `main`, `extra-1` and so on.
    pub name: String,
    /// URL of the API server.
    pub server: String,
    /// The authority that signed the API server's certificate, in PEM.
    pub ca: String,
    /// The certificate that the API server shows to clients who call it [`SELF_SIGNED_NAME`](crate::SELF_SIGNED_NAME), in PEM. It has signed itself.
    pub self_signed: String,
    /// For tests and people: user `admin`, who may do everything.
    pub admin: Access,
    /// For the control plane under test: user `causeway`, who may do everything. The audit log shows which of the two wrote.
    pub causeway: Access,
    /// The API server's log of writes: one `audit.k8s.io/v1` Event in JSON a line, at level Metadata.
    pub audit_log: PathBuf,
    /// Process id of the API server.
    pub apiserver_pid: i32,
    /// Process id of etcd.
    pub etcd_pid: i32,
}

/// How one user reaches a cluster.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Access {
    /// A kubeconfig file.
    pub kubeconfig: PathBuf,
    /// The client certificate in it, in PEM.
    pub certificate: String,
    /// Its key, in PEM.
    pub key: String,
}

impl Endpoints {
    /// The endpoints of the rig this process was started by.
    ///
    /// # Errors
    /// When there is no rig; the message says how to start one.
    pub fn from_env() -> Result<Self> {
        let path = env::var_os(VARIABLE).context(
            "this test needs the rig with its real Kubernetes, Postgres and NATS, and CAUSEWAY_RIG is not set: run \
             `make test`, or `cargo run -p causeway-rig -- run -- cargo test …`",
        )?;
        let path = PathBuf::from(path);
        let text = fs::read_to_string(&path).with_context(|| {
            format!("the rig that {VARIABLE} names is gone: no file {}. Start it again", path.display())
        })?;
        serde_json::from_str(&text).with_context(|| format!("{} is not of this version of the rig", path.display()))
    }

    /// The cluster with the node and the controllers.
    ///
    /// # Panics
    /// Never with endpoints that a rig wrote: it always has one cluster.
    #[must_use]
    pub fn cluster(&self) -> &ClusterEndpoints {
        &self.clusters[0]
    }
}
