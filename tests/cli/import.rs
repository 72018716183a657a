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
    assert_eq!(answer["Documents"][3]["GatewayDefinition"]["HttpPorts"][0]["Port"], 8080, "{answer:#}");
    assert_eq!(answer["Report"].as_array().unwrap().len(), 2, "{answer:#}");
    let names = cli.done(&[&["import", "-o", "name"], arguments.as_slice()].concat()).await;
    assert!(names.lines().any(|line| line == "gateway-definition/web"), "{names}");
    let wrong = cli.feed(&["import", "-f", "-"], "- 1\n").await;
    assert!(wrong.code == 2 && wrong.err.contains("stdin: holds what is no manifest"), "{wrong:?}");
    let empty = cli.feed(&["import", "-f", "-"], "---\n").await;
    assert!(empty.code == 2 && empty.err.contains("the files hold no manifest"), "{empty:?}");
}

#[tokio::test]
async fn objects_of_gloo_apply_when_the_user_has_brought_the_workloads() {
    let (_platform, cli) = api("import_gloo").await;
    let made = cli.feed(&["apply", "-f", "-"], RUNTIME).await;
    assert_eq!(made.code, 0, "{made:?}");
    let sample = root().join("deploy/samples/import/gloo.yaml");
    let ran = cli.run(&["import", "-f", sample.to_str().unwrap()]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("Unsupported spec.healthChecks: "), "{}", ran.err);
    let imported = cli.file("imported.yaml", &ran.out);
    cli.file("shop.yaml", BROUGHT);
    cli.file("search.yaml", BROUGHT);
    assert!(cli.made_once(imported.to_str().unwrap()).await > 6);
}

#[tokio::test]
async fn what_takes_objects_over_applies_as_it_is() {
    let (_platform, cli) = api("import_taken").await;
    assert_eq!(cli.feed(&["apply", "-f", "-"], RUNTIME).await.code, 0);
    let gateway = r#"{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "edge", "namespace": "ingress"}, "spec": {"gatewayClassName": "eg", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}]}}"#;
    let route = r#"{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "web", "namespace": "shop"}, "spec": {"parentRefs": [{"name": "edge", "namespace": "ingress"}], "hostnames": ["www.shop.test"], "rules": [{"backendRefs": [{"name": "web", "port": 80}]}]}}"#;
    let have = cli.file("have.json", &format!("{gateway}\n{route}\n"));
    let have = have.to_str().unwrap();
    let runtimes = cli.json(&["get", "kubernetes-runtime-instances"]).await;
    let runtime = runtimes[0]["Name"].as_str().unwrap();
    let taken = cli.run(&["import", "-f", have, "--take-over", "--runtime", runtime]).await;
    assert!(taken.code == 0 && taken.out.contains("RouteName: web"), "{taken:?}");
    let want = cli.file("want.yaml", &taken.out);
    assert_eq!(cli.made_once(want.to_str().unwrap()).await, 5);
    for (arguments, code) in [
        (&["import", "-f", have, "--take-over"][..], 2),
        (&["import", "-f", have, "--runtime", runtime], 2),
        (&["import", "-f", have, "--take-over", "--runtime", "none"], 3),
    ] {
        let ran = cli.run(arguments).await;
        assert_eq!(ran.code, code, "{arguments:?}: {ran:?}");
    }
    // DNS records can't be given back, and nothing is deleted then.
    let domain = "DomainNameDefinition: {Name: shop.test, Domain: shop.test, Zone: Public, AdminEmail: ops@shop.test}\n---\nDomainNameInstance: {Name: shop, DomainNameDefinition: {Name: shop.test}, WorkloadInstance: {Name: shop}}\n";
    assert_eq!(cli.feed(&["apply", "-f", "-"], domain).await.code, 0);
    let refused = cli.run(&["release", "domain-name-instance", "shop"]).await;
    assert!(refused.code == 2 && refused.err.contains("can't be given back"), "{refused:?}");
}
