//! The first hour with nothing but `causeway`: the commands of `docs/cli.md`, as they are printed there, on a control plane with workers and a cluster.

use causeway_rig::Endpoints;
use causeway_testkit::{ControlPlane, Setup, zone::create_zone};
use std::{fs, path::Path};

use crate::{Cli, MAIN_CLUSTER, root};

/// The blocks of a page that are marked as shell, one after the other.
fn commands(page: &str) -> String {
    let blocks = page.split("\n```").skip(1).step_by(2);
    blocks.filter_map(|block| block.strip_prefix("sh\n")).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn the_commands_of_the_page_work() {
    let script = commands(&fs::read_to_string(root().join("docs/cli.md")).unwrap());
    assert!(script.contains("causeway status") && script.contains("causeway delete"), "{script}");
    let _alone = MAIN_CLUSTER.lock().await;
    let endpoints = Endpoints::from_env().unwrap();
    create_zone(&endpoints, "example.test").await.unwrap();
    let platform = ControlPlane::start(&endpoints, Setup { workers: 2, ..Setup::for_test("cli_hour") }).await.unwrap();
    let kubeconfig = endpoints.clusters[0].causeway.kubeconfig.display().to_string();
    let cli = Cli::new(&platform.url()).with("KUBECONFIG", &kubeconfig);
    let mut bash = cli.command(Path::new("bash"));
    let output = bash.args(["-eux", "-o", "pipefail", "-c", &script]).current_dir(root()).output().await.unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    assert!(out.contains("www.example.test is served: every step is done"), "{out}\n{err}");
    // Whoever has `causeway` and a shell has all that the page uses.
    for program in ["curl", "kubectl", "python", "sed ", "awk", "jq"] {
        assert!(!script.contains(program), "{program}: {script}");
    }
    platform.stop().await;
}
