//! A first hour with nothing but the chart: the command of `docs/install.md`, and those that Helm prints then. Postgres and NATS run in their pods as the chart
//! starts them, with their users, arguments, variables and volumes.

use causeway_rig::{ClusterEndpoints, Endpoints, machine_port, tools::Tools, workspace_program};
use causeway_testkit::{Kubectl, eventually, pages::commands, unique_name};
use std::{fs, os::unix::fs::symlink, path::PathBuf, process::Stdio};
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    process::Command,
};

use crate::{helm::Helm, installed::address, root};

/// As docs/install.md calls it.
const RELEASE: &str = "causeway";
/// Forwarding a port takes a whole kubelet. The test does that instead, to where clients outside reach the Service.
const BEFORE: &str = r#"
helm() { command helm "$@" --set service.type=LoadBalancer; }
kubectl() { [[ " $* " = *" port-forward "* ]] || command kubectl "$@"; }
"#;

/// Somebody at a shell, in a folder of their own where `deploy` is the repository's.
struct Person {
    home: TempDir,
    path: String,
    kubeconfig: PathBuf,
}

impl Person {
    fn new(cluster: &ClusterEndpoints) -> Self {
        let (home, tools) = (TempDir::new().unwrap(), Tools::find().unwrap());
        symlink(root().join("deploy"), home.path().join("deploy")).unwrap();
        let causeway = workspace_program("causeway").unwrap();
        let programs = [tools.program("helm").unwrap(), tools.program("kubectl").unwrap(), causeway.as_path()];
        let folders = programs.map(|program| program.parent().unwrap().display().to_string());
        let path = format!("{}:{}", folders.join(":"), std::env::var("PATH").unwrap());
        Self { home, path, kubeconfig: cluster.admin.kubeconfig.clone() }
    }

    /// Runs a script, which must succeed, and returns what it printed.
    async fn done(&self, script: &str) -> String {
        let mut bash = Command::new("bash");
        bash.args(["-eux", "-o", "pipefail", "-c", &format!("{BEFORE}{script}")]).env_clear();
        bash.env("HOME", self.home.path()).env("PATH", &self.path).env("KUBECONFIG", &self.kubeconfig);
        bash.current_dir(self.home.path()).stdin(Stdio::null()).kill_on_drop(true);
        let ran = bash.output().await.unwrap();
        let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{}\n{out}\n{err}", ran.status);
        out.into_owned()
    }
}

/// A port of this machine that leads to this address for as long as the test runs.
async fn forwarded(to: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let to = to.clone();
            tokio::spawn(async move {
                // How a connection ends is the business of its two ends.
                if let Ok(mut far) = TcpStream::connect(to).await {
                    let _ = copy_bidirectional(&mut near, &mut far).await;
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn a_first_hour_needs_nothing_but_the_chart() {
    let endpoints = Endpoints::from_env().unwrap();
    let cluster = endpoints.cluster();
    let (kubectl, namespace) = (Kubectl::new(&endpoints, cluster).unwrap(), unique_name("trial"));
    kubectl.run(&["create", "namespace", &namespace]).await.unwrap();
    let level = "pod-security.kubernetes.io/enforce=restricted";
    kubectl.run(&["label", "namespace", &namespace, level]).await.unwrap();

    let person = Person::new(cluster);
    let install = commands(&fs::read_to_string(root().join("docs/install.md")).unwrap());
    assert!(install.contains("--namespace causeway ") && install.contains("--set trial.enabled=true"), "{install}");
    let printed = person.done(&install.replace("--namespace causeway ", &format!("--namespace {namespace} "))).await;

    // What Helm prints to be done next: the authority and the first token are fetched, and a cluster is registered, until it is Ready.
    let (_, notes) = printed.split_once("\nNOTES:\n").unwrap();
    let next: Vec<&str> = notes.lines().filter(|line| line.starts_with("  ")).collect();
    let [forward, .., register] = next.as_slice() else { panic!("{notes}") };
    assert!(forward.contains("port-forward svc/causeway-api 1323:443") && register.contains("cluster add"), "{notes}");
    let api = address(&kubectl, &namespace, "causeway-api").await;
    let port = forwarded(format!("{api}:{}", machine_port(443))).await;
    let url = format!("https://localhost:{port}");
    person.done(&next.join("\n").replace("https://localhost:1323", &url)).await;

    let parts = format!("curl --silent --show-error --fail --cacert causeway-ca.crt {url}/healthz");
    eventually("NATS is the release's own", async || {
        let told = person.done(&parts).await;
        if told.contains("\"Postgres\":\"ok\"") && told.contains("\"NATS\":\"ok\"") { Ok(()) } else { Err(told) }
    })
    .await;
    let clusters = person.done("causeway cluster list").await;
    assert!(clusters.contains("main"), "{clusters}");

    Helm::on(cluster).done(&["uninstall", RELEASE, "-n", &namespace, "--wait"]).await;
    kubectl.run(&["delete", "namespace", &namespace, "--wait=false"]).await.unwrap();
}
