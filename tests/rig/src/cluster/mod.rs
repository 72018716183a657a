//! A cluster's control plane: etcd, kube-apiserver, kube-controller-manager and, where pods shall run, kube-scheduler.

mod kubeconfig;
mod own;
mod programs;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Result;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::{Api, Client};
use nix::sys::signal::Signal;

pub use self::own::OwnCluster;
pub(crate) use self::programs::SERVICE_RANGE;
use self::{
    kubeconfig::{client, kubeconfig, write_kubeconfig},
    programs::{egress_socket, start_apiserver, start_controller_manager, start_etcd, start_scheduler},
};
use crate::{
    endpoints::{Access, ClusterEndpoints},
    net::free_port,
    pki::{Credential, Pki},
    process::Process,
    tools::Tools,
};

const READY_WITHIN: Duration = Duration::from_secs(120);
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// A running control plane.
pub(crate) struct Cluster {
    pub(crate) name: String,
    /// The folder of its files.
    pub(crate) dir: PathBuf,
    pub(crate) pki: Pki,
    pub(crate) server: String,
    pub(crate) port: u16,
    /// The rig's own client.
    pub(crate) client: Client,
    pub(crate) etcd: Process,
    pub(crate) apiserver: Process,
    etcd_port: u16,
    controller_manager: Process,
    scheduler: Option<Process>,
}

impl Cluster {
    /// Starts a control plane with its files in `dir` and waits until pods can be created.
    ///
    /// # Errors
    /// When a part doesn't start; the message shows the end of its log.
    pub(crate) async fn start(name: &str, tools: &Tools, dir: &Path, with_scheduler: bool) -> Result<Self> {
        let logs = dir.join("logs");
        let pki = Pki::create(&dir.join("pki"))?;
        let (etcd_port, port) = (free_port()?, free_port()?);
        let server = format!("https://127.0.0.1:{port}");
        let etcd = start_etcd(tools, dir, &logs, etcd_port).await?;
        let apiserver = start_apiserver(tools, dir, &logs, &pki, etcd_port, port).await?;
        let client = client(kubeconfig(&server, &pki.ca(), &pki.master("rig")?)).await?;
        apiserver.ready(READY_WITHIN, || is_ready(&client)).await?;

        let controller_manager = start_controller_manager(tools, dir, &logs, &pki, &server).await?;
        let scheduler = match with_scheduler {
            true => Some(start_scheduler(tools, dir, &logs, &pki, &server).await?),
            false => None,
        };
        // Until the controller manager has made it, no pod can be created: it's the last thing to come up.
        let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "default");
        controller_manager
            .ready(READY_WITHIN, || async { matches!(accounts.get_opt("default").await, Ok(Some(_))) })
            .await?;
        Ok(Self {
            name: name.to_owned(),
            dir: dir.to_owned(),
            pki,
            server,
            port,
            client,
            etcd,
            apiserver,
            etcd_port,
            controller_manager,
            scheduler,
        })
    }

    /// The file of recorded writes, one JSON object a line.
    pub(crate) fn audit_log(&self) -> PathBuf {
        self.dir.join("audit.log")
    }

    /// Where the API server connects to when it calls a Service, see [`crate::konnectivity`].
    pub(crate) fn egress_socket(&self) -> PathBuf {
        egress_socket(&self.dir)
    }

    /// How tests and the control plane under test reach it.
    pub(crate) fn endpoints(&self) -> Result<ClusterEndpoints> {
        let access = |user: &str| {
            let credential = self.pki.master(user)?;
            let kubeconfig = self.write_kubeconfig(user, &credential)?;
            Ok::<_, anyhow::Error>(Access { kubeconfig, certificate: credential.certificate, key: credential.key })
        };
        Ok(ClusterEndpoints {
            name: self.name.clone(),
            server: self.server.clone(),
            ca: self.pki.ca(),
            self_signed: self.pki.self_signed(),
            admin: access("admin")?,
            causeway: access("causeway")?,
            audit_log: self.audit_log(),
            apiserver_pid: self.apiserver.pid(),
            etcd_pid: self.etcd.pid(),
        })
    }

    /// Writes a kubeconfig for a user who may do everything.
    pub(crate) fn write_kubeconfig(&self, user: &str, credential: &Credential) -> Result<PathBuf> {
        write_kubeconfig(&self.dir, &self.server, &self.pki, user, credential)
    }

    /// How each of its programs ended that has although nobody stopped it.
    pub(crate) fn ended(&self) -> impl Iterator<Item = String> {
        let all = [&self.etcd, &self.apiserver, &self.controller_manager];
        all.into_iter().chain(&self.scheduler).filter_map(|process| process.ended())
    }

    /// Stops everything, dependants first.
    pub(crate) async fn stop(&self) {
        if let Some(scheduler) = &self.scheduler {
            scheduler.stop(Signal::SIGKILL, STOP_WITHIN).await;
        }
        for process in [&self.controller_manager, &self.apiserver, &self.etcd] {
            process.stop(Signal::SIGKILL, STOP_WITHIN).await;
        }
    }
}

async fn is_ready(client: &Client) -> bool {
    match http::Request::get("/readyz").body(Vec::new()) {
        Ok(request) => client.request_text(request).await.is_ok(),
        Err(_) => false,
    }
}
