//! Exit codes, and that readers of data always get data.

use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

use crate::{Cli, api};

/// Every command that prints data, with what it needs. None of them changes anything here.
const COMMANDS: &[&[&str]] = &[
    &["get", "gateway-instances"],
    &["get", "gateway-instances", "none"],
    &["get", "events"],
    &["describe", "gateway-instance", "none"],
    &["get", "webhook-deliveries", "--last", "3"],
    &["get", "certificates", "--order", "NotAfter"],
    &["search", "none"],
    &["search", "--kind", "gateway-instances", "--ready", "False"],
    &["search", "none", "--runtime", "none"],
    &["blocked"],
    &["status", "none.example.org"],
    &["diagnose", "gateway-instance", "none"],
    &["diagnose", "none.example.org"],
    &["apply", "-f", "-"],
    &["diff", "-f", "-"],
    &["plan", "-f", "-"],
    &["import", "-f", "-"],
    &["delete", "gateway-instance", "none"],
    &["release", "gateway-instance", "none"],
    &["export", "gateway-instance", "none"],
    &["export", "--all"],
    &["manifests", "gateway-instance", "none"],
    &["wait", "gateway-instance", "none", "--timeout", "1s"],
    &["wait", "gateway-instance", "none", "--for", "gone", "--timeout", "1s"],
    &["watch", "--for", "0s"],
    &["reconcile", "gateway-instance", "none"],
    &["pause", "gateway-instance", "none"],
    &["resume", "gateway-instance", "none"],
    &["explain"],
    &["explain", "gateway-definition"],
    &["explain", "gateway-definition.HttpPorts"],
    &["cluster", "add", "none", "--kubeconfig", "none"],
    &["cluster", "list"],
    &["cluster", "check", "--kubeconfig", "none"],
    &["cluster", "access"],
    &["webhook", "test", "none"],
    &["webhook", "redeliver", "none"],
    &["webhook", "rotate-secret", "none"],
    &["webhook", "disable", "none"],
    &["webhook", "enable", "none"],
    &["get", "webhooks"],
    &["get", "webhook-deliveries"],
    &["token", "list"],
    &["token", "revoke", "none"],
    &["token", "create", ""],
    &["context", "list"],
    &["context", "use", "none"],
    &["context", "remove", "none"],
    &["context", "add", "none", "--server", "none"],
];
/// Commands that print no records: scripts for shells, and files of manual pages.
const OTHERS: [&str; 2] = ["completions", "man"];

#[tokio::test]
async fn every_command_that_prints_data_is_among_them() {
    let cli = Cli::new("http://127.0.0.1:9");
    cli.done(&["man", "pages"]).await;
    let pages = std::fs::read_dir(cli.home().join("pages")).unwrap().map(|entry| entry.unwrap().file_name());
    let pages: BTreeSet<_> = pages.filter_map(|page| page.to_str()?.strip_suffix(".1").map(str::to_owned)).collect();
    let has_parts = |page: &str| pages.iter().any(|other| other.starts_with(&format!("{page}-")));
    for page in pages.iter().filter(|page| !has_parts(page)) {
        let command = page.trim_start_matches("causeway-");
        let is_tried = COMMANDS
            .iter()
            .any(|words| command == words[0] || Some(command) == words.get(..2).map(|two| two.join("-")).as_deref());
        assert!(is_tried || OTHERS.contains(&command), "nobody tries {command}");
    }
}

fn assert_data(arguments: &[&str], format: &str, out: &str) {
    let parsed: Result<Value, String> = match format {
        "json" => serde_json::from_str(out).map_err(|error| error.to_string()),
        _ => serde_yaml_ng::Deserializer::from_str(out)
            .map(|document| Value::deserialize(document).map_err(|error| error.to_string()))
            .collect(),
    };
    assert!(parsed.is_ok(), "causeway {arguments:?} -o {format}: {parsed:?}: {out}");
}

#[tokio::test]
async fn readers_of_data_get_data_when_there_is_nothing_and_when_it_fails() {
    let (_platform, empty) = api("data").await;
    let silent = Cli::new("http://127.0.0.1:9");
    for cli in [&empty, &silent] {
        for arguments in COMMANDS {
            for format in ["json", "yaml"] {
                let arguments = [arguments, &["-o", format][..]].concat();
                let ran = cli.run(&arguments).await;
                assert_data(&arguments, format, &ran.out);
                let failed = ran.code != 0;
                let told =
                    serde_json::from_str::<Value>(&ran.out).ok().is_none_or(|out| out.get("Error").is_some() == failed);
                assert!(told, "{arguments:?}: {ran:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_done_is_data_too() {
    let (_platform, cli) = api("data_done").await;
    let context = cli.json(&["context", "add", "one", "--server", "http://127.0.0.1:9"]).await;
    assert_eq!((&context["Name"], &context["Current"]), (&json!("one"), &json!(true)));
    cli.done(&["context", "add", "two", "--server", "http://127.0.0.1:9"]).await;
    assert_eq!(cli.json(&["context", "use", "two"]).await["Current"], true);
    assert_eq!(cli.json(&["context", "remove", "two"]).await["Name"], "two");
    let token = cli.json(&["token", "create", "ci"]).await;
    assert!(token["Token"].as_str().unwrap().starts_with("causeway_"), "{token}");
    assert_eq!(cli.json(&["token", "revoke", "ci"]).await["Name"], "ci");
    let manifests = cli.json(&["cluster", "access"]).await;
    assert_eq!((&manifests["kind"], manifests["items"].as_array().unwrap().len()), (&json!("List"), 5));
    cli.feed(&["apply", "-f", "-"], "GatewayDefinition: {Name: gw}\n").await;
    for command in [
        &["pause"][..],
        &["resume"],
        &["reconcile"],
        &["delete", "--no-wait"],
        &["wait", "--for", "gone", "--timeout", "1s"],
    ] {
        let ran = cli.run(&[&command[..1], &["gateway-definition/gw", "-o", "json"], &command[1..]].concat()).await;
        let told: Result<Value, _> = serde_json::from_str(&ran.out);
        assert!(told.is_ok(), "{command:?}: {ran:?}");
    }
}

#[tokio::test]
async fn a_script_sees_by_the_code_what_became_of_it() {
    let (_platform, cli) = api("codes").await;
    cli.file("gw.yaml", "GatewayDefinition: {Name: gw}\n");
    cli.file("changed.yaml", "GatewayDefinition: {Name: gw, ServiceName: web}\n");
    cli.file("new.yaml", "GatewayDefinition: {Name: new}\n");
    cli.done(&["apply", "-f", "gw.yaml"]).await;
    let cases: &[(&[&str], i32)] = &[
        (&["get", "gateway-definitions"], 0),
        (&["get", "nothing"], 2),
        (&["get", "gateway-definitions", "--filter", "Colour=red"], 2),
        (&["get", "gateway-definitions", "none"], 3),
        (&["get", "gateway-definitions", "--order", "NotAfter"], 2),
        (&["get", "gateway-definitions", "--order", "BlockingSince", "--last", "1"], 2),
        (&["search"], 2),
        (&["search", "none"], 0),
        (&["search", "gw", "--ready", "maybe"], 2),
        (&["search", "gw", "--runtime", "none"], 3),
        (&["blocked", "--kind", "nothing"], 2),
        (&["frobnicate"], 2),
        (&["wait", "gateway-definition", "gw", "--timeout", "1s"], 1),
        (&["wait", "gateway-definition", "none", "--for", "gone"], 0),
        (&["diagnose", "gateway-definition", "gw"], 1),
        (&["status", "nobody.example.org"], 3),
        (&["diagnose", "nobody.example.org"], 3),
        (&["diagnose", "-.example.org"], 2),
        (&["plan", "-f", "gw.yaml", "--exit-code"], 0),
        (&["plan", "-f", "changed.yaml", "--exit-code"], 1),
        (&["plan", "-f", "new.yaml", "--exit-code"], 1),
        (&["plan", "-f", "new.yaml"], 0),
        (&["plan", "-f", "none.yaml", "--exit-code"], 2),
        (&["webhook", "test", "none"], 3),
        (&["webhook", "redeliver"], 2),
        (&["webhook", "redeliver", "none", "--state", "Pending"], 2),
        (&["context", "use", "none"], 3),
        (&["explain", "gateway-definition.Colour"], 3),
        (&["delete", "gateway-definition", "none"], 3),
        (&["manifests", "gateway-definition", "gw"], 2),
        (&["manifests", "gateway-instance", "none"], 3),
    ];
    for (arguments, code) in cases {
        let ran = cli.run(arguments).await;
        assert_eq!(ran.code, *code, "causeway {arguments:?}: {ran:?}");
        if *code >= 2 {
            assert!(ran.out.is_empty() && !ran.err.is_empty(), "what failed is told on stderr alone: {ran:?}");
        }
    }
    // A stream that has begun is taken up again; one that never begins is an end.
    for arguments in [&["get", "gateways"][..], &["watch"], &["watch", "gateways", "--for", "0s"]] {
        let silent = Cli::new("http://127.0.0.1:9").run(arguments).await;
        assert!(
            silent.code == 5
                && silent.out.is_empty()
                && silent.err.contains("the API at http://127.0.0.1:9 doesn't answer")
                && silent.err.contains("next: "),
            "{arguments:?}: {silent:?}"
        );
    }
}

#[tokio::test]
async fn a_pipe_gets_no_colours_and_whole_names() {
    let (_platform, cli) = api("plain").await;
    let long = "n".repeat(253);
    cli.feed(&["apply", "-f", "-"], &format!("GatewayDefinition: {{Name: {long}}}\n")).await;
    let out = cli.done(&["get", "gateway-definitions"]).await;
    assert!(out.contains(&long) && !out.contains('\u{1b}'), "{out}");
    assert_eq!(cli.done(&["get", "gateway-definitions", "-o", "name"]).await, format!("gateway-definition/{long}\n"));
}
