//! A cluster's control plane: etcd, kube-apiserver, kube-controller-manager and, where pods shall run, kube-scheduler.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use base64::{Engine, prelude::BASE64_STANDARD};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::{Api, Client, Config, config::KubeConfigOptions, config::Kubeconfig};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::{
    endpoints::{Access, ClusterEndpoints},
    net::free_port,
    pki::{Credential, Pki},
    process::{Process, Spec},
    tools::Tools,
};

const READY_WITHIN: Duration = Duration::from_secs(120);
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Service addresses. The first one is the API server's own.
const SERVICE_RANGE: &str = "10.96.0.0/16";

/// Not run: what needs a cloud, and the controller that calls a node dead when nobody renews its lease.
const CONTROLLERS: &str = "--controllers=*,-node-ipam-controller,-node-route-controller,-cloud-node-lifecycle-controller,\
                           -service-lb-controller,-node-lifecycle-controller";

/// Every write, by whom and to what, so that tests can count writes; reads are not recorded.
const AUDIT_POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  verbs: [create, update, patch, delete, deletecollection]
- level: None
";

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

    /// Stops everything, in the order in which nobody misses anybody.
    pub(crate) async fn stop(&self) {
        if let Some(scheduler) = &self.scheduler {
            scheduler.stop(Signal::SIGKILL, STOP_WITHIN).await;
        }
        for process in [&self.controller_manager, &self.apiserver, &self.etcd] {
            process.stop(Signal::SIGKILL, STOP_WITHIN).await;
        }
    }
}

/// A bare control plane of one test's own, whose API server may be ended. It ends with this process.
pub struct OwnCluster {
    cluster: Cluster,
    tools: Tools,
    endpoints: ClusterEndpoints,
}

impl OwnCluster {
    /// Starts it with its files in `dir`.
    ///
    /// # Errors
    /// When a part doesn't start.
    pub async fn start(tools: &Tools, dir: &Path) -> Result<Self> {
        let cluster = Cluster::start("own", tools, dir, false).await?;
        let endpoints = cluster.endpoints()?;
        Ok(Self { cluster, tools: tools.clone(), endpoints })
    }

    /// Where it is.
    #[must_use]
    pub fn endpoints(&self) -> &ClusterEndpoints {
        &self.endpoints
    }

    /// Ends the API server at once, as a crash would.
    pub async fn kill_apiserver(&self) {
        self.cluster.apiserver.stop(Signal::SIGKILL, STOP_WITHIN).await;
    }

    /// Starts it again on the same port, and returns when it is ready.
    ///
    /// # Errors
    /// When it doesn't start.
    pub async fn start_apiserver_again(&mut self) -> Result<()> {
        let Cluster { dir, pki, etcd_port, port, client, .. } = &self.cluster;
        let process = start_apiserver(&self.tools, dir, &dir.join("logs"), pki, *etcd_port, *port).await?;
        process.ready(READY_WITHIN, || is_ready(client)).await?;
        self.cluster.apiserver = process;
        Ok(())
    }

    /// Stops everything.
    pub async fn stop(&self) {
        self.cluster.stop().await;
    }
}

async fn is_ready(client: &Client) -> bool {
    match http::Request::get("/readyz").body(Vec::new()) {
        Ok(request) => client.request_text(request).await.is_ok(),
        Err(_) => false,
    }
}

async fn start_etcd(tools: &Tools, dir: &Path, logs: &Path, port: u16) -> Result<Process> {
    let url = format!("http://127.0.0.1:{port}");
    Spec::new("etcd", tools.program("etcd")?, logs)
        .arg("--data-dir")
        .arg(dir.join("etcd"))
        .args(["--listen-client-urls", &url, "--advertise-client-urls", &url])
        .args(["--listen-peer-urls", "http://127.0.0.1:0", "--unsafe-no-fsync", "--log-level", "warn"])
        .start()
        .await
}

async fn start_apiserver(
    tools: &Tools,
    dir: &Path,
    logs: &Path,
    pki: &Pki,
    etcd_port: u16,
    port: u16,
) -> Result<Process> {
    let policy = dir.join("audit-policy.yaml");
    fs::write(&policy, AUDIT_POLICY)?;
    let egress = dir.join("egress.json");
    fs::write(&egress, egress_configuration(&egress_socket(dir)).to_string())?;
    let file = |flag: &str, path: PathBuf| format!("--{flag}={}", path.display());
    Spec::new("kube-apiserver", tools.program("kube-apiserver")?, logs)
        .args([
            format!("--etcd-servers=http://127.0.0.1:{etcd_port}"),
            format!("--secure-port={port}"),
            format!("--service-cluster-ip-range={SERVICE_RANGE}"),
            file("tls-cert-file", pki.file("server.crt")),
            file("tls-private-key-file", pki.file("server.key")),
            file("client-ca-file", pki.file("ca.crt")),
            file("service-account-key-file", pki.file("sa.pub")),
            file("service-account-signing-key-file", pki.file("sa.key")),
            file("audit-policy-file", policy),
            file("audit-log-path", dir.join("audit.log")),
            file("egress-selector-config-file", egress),
        ])
        .args([
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            "--authorization-mode=RBAC",
            "--allow-privileged=true",
            "--endpoint-reconciler-type=none",
        ])
        .start()
        .await
}

async fn start_controller_manager(tools: &Tools, dir: &Path, logs: &Path, pki: &Pki, server: &str) -> Result<Process> {
    let user = "system:kube-controller-manager";
    let config = write_kubeconfig(dir, server, pki, "controller-manager", &pki.component(user)?)?;
    component(tools, "kube-controller-manager", logs, &config)?
        .args([
            format!("--service-account-private-key-file={}", pki.file("sa.key").display()),
            format!("--root-ca-file={}", pki.file("ca.crt").display()),
            format!("--cert-dir={}", dir.join("controller-manager").display()),
        ])
        .args(["--use-service-account-credentials", CONTROLLERS])
        .start()
        .await
}

async fn start_scheduler(tools: &Tools, dir: &Path, logs: &Path, pki: &Pki, server: &str) -> Result<Process> {
    let config = write_kubeconfig(dir, server, pki, "scheduler", &pki.component("system:kube-scheduler")?)?;
    component(tools, "kube-scheduler", logs, &config)?
        .arg(format!("--cert-dir={}", dir.join("scheduler").display()))
        .start()
        .await
}

/// The flags that the controller manager and the scheduler share.
fn component(tools: &Tools, name: &str, logs: &Path, kubeconfig: &Path) -> Result<Spec> {
    let config = kubeconfig.display();
    Ok(Spec::new(name, tools.program(name)?, logs)
        .args([
            format!("--kubeconfig={config}"),
            format!("--authentication-kubeconfig={config}"),
            format!("--authorization-kubeconfig={config}"),
            format!("--secure-port={}", free_port()?),
        ])
        .args(["--bind-address=127.0.0.1", "--leader-elect=false", "--kube-api-qps=300", "--kube-api-burst=600"]))
}

fn egress_socket(dir: &Path) -> PathBuf {
    dir.join("egress.sock")
}

fn egress_configuration(socket: &Path) -> serde_json::Value {
    let connection = json!({ "proxyProtocol": "HTTPConnect", "transport": { "uds": { "udsName": socket } } });
    json!({
        "apiVersion": "apiserver.k8s.io/v1beta1",
        "kind": "EgressSelectorConfiguration",
        "egressSelections": [{ "name": "cluster", "connection": connection }],
    })
}

fn write_kubeconfig(dir: &Path, server: &str, pki: &Pki, user: &str, credential: &Credential) -> Result<PathBuf> {
    let path = dir.join(format!("{user}.kubeconfig"));
    let content = serde_json::to_string_pretty(&kubeconfig(server, &pki.ca(), credential))?;
    fs::write(&path, content).with_context(|| format!("can't write {}", path.display()))?;
    Ok(path)
}

fn kubeconfig(server: &str, ca: &str, credential: &Credential) -> serde_json::Value {
    let encode = |pem: &str| BASE64_STANDARD.encode(pem);
    let cluster = json!({ "server": server, "certificate-authority-data": encode(ca) });
    let user = json!({
        "client-certificate-data": encode(&credential.certificate),
        "client-key-data": encode(&credential.key),
    });
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "rig", "cluster": cluster }],
        "users": [{ "name": "rig", "user": user }],
        "contexts": [{ "name": "rig", "context": { "cluster": "rig", "user": "rig" } }],
        "current-context": "rig",
    })
}

async fn client(kubeconfig: serde_json::Value) -> Result<Client> {
    let kubeconfig: Kubeconfig = serde_json::from_value(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}
