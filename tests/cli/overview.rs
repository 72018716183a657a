//! What is told of records of all kinds and clusters: `search`, `blocked`, `cluster list`; and lists in another order than that by id.

use serde_json::{Value, json};

use crate::{RUNTIME, api, root};

/// One field of each.
fn all<'v>(records: &'v Value, field: &str) -> Vec<&'v str> {
    records.as_array().unwrap().iter().map(|record| record[field].as_str().unwrap()).collect()
}

#[tokio::test]
async fn records_are_found_whatever_their_kind_and_cluster() {
    let (_platform, cli) = api("overview").await;
    let made = cli.feed(&["apply", "-f", "-"], RUNTIME).await;
    assert_eq!(made.code, 0, "{made:?}");
    let sample = root().join("deploy/samples/shop-on-causeway.yaml");
    cli.done(&["apply", "-f", sample.to_str().unwrap()]).await;

    let found = cli.json(&["search", "shop"]).await;
    for kind in ["WorkloadDefinition", "WorkloadInstance", "GatewayDefinition", "GatewayInstance"] {
        assert!(all(&found, "Kind").contains(&kind), "{found:#}");
    }
    let gateway = cli.json(&["get", "gateway-instance/shop"]).await;
    let by_host = cli.json(&["search", "WWW.example.test"]).await;
    assert_eq!((all(&by_host, "ID"), &by_host[0]["Ready"]), (vec![gateway["ID"].as_str().unwrap()], &json!("Unknown")));
    let text = cli.done(&["search", "--kind", "gateways", "--runtime", "main"]).await;
    assert!(text.contains("gateway-instance") && text.contains("www.example.test"), "{text}");
    assert_eq!(cli.done(&["search", "--kind", "gateways", "-o", "name"]).await, "gateway-instance/shop\n");
    assert_eq!(cli.json(&["search", "--kind", "gateways", "--ready", "True"]).await, json!([]));
    let none = cli.run(&["search", "nobody-is-called-so"]).await;
    assert!(none.code == 0 && none.out.is_empty() && none.err == "Nothing is found.\n", "{none:?}");
    let shared = cli.json(&["get", "shared-gateways"]).await;
    let attached = cli.json(&["search", "--shared-gateway", shared[0]["Name"].as_str().unwrap()]).await;
    assert_eq!(all(&attached, "ID"), [gateway["ID"].as_str().unwrap()]);

    let blocked = cli.json(&["blocked"]).await;
    let since = all(&blocked, "BlockingSince");
    assert!(since.is_sorted() && all(&blocked, "Name").contains(&"shop"), "the longest first: {blocked:#}");
    let of_kind = cli.done(&["blocked", "--kind", "workload-instances", "--runtime", "main", "-o", "name"]).await;
    assert_eq!(of_kind, "workload-instance/shop\n");
    let clusters = cli.json(&["cluster", "list"]).await;
    assert_eq!((&clusters[0]["Name"], &clusters[0]["Gateways"]), (&json!("main"), &json!(1)));
    let text = cli.done(&["cluster", "list", "-o", "wide"]).await;
    assert!(text.starts_with("NAME   STATE") && text.contains("none"), "no worker has it: {text}");
}

#[tokio::test]
async fn lists_have_the_orders_of_the_api() {
    let (_platform, cli) = api("overview_orders").await;
    for name in ["one", "two", "three"] {
        let ran = cli.feed(&["apply", "-f", "-"], &format!("GatewayDefinition: {{Name: {name}}}\n")).await;
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let listed = async |more: &[&str]| {
        let out = cli.done(&[&["get", "gateway-definitions", "-o", "name"][..], more].concat()).await;
        out.lines().map(|line| line.trim_start_matches("gateway-definition/").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed(&[]).await, ["one", "two", "three"]);
    assert_eq!(listed(&["--last", "2"]).await, ["three", "two"]);
    assert_eq!(listed(&["--last", "9"]).await, ["three", "two", "one"]);
    assert_eq!(listed(&["--last", "0"]).await, [""; 0]);
    assert_eq!(listed(&["--order", "BlockingSince"]).await, ["one", "two", "three"], "nobody has looked at them");
    assert_eq!(listed(&["--order", "BlockingSince", "--filter", "Name=two"]).await, ["two"]);

    let hook = "Webhook: {Name: hook, URL: 'https://hooks.example.org/x', Kinds: [gateway-definitions]}\n";
    assert_eq!(cli.feed(&["apply", "-f", "-"], hook).await.code, 0);
    for (verb, disabled) in [("disable", true), ("disable", true), ("enable", false)] {
        assert_eq!(cli.json(&["webhook", verb, "hook"]).await["Disabled"], disabled, "{verb}");
    }
    let said = cli.run(&["webhook", "disable", "hook"]).await;
    assert!(said.code == 0 && said.err == "Webhook hook is disabled.\n", "{said:?}");
}
