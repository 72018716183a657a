//! `make up`: what it prints at its end works. With KUBECONFIG it asks before it writes to the cluster of that file, uses it, and says how to take everything
//! away again.

use causeway_rig::{ClusterEndpoints, Endpoints, OwnCluster, machine_port, tools::Tools, workspace_program};
use causeway_testkit::{
    ApiClient, condition, eventually, is_true,
    kinds::{CLUSTER_ROLE, CONTROL_PLANE, CUSTOM_RESOURCE_DEFINITION, DEPLOYMENT, NAMESPACE},
    kube_client,
    objects::objects,
    unique_name,
};
use serde_json::Value;
use std::{fs, path::Path, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::{MAIN_CLUSTER, root};

/// As long as `make up` itself waits, and its start.
const UP_WITHIN: Duration = Duration::from_secs(420);

/// What `make up` runs, with nobody at a terminal.
fn up() -> Command {
    let mut command = Command::new(workspace_program("causeway-demo").unwrap());
    command.args(["up", "--port", "0"]).env_remove("KUBECONFIG").env_remove("YES").current_dir(root());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    command
}

/// The same with the kubeconfig of a cluster.
fn up_on(kubeconfig: &Path) -> Command {
    let mut command = up();
    command.env("KUBECONFIG", kubeconfig);
    command
}

/// The same at a terminal, where somebody types this and nothing else. Whether it succeeded, and what is on the terminal then.
async fn typed(kubeconfig: &Path, answer: &str) -> (bool, String) {
    let line = format!("{} up --port 0", workspace_program("causeway-demo").unwrap().display());
    let mut terminal = Command::new("script");
    terminal.args(["--quiet", "--return", "--command", &line, "/dev/null"]).current_dir(root()).kill_on_drop(true);
    terminal.env("KUBECONFIG", kubeconfig).env_remove("YES").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = terminal.spawn().unwrap();
    child.stdin.take().unwrap().write_all(answer.as_bytes()).await.unwrap();
    let ran = timeout(UP_WITHIN, child.wait_with_output()).await.unwrap().unwrap();
    (ran.status.success(), String::from_utf8(ran.stdout).unwrap())
}

/// What this user has written, by the API server's own log.
fn writes(cluster: &ClusterEndpoints, user: &str) -> Vec<Value> {
    let log = fs::read_to_string(&cluster.audit_log).unwrap();
    // A line that is just being written is no JSON yet.
    let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.filter(|event| event["user"]["username"] == user).collect()
}

#[tokio::test]
async fn nothing_is_written_to_a_cluster_of_ones_own_before_somebody_has_agreed() {
    let endpoints = Endpoints::from_env().unwrap();
    let dir = endpoints.run_dir.join(unique_name("up"));
    let own = OwnCluster::start(&Tools::find().unwrap(), &dir).await.unwrap();
    let cluster = own.endpoints();
    let ran = up_on(&cluster.causeway.kubeconfig).stderr(Stdio::piped()).output().await.unwrap();
    let (out, err) = (String::from_utf8(ran.stdout).unwrap(), String::from_utf8(ran.stderr).unwrap());
    assert!(!ran.status.success(), "{out}{err}");
    for told in
        [&*cluster.server, "context     rig", "Envoy Gateway 1.", "the service account causeway/causeway-workers"]
    {
        assert!(out.contains(told), "{told}: {out}");
    }
    assert!(err.contains("nothing was installed; say YES=1"), "{err}");
    for no in ["n\n", "\n", "yesterday\n"] {
        let (done, seen) = typed(&cluster.causeway.kubeconfig, no).await;
        assert!(
            !done && seen.contains("Install it? [y/N]") && seen.contains("nothing was installed"),
            "{no:?}: {seen}"
        );
    }
    assert_eq!(writes(cluster, "causeway"), Vec::<Value>::new());
    own.stop().await;

    let absent = up_on(Path::new("/absent/kubeconfig")).env("YES", "1").stderr(Stdio::piped()).output().await.unwrap();
    let said = String::from_utf8(absent.stderr).unwrap();
    assert!(!absent.status.success() && said.contains("KUBECONFIG names /absent/kubeconfig"), "{said}");
}

/// All that is printed until this is.
async fn printed_until(lines: &mut Lines<BufReader<ChildStdout>>, last: &str) -> Vec<String> {
    let mut printed = vec![];
    while let Some(line) = timeout(UP_WITHIN, lines.next_line()).await.unwrap().unwrap() {
        let is_last = line.contains(last);
        printed.push(line);
        if is_last {
            return printed;
        }
    }
    panic!("it has ended without {last:?}: {printed:#?}");
}

/// The shop answers at the address of its gateway.
async fn answers(client: &ApiClient) {
    let gateways = client.list("gateway-instances", "").await.unwrap();
    assert!(gateways.len() == 1 && is_true(&gateways[0], "Ready"), "{gateways:#?}");
    let message = condition(&gateways[0], "AddressAssigned").unwrap()["Message"].as_str().unwrap().to_owned();
    let words = message.split(|c: char| !c.is_ascii_digit() && c != '.').map(|word| word.trim_matches('.'));
    let address: std::net::Ipv4Addr = words.filter_map(|word| word.parse().ok()).next().unwrap();
    let url = format!("http://{address}:{}/", machine_port(80));
    eventually("the shop answers", async || {
        let answer = reqwest::get(&url).await.map_err(|error| error.to_string())?;
        let text = answer.text().await.map_err(|error| error.to_string())?;
        if text == "Hello from the shop" { Ok(()) } else { Err(text) }
    })
    .await;
}

/// An address that is printed at the end.
fn address(printed: &[String], of: &str) -> String {
    let found = printed.iter().find_map(|line| line.trim().strip_prefix(of)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("it is not up: {printed:#?}")).trim().to_owned()
}

/// What a shell prints of such lines, from the folder where `make up` runs. The programs may be in another one than the usual.
async fn runs(script: &str) -> String {
    let script = script.replace("target/debug/causeway", workspace_program("causeway").unwrap().to_str().unwrap());
    let mut bash = Command::new("bash");
    bash.args(["-eux", "-o", "pipefail", "-c", &script]).current_dir(root()).stdin(Stdio::null());
    let ran = bash.output().await.unwrap();
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{out}{err}");
    out.into_owned()
}

/// The dashboard is where it is said to be, and each command line to try tells something about the shop; three of them are of `causeway`.
async fn the_lines_work(printed: &[String]) {
    let dashboard = reqwest::get(address(printed, "Dashboard")).await.unwrap();
    assert_eq!(dashboard.status().as_u16(), 200);
    assert!(dashboard.text().await.unwrap().contains("<h1>Fleet</h1>"));
    let tries = printed.iter().skip_while(|line| line.as_str() != "Try:").skip(1);
    let tries: Vec<_> = tries.take_while(|line| !line.is_empty()).collect();
    let ours = tries.iter().filter(|line| line.trim().starts_with("target/debug/causeway ")).count();
    assert_eq!(ours, 3, "{tries:#?}");
    for line in tries {
        let out = runs(line.trim()).await;
        assert!(out.contains("shop") || out.contains("is served"), "{line}: {out}");
    }
}

fn interrupt(child: &Child) {
    let pid = rustix::process::Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
}

async fn interrupted(mut child: Child) {
    interrupt(&child);
    let status = timeout(Duration::from_secs(60), child.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn a_cluster_of_ones_own_is_used_and_all_of_it_can_be_taken_away_again() {
    let _alone = MAIN_CLUSTER.lock().await;
    let endpoints = Endpoints::from_env().unwrap();
    let kube = kube_client(endpoints.cluster()).await.unwrap();
    let mut child = up_on(&endpoints.cluster().causeway.kubeconfig).env("YES", "1").spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let printed = printed_until(&mut lines, "cluster access |").await;
    let client = ApiClient::new(&address(&printed, "API"));
    answers(&client).await;
    the_lines_work(&printed).await;

    let named = async |prefix: &str| {
        let mut all = objects(&kube, NAMESPACE, "").await.unwrap();
        all.retain(|one| one["metadata"]["name"].as_str().unwrap().starts_with(prefix));
        all
    };
    let [shop, workers] = [named("shop-").await, named("causeway").await];
    assert_eq!((shop.len(), workers.len()), (1, 1), "{shop:#?} {workers:#?}");
    let ours = format!("{CONTROL_PLANE}={}", shop[0]["metadata"]["labels"][CONTROL_PLANE].as_str().unwrap());

    // The commands that it prints, as they are.
    let first = printed.iter().position(|line| line.contains("To take it away")).unwrap();
    runs(&printed[first + 1..].join("\n")).await;
    eventually("nothing is left", async || {
        let mut left = named("causeway").await;
        for kind in [NAMESPACE, DEPLOYMENT, CLUSTER_ROLE, CUSTOM_RESOURCE_DEFINITION] {
            left.extend(objects(&kube, kind, &ours).await.unwrap());
        }
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
    interrupted(child).await;
}

/// On a rig of its own, as whoever tries Causeway starts it. What ends the printed text is the last thing that is done.
#[tokio::test]
async fn what_is_printed_to_be_tried_works() {
    let mut child = up().env_remove(causeway_rig::VARIABLE).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let printed = printed_until(&mut lines, "Ctrl-C ends everything").await;
    the_lines_work(&printed).await;
    interrupted(child).await;
}

/// What is in the cluster by then stays, and only a control plane that runs can take it away.
#[tokio::test]
async fn whoever_interrupts_it_is_told_how_to_take_away_what_is_there() {
    let endpoints = Endpoints::from_env().unwrap();
    let dir = endpoints.run_dir.join(unique_name("up"));
    let own = OwnCluster::start(&Tools::find().unwrap(), &dir).await.unwrap();
    let mut child = up_on(&own.endpoints().causeway.kubeconfig).env("YES", "1").spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    printed_until(&mut lines, "Registering the cluster").await;
    interrupt(&child);
    let told = printed_until(&mut lines, "cluster access |").await;
    assert!(told.iter().any(|line| line.contains("To take it away")), "{told:#?}");
    assert!(!told.iter().any(|line| line.trim().starts_with("API ")), "it was not up: {told:#?}");
    interrupted(child).await;
    own.stop().await;
}
