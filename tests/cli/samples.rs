//! Threeport's documents as they are, in both spellings: they apply, and again they change nothing.

use crate::{
    RUNTIME, api, root,
    versions::{versions, written},
};

async fn apply_twice(spelling: &str, records: usize) {
    let (platform, cli) = api(&format!("samples_{}", spelling.replace(['.', '-'], "_"))).await;
    let folder = root().join(format!("tests/cli/samples/{spelling}"));
    let folder = folder.to_str().unwrap();
    let out = cli.done(&["apply", "-f", folder]).await;
    assert_eq!(out.lines().filter(|line| line.starts_with("created")).count(), records, "{out}");
    let before = versions(&platform).await;
    let again = cli.done(&["apply", "-f", folder]).await;
    assert!(again.lines().all(|line| line.starts_with("unchanged")) && again.lines().count() == records, "{again}");
    assert_eq!(written(&before, &versions(&platform).await), Vec::<String>::new());
    assert_eq!(cli.run(&["diff", "-f", folder]).await.code, 0);
    // One file after the other means the same: each names what the ones before it have made.
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let out = cli.done(&["apply", "-f", file.to_str().unwrap()]).await;
        assert!(out.lines().all(|line| line.starts_with("unchanged")), "{}: {out}", file.display());
    }
    assert_eq!(written(&before, &versions(&platform).await), Vec::<String>::new());
}

#[tokio::test]
async fn documents_of_threeport_0_6_apply_as_they_are() {
    apply_twice("threeport-0.6", 21).await;
}

#[tokio::test]
async fn documents_of_threeport_2026_apply_as_they_are() {
    apply_twice("threeport-2026", 21).await;
}

/// Those that the project brings along, one file at a time as the pages say.
#[tokio::test]
async fn samples_of_gateways_apply_and_change_nothing_again() {
    let (_platform, cli) = api("samples_gateways").await;
    let made = cli.feed(&["apply", "-f", "-"], RUNTIME).await;
    assert_eq!(made.code, 0, "{made:?}");
    for folder in ["routes", "gateways", "tls", "grants", "certificates", "shared-gateways", "classes"] {
        let files = std::fs::read_dir(root().join("deploy/samples").join(folder)).unwrap();
        for file in files.map(|entry| entry.unwrap().path()) {
            // Manifests are taken in by the files that name them.
            if !std::fs::read_to_string(&file).unwrap().contains("\nWorkload:") {
                continue;
            }
            assert!(cli.made_once(file.to_str().unwrap()).await > 3, "{}", file.display());
        }
    }
}

#[tokio::test]
async fn a_hostname_on_two_clusters_applies_and_changes_nothing_again() {
    let (_platform, cli) = api("samples_clusters").await;
    for cluster in ["east", "west"] {
        let runtime = format!("KubernetesRuntime: {{Name: {cluster}, InfraProvider: kind, Location: Local}}\n");
        let made = cli.feed(&["apply", "-f", "-"], &runtime).await;
        assert_eq!(made.code, 0, "{made:?}");
    }
    let file = root().join("deploy/samples/clusters/weighted.yaml");
    cli.made_once(file.to_str().unwrap()).await;
    let out = cli.done(&["get", "domain-name-instances", "-o", "json"]).await;
    assert!(out.contains("\"Weight\": 150") && out.contains("\"Weight\": 50"), "{out}");
}
