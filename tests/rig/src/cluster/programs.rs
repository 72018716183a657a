//! The programs of a control plane, each with its arguments.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;
use serde_json::json;

use super::kubeconfig::write_kubeconfig;
use crate::{
    net::free_port,
    pki::Pki,
    process::{Process, ProcessSpec},
    tools::Tools,
};

/// Service addresses. The first one is the API server's own.
pub(crate) const SERVICE_RANGE: &str = "10.96.0.0/16";

/// Not run: what needs a cloud, and the controller that calls a node dead when nobody renews its lease.
const CONTROLLERS: &str = "--controllers=*,-node-ipam-controller,-node-route-controller,-cloud-node-lifecycle-controller,\
                           -service-lb-controller,-node-lifecycle-controller";

/// Every write, by whom and to what, so that tests can count writes; and the manifests of what the control plane makes of gateways and names, so that tests
/// can compare them. Reads are not recorded.
const AUDIT_POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Request
  users: [causeway]
  verbs: [patch]
  resources: [{group: gateway.networking.k8s.io}, {group: cert-manager.io}, {group: externaldns.k8s.io}]
- level: Metadata
  verbs: [create, update, patch, delete, deletecollection]
- level: None
";

pub(super) async fn start_etcd(tools: &Tools, dir: &Path, logs: &Path, port: u16) -> Result<Process> {
    let url = format!("http://127.0.0.1:{port}");
    ProcessSpec::new("etcd", tools.program("etcd")?, logs)
        .arg("--data-dir")
        .arg(dir.join("etcd"))
        .args(["--listen-client-urls", &url, "--advertise-client-urls", &url])
        .args(["--listen-peer-urls", "http://127.0.0.1:0", "--unsafe-no-fsync", "--log-level", "warn"])
        .start()
        .await
}

pub(super) async fn start_apiserver(
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
    let self_signed = [pki.file("self-signed.crt"), pki.file("self-signed.key")].map(|file| file.display().to_string());
    let webhook = token_webhook(dir);
    // It is asked about each request, but for what the API server itself remembers for ten seconds.
    let asked = [
        file("authentication-token-webhook-config-file", webhook.clone()),
        "--authentication-token-webhook-version=v1".to_owned(),
        "--authentication-token-webhook-cache-ttl=0s".to_owned(),
    ];
    let asked = if webhook.exists() { &asked[..] } else { &[] };
    ProcessSpec::new("kube-apiserver", tools.program("kube-apiserver")?, logs)
        .args([
            format!("--etcd-servers=http://127.0.0.1:{etcd_port}"),
            format!("--secure-port={port}"),
            format!("--service-cluster-ip-range={SERVICE_RANGE}"),
            file("tls-cert-file", pki.file("server.crt")),
            file("tls-private-key-file", pki.file("server.key")),
            format!("--tls-sni-cert-key={}", self_signed.join(",")),
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
            // By default a log of 100 MB is renamed and another one begun, and whoever counts its lines would count anew.
            "--audit-log-maxsize=0",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            "--authorization-mode=RBAC",
            "--allow-privileged=true",
            "--endpoint-reconciler-type=none",
        ])
        .args(asked)
        .start()
        .await
}

/// Where a cluster has the configuration of who is asked about tokens, if it has one.
pub(super) fn token_webhook(dir: &Path) -> PathBuf {
    dir.join("token-webhook.json")
}

pub(super) async fn start_controller_manager(
    tools: &Tools,
    dir: &Path,
    logs: &Path,
    pki: &Pki,
    server: &str,
) -> Result<Process> {
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

pub(super) async fn start_scheduler(
    tools: &Tools,
    dir: &Path,
    logs: &Path,
    pki: &Pki,
    server: &str,
) -> Result<Process> {
    let config = write_kubeconfig(dir, server, pki, "scheduler", &pki.component("system:kube-scheduler")?)?;
    component(tools, "kube-scheduler", logs, &config)?
        .arg(format!("--cert-dir={}", dir.join("scheduler").display()))
        .start()
        .await
}

/// The flags that the controller manager and the scheduler share.
fn component(tools: &Tools, name: &str, logs: &Path, kubeconfig: &Path) -> Result<ProcessSpec> {
    let config = kubeconfig.display();
    Ok(ProcessSpec::new(name, tools.program(name)?, logs)
        .args([
            format!("--kubeconfig={config}"),
            format!("--authentication-kubeconfig={config}"),
            format!("--authorization-kubeconfig={config}"),
            format!("--secure-port={}", free_port()?),
        ])
        .args(["--bind-address=127.0.0.1", "--leader-elect=false", "--kube-api-qps=300", "--kube-api-burst=600"]))
}

pub(super) fn egress_socket(dir: &Path) -> PathBuf {
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
