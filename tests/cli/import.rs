//! `causeway import`: documents on stdout, the report on stderr, and that the documents apply once the user has brought what the report asks for.

use crate::{RUNTIME, api, root};

/// Services that routes of the sample lead to.
const BROUGHT: &str = "\
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: 8080}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: canary}, spec: {ports: [{port: 8080}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: postgres}, spec: {ports: [{port: 5432}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: search}, spec: {ports: [{port: 8080}]}}
";

#[tokio::test]
async fn what_is_imported_applies_when_the_user_has_brought_the_rest() {
    let (_platform, cli) = api("import").await;
    let made = cli.feed(&["apply", "-f", "-"], RUNTIME).await;
    assert_eq!(made.code, 0, "{made:?}");
    let sample = root().join("deploy/samples/import/shop.yaml");
    let sample = sample.to_str().unwrap();
    let ran = cli.run(&["import", "-f", sample]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("GatewayDefinition:\n  Name: shop\n"), "{}", ran.out);
    for line in ["HTTPRoute shop/shop", "Unsupported spec.rules[1].retry: ", "DomainNameDefinition example.org"] {
        assert!(ran.err.contains(line), "{line}: {}", ran.err);
    }
    assert!(cli.done(&["get", "gateway-definitions", "-o", "name"]).await.is_empty(), "nothing is written");

    let imported = cli.file("imported.yaml", &ran.out);
    let imported = imported.to_str().unwrap();
    let missing = cli.run(&["apply", "-f", imported]).await;
    assert!(missing.code == 2 && missing.err.contains(".yaml can't be read"), "{missing:?}");
    cli.file("shop.yaml", BROUGHT);
    cli.file("search.yaml", BROUGHT);
    let missing = cli.run(&["apply", "-f", imported]).await;
    assert!(missing.code == 2 && missing.err.contains("AdminEmail: is required"), "{missing:?}");
    let whole = ran.out.replace("  Domain: example.org\n", "  Domain: example.org\n  AdminEmail: ops@example.org\n");
    cli.file("imported.yaml", &whole);
    assert!(cli.made_once(imported).await > 10);
}

#[tokio::test]
async fn several_files_are_one_input_and_json_is_as_the_api_answers() {
    let (_platform, cli) = api("import_files").await;
    let gateway = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: gw}\nspec:\n  gatewayClassName: eg\n  listeners: [{name: h, port: 8080, protocol: HTTP}]\n";
    let route = r#"{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "web"}, "spec": {"parentRefs": [{"name": "gw"}], "rules": [{"backendRefs": [{"name": "web", "port": 80}]}]}}"#;
    let files = [cli.file("gateway.yaml", gateway), cli.file("route.json", route)];
    let arguments: Vec<&str> = files.iter().flat_map(|file| ["-f", file.to_str().unwrap()]).collect();
    let answer = cli.json(&[&["import"], arguments.as_slice()].concat()).await;
    assert_eq!(answer["Documents"][2]["GatewayDefinition"]["HttpPorts"][0]["Port"], 8080, "{answer:#}");
    assert_eq!(answer["Report"].as_array().unwrap().len(), 1, "{answer:#}");
    let names = cli.done(&[&["import", "-o", "name"], arguments.as_slice()].concat()).await;
    assert!(names.lines().any(|line| line == "gateway-definition/web"), "{names}");
    let wrong = cli.feed(&["import", "-f", "-"], "- 1\n").await;
    assert!(wrong.code == 2 && wrong.err.contains("stdin: holds what is no manifest"), "{wrong:?}");
    let empty = cli.feed(&["import", "-f", "-"], "---\n").await;
    assert!(empty.code == 2 && empty.err.contains("the files hold no manifest"), "{empty:?}");
}
