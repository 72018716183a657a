//! The first hour with nothing but `causeway`: the commands of `docs/cli.md`, as they are printed there, on a control plane with workers and a cluster. Then those
//! of the other pages that need one.

use causeway_rig::Endpoints;
use causeway_testkit::{ControlPlane, Setup, pages::commands, zone::create_zone};
use std::{fs, os::unix::fs::symlink, path::Path};

use crate::{Cli, MAIN_CLUSTER, path, root};

/// A folder for `PATH` with the rig's `kubectl`.
fn with_kubectl(cli: &Cli, endpoints: &Endpoints) -> String {
    let folder = cli.home().join("programs");
    fs::create_dir_all(&folder).unwrap();
    symlink(&endpoints.programs["kubectl"], folder.join("kubectl")).unwrap();
    format!("{}:{}", folder.display(), path())
}

#[tokio::test]
async fn the_commands_of_the_page_work() {
    let script = commands(&fs::read_to_string(root().join("docs/cli.md")).unwrap());
    assert!(script.contains("causeway status") && script.contains("causeway delete"), "{script}");
    // Whoever has `causeway` and a shell has all that the page uses.
    for program in ["curl", "kubectl", "python", "sed ", "awk", "jq"] {
        assert!(!script.contains(program), "{program}: {script}");
    }
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

    // The page takes its sample away again; the others begin with it, as `make up` makes it.
    let sample = root().join("deploy/samples/shop-on-causeway.yaml");
    let sample = sample.to_str().unwrap();
    cli.done(&["apply", "-f", sample, "--wait"]).await;
    let told = cli.page("README.md", &[]).await;
    assert!(told.contains("www.example.test is served: every step is done"), "{told}");
    cli.page("docs/import.md", &[("PATH", &with_kubectl(&cli, &endpoints))]).await;
    let imported = fs::read_to_string(cli.home().join("want.yaml")).unwrap();
    assert!(imported.contains("GatewayDefinition:"), "{imported}");
    let pages = [
        ("docs/from-ingress.md", "routes/from-ingress.yaml", "from-ingress.example is served: every step is done"),
        ("docs/from-gloo.md", "routes/from-gloo.yaml", "from-gloo.example is served: every step is done"),
        ("docs/shared-gateways.md", "shared-gateways/teams.yaml", "first-team"),
    ];
    for (page, made, says) in pages {
        let told = cli.page(page, &[]).await;
        assert!(told.contains(says), "{page}: {told}");
        let made = root().join("deploy/samples").join(made);
        cli.done(&["delete", "-f", made.to_str().unwrap()]).await;
    }
    cli.done(&["delete", "-f", sample]).await;
    platform.stop().await;
}
