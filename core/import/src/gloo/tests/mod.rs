mod delegate;
mod gateways;
mod routes;

use crate::{Finding, Import, import};
use causeway_manifests::{Budget, read};
use causeway_records::Kind;
use serde_json::{Value, json};

fn object(group: &str, kind: &str, name: &str, spec: &Value) -> String {
    let body = json!({
        "apiVersion": format!("{group}.solo.io/v1"), "kind": kind, "metadata": {"name": name, "namespace": "gloo-system"}, "spec": spec,
    });
    format!("{body}\n")
}

fn virtual_service(spec: &Value) -> String {
    object("gateway", "VirtualService", "vs", spec)
}

/// A VirtualService for a hostname.
fn with_routes(routes: Value) -> String {
    virtual_service(&json!({"virtualHost": {"domains": ["shop.test"], "routes": routes}}))
}

fn imported(text: &str) -> Import {
    import(read(text, &Budget::default()).unwrap()).unwrap()
}

fn of(import: &Import, kind: Kind) -> Vec<Value> {
    let all = import.documents().into_iter().filter(|document| document.kind == kind);
    all.map(|document| Value::Object(document.fields)).collect()
}

/// The rules of the only route.
fn rules(import: &Import) -> Value {
    let all = of(import, Kind::GatewayDefinition);
    assert_eq!(all.len(), 1, "{all:#?}");
    all[0]["HttpRoutes"][0]["Rules"].clone()
}

fn told(import: &Import) -> Vec<String> {
    let line = |finding: &Finding| format!("{} {} {}", finding.loss.as_str(), finding.object.name, finding.field);
    import.report.iter().map(line).filter(|line| !line.ends_with("YAMLDocument")).collect()
}

fn to(service: &str) -> Value {
    json!({"single": {"kube": {"ref": {"name": service, "namespace": "shop"}, "port": 8080}}})
}

fn backend(service: &str) -> Value {
    json!({"name": service, "port": 8080})
}

fn path(value: &str) -> Value {
    json!({"path": {"type": "PathPrefix", "value": value}})
}

/// The VirtualService of the page becomes the sample that the page points to.
#[test]
fn the_example_of_the_page_is_its_sample() {
    let page = include_str!("../../../../../docs/from-gloo.md");
    let example = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let import = imported(example);
    let sample = include_str!("../../../../../deploy/samples/routes/from-gloo.yaml");
    let sample = causeway_manifests::read_documents(sample, &Budget::default()).unwrap()[0].clone();
    let gateway = &sample["Workload"]["Gateway"];
    assert_eq!(rules(&import), gateway["HttpRoutes"][0]["Rules"]);
    let definition = of(&import, Kind::GatewayDefinition)[0].clone();
    assert_eq!((&definition["Hostnames"], &definition["HttpPorts"]), (&gateway["Hostnames"], &gateway["HttpPorts"]));
}

#[test]
fn the_sample_is_said_but_for_what_the_report_names() {
    let import = imported(include_str!("../../../../../deploy/samples/import/gloo.yaml"));
    insta::assert_yaml_snapshot!("gloo_documents", import.documents());
    let lines: Vec<_> = import.report.iter().map(|finding| format!("{}: {finding}", finding.loss.as_str())).collect();
    insta::assert_yaml_snapshot!("gloo_report", lines);
}

#[test]
fn an_upstream_stands_for_a_service() {
    let upstream = |name: &str, spec: Value| object("gloo", "Upstream", name, &spec);
    let kube = json!({"kube": {"serviceName": "web", "serviceNamespace": "shop", "servicePort": 8080}, "healthChecks": [{"timeout": "1s"}]});
    let names = |name: &str| json!({"single": {"upstream": {"name": name, "namespace": "gloo-system"}}});
    let routes = json!([
        {"matchers": [{"exact": "/a"}], "routeAction": names("web"), "options": {"shadowing": {"upstream": {"name": "web", "namespace": "gloo-system"}, "percentage": 12.5}}},
        {"matchers": [{"exact": "/b"}], "routeAction": names("outside")},
        {"matchers": [{"exact": "/c"}], "routeAction": names("missing")},
    ]);
    let outside = upstream("outside", json!({"static": {"hosts": [{"addr": "example.org", "port": 443}]}}));
    let unused =
        upstream("unused", json!({"kube": {"serviceName": "x", "serviceNamespace": "shop", "servicePort": 1}}));
    let import = imported(&(with_routes(routes) + &upstream("web", kube) + &outside + &unused));
    let found = rules(&import);
    assert_eq!(found[0]["backendRefs"], json!([backend("web")]));
    let mirror = json!({"backendRef": backend("web"), "fraction": {"numerator": 1250, "denominator": 10000}});
    assert_eq!(found[0]["filters"], json!([{"type": "RequestMirror", "requestMirror": mirror}]));
    let expected = [
        "Unsupported vs spec.virtualHost.routes[1].routeAction.single.upstream",
        "Needed vs spec.virtualHost.routes[2].routeAction.single.upstream",
        "Unsupported web spec.healthChecks",
        "Unsupported outside spec",
        "Unsupported unused ",
    ];
    assert_eq!(told(&import), expected);
}

#[test]
fn workloads_share_a_hostname_and_what_goes_across_is_granted() {
    let elsewhere = json!({"multi": {"destinations": [
        {"weight": 1, "destination": {"kube": {"ref": {"name": "search", "namespace": "search"}, "port": 80}}},
        {"weight": 1, "destination": {"kube": {"ref": {"name": "web", "namespace": "shop"}, "port": 8080}}},
    ]}});
    let routes = json!([
        {"matchers": [{"exact": "/search"}], "routeAction": elsewhere},
        {"matchers": [{"prefix": "/"}], "routeAction": to("web")},
    ]);
    let import = imported(&with_routes(routes));
    let all = of(&import, Kind::GatewayDefinition);
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|one| one["Hostnames"] == json!(["shop.test"])));
    let instances = of(&import, Kind::GatewayInstance);
    let workloads: Vec<_> = instances.iter().map(|one| one["WorkloadInstance"]["Name"].clone()).collect();
    assert_eq!(workloads, ["search", "shop"]);
    assert_eq!(all[0]["HttpRoutes"][0]["Rules"][0]["backendRefs"][1]["namespace"], "shop");
    let grants = of(&import, Kind::GatewayGrant);
    assert_eq!(grants.len(), 1);
    assert_eq!((&grants[0]["WorkloadInstance"]["Name"], &grants[0]["ServiceNames"]), (&json!("shop"), &json!(["web"])));
}
