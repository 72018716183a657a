//! `causeway apply --set NAME --prune`: what has left the documents of a set goes, and nothing else.

use causeway_rig::workspace_program;
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::{Cli, Ran, api};

/// Documents of accounts, which are deleted at once.
fn documents(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("AwsAccount: {{Name: {name}, AccountID: '1', DefaultRegion: x}}\n"))
        .collect::<Vec<_>>()
        .join("---\n")
}

async fn apply(cli: &Cli, names: &[&str], arguments: &[&str]) -> Ran {
    cli.feed(&[&["apply", "-f", "-"], arguments].concat(), &documents(names)).await
}

async fn stand(cli: &Cli) -> Vec<String> {
    let all = cli.json(&["get", "aws-accounts"]).await;
    all.as_array().unwrap().iter().map(|one| one["Name"].as_str().unwrap().to_owned()).collect()
}

async fn members(cli: &Cli, set: &str) -> usize {
    cli.json(&["get", "apply-set", set]).await["Members"].as_array().unwrap().len()
}

#[tokio::test]
async fn only_what_the_set_has_created_is_pruned_and_only_when_it_is_said() {
    let (platform, cli) = api("sets").await;
    // Somebody else's, though the documents name it; and one that no document ever named.
    assert_eq!(apply(&cli, &["older", "foreign"], &[]).await.code, 0);
    assert_eq!(apply(&cli, &["older", "one", "two"], &["--set", "shop"]).await.code, 0);
    assert_eq!(members(&cli, "shop").await, 2, "older was there before");
    let audited = async || platform.client().list("audit-events", "").await.unwrap().len();
    let before = audited().await;
    assert_eq!(apply(&cli, &["older", "one", "two"], &["--set", "shop", "--prune"]).await.code, 0);
    assert_eq!(audited().await, before, "the same again writes nothing");

    let refused = apply(&cli, &["three"], &["--set", "shop", "--prune"]).await;
    assert!(
        refused.code == 2
            && refused.err.contains("nothing was written")
            && refused.err.contains("AwsAccount one, AwsAccount two"),
        "{refused:?}"
    );
    assert_eq!((audited().await, stand(&cli).await.len()), (before, 4));
    for (command, code) in [("diff", 1), ("plan", 0)] {
        let arguments = [command, "-f", "-", "--set", "shop", "--prune", "-o", "json"];
        let told = cli.feed(&arguments, &documents(&["three"])).await;
        let would: Value = serde_json::from_str(&told.out).unwrap_or_else(|error| panic!("{error}: {told:?}"));
        let would: Vec<_> =
            would.as_array().unwrap().iter().map(|one| (one["Name"].clone(), one["Would"].clone())).collect();
        assert_eq!(
            would,
            [(json!("three"), json!("create")), (json!("one"), json!("delete")), (json!("two"), json!("delete"))]
        );
        assert_eq!(told.code, code, "{command}");
    }

    // One that was made anew by somebody else isn't the set's any more.
    cli.done(&["delete", "aws-account", "two"]).await;
    assert_eq!(apply(&cli, &["two"], &[]).await.code, 0);
    let pruned = apply(&cli, &["three"], &["--set", "shop", "--prune", "--yes", "-o", "json"]).await;
    let told: Value = serde_json::from_str(&pruned.out).unwrap_or_else(|error| panic!("{error}: {pruned:?}"));
    let told: Vec<_> =
        told.as_array().unwrap().iter().map(|one| (one["Name"].clone(), one["Result"].clone())).collect();
    assert_eq!(told, [(json!("three"), json!("created")), (json!("one"), json!("deleted"))]);
    let mut left = stand(&cli).await;
    left.sort();
    assert_eq!(left, ["foreign", "older", "three", "two"]);
    assert_eq!(members(&cli, "shop").await, 1, "what has gone is forgotten");
    // A set is no document, and no part of an export.
    assert!(!cli.done(&["export", "--all"]).await.contains("ApplySet"));
    assert_eq!(apply(&cli, &["x"], &["--prune"]).await.code, 2, "of which set?");
    platform.stop().await;
}

#[tokio::test]
async fn what_was_created_before_a_refusal_is_the_sets() {
    let (platform, cli) = api("sets_refused").await;
    let documents = "KubernetesRuntimeDefinition: {Name: r, InfraProvider: kind}
---
KubernetesRuntimeInstance: {Name: r, Location: Local, KubernetesRuntimeDefinition: r}
---
WorkloadDefinition: {Name: w, YAMLDocument: '{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}'}
---
WorkloadInstance: {Name: w, WorkloadDefinition: w, KubernetesRuntimeInstance: r}
---
GatewayDefinition: {Name: g, Hostnames: [a.example], ServiceName: x, HttpPorts: [{Port: 80, ServicePort: 80}]}
---
GatewayInstance: {Name: a, GatewayDefinition: g, WorkloadInstance: w}
---
GatewayInstance: {Name: b, GatewayDefinition: g, WorkloadInstance: w}
";
    // Only the server knows that both would answer to the same requests.
    let ran = cli.feed(&["apply", "-f", "-", "--set", "s"], documents).await;
    assert!(ran.code == 2 && ran.err.contains("the 6 before it are applied, 1 of 7 are not"), "{ran:?}");
    assert_eq!(members(&cli, "s").await, 6);
    platform.stop().await;
}

/// An apply that is killed in the middle: what it has created belongs to the set, and the next one finds it.
#[tokio::test]
async fn what_a_killed_apply_has_created_is_the_sets() {
    let (mut platform, cli) = api("sets_killed").await;
    assert_eq!(apply(&cli, &["foreign"], &[]).await.code, 0);
    // So many long lines that nobody reads don't fit into a pipe: it can't come to its end.
    let names: Vec<_> = (0..500).map(|n| format!("{n}-{}", "a".repeat(200))).collect();
    let file = cli.file("many.yaml", &documents(&names.iter().map(String::as_str).collect::<Vec<_>>()));
    let mut command = cli.command(&workspace_program("causeway").unwrap());
    let mut child = command.args(["apply", "--set", "s", "-f"]).arg(file).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..5 {
        let line = lines.next_line().await.unwrap().unwrap();
        assert!(line.starts_with("created"), "{line}");
    }
    child.kill().await.unwrap();
    // What it has asked for is done to its end.
    platform.end_api().await;
    platform.start_api_again().await.unwrap();
    let left = stand(&cli).await.len();
    assert!((6..500).contains(&left), "it was killed in the middle: {left}");

    let differs = cli.feed(&["diff", "-f", "-", "--set", "s", "--prune"], &documents(&[&names[0]])).await;
    assert_eq!((differs.code, differs.out.matches("(would be deleted)").count()), (1, left - 2), "{differs:?}");
    let pruned = apply(&cli, &[&names[0]], &["--set", "s", "--prune", "--yes"]).await;
    assert_eq!((pruned.code, pruned.out.matches("deleted").count()), (0, left - 2), "{pruned:?}");
    let mut all = stand(&cli).await;
    all.sort();
    assert_eq!(all, [names[0].as_str(), "foreign"]);
    assert_eq!(members(&cli, "s").await, 1, "what was never created is forgotten");
    platform.stop().await;
}
