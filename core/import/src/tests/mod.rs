//! Whole streams, and what comes of them.

mod gateways;

use super::*;
use causeway_manifests::{Budget, read};
use causeway_records::{Kind, Record, noun::Noun, nouns, overlay::overlay};
use serde_json::{Value, json};

fn imported(text: &str) -> Import {
    import(read(text, &Budget::default()).unwrap()).unwrap()
}

/// The documents of a kind.
fn of(import: &Import, kind: Kind) -> Vec<Value> {
    let all = import.documents().into_iter().filter(|document| document.kind == kind);
    all.map(|document| Value::Object(document.fields)).collect()
}

fn told(import: &Import) -> Vec<String> {
    let line = |finding: &Finding| format!("{} {} {}", finding.loss.as_str(), finding.object.name, finding.field);
    import.report.iter().map(line).collect()
}

/// A Gateway with these listeners.
fn gateway(listeners: &Value) -> String {
    let spec = json!({"gatewayClassName": "eg", "listeners": listeners});
    object("Gateway", "gw", &spec)
}

fn object(kind: &str, name: &str, spec: &Value) -> String {
    let body = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": kind, "metadata": {"name": name, "namespace": "shop"}, "spec": spec,
    });
    format!("{body}\n")
}

fn http() -> Value {
    json!([{"name": "http", "port": 80, "protocol": "HTTP"}])
}

fn backend() -> Value {
    json!({"name": "web", "port": 8080})
}

#[test]
fn the_sample_is_said_but_for_what_the_report_names() {
    let import = imported(include_str!("../../../../deploy/samples/import/shop.yaml"));
    insta::assert_yaml_snapshot!("shop_documents", import.documents());
    let lines: Vec<_> = import.report.iter().map(|finding| format!("{}: {finding}", finding.loss.as_str())).collect();
    insta::assert_yaml_snapshot!("shop_report", lines);
}

#[test]
fn a_route_of_plain_http_has_nothing_to_report_but_its_workload() {
    let route = object(
        "HTTPRoute",
        "web",
        &json!({
            "parentRefs": [{"name": "gw"}], "hostnames": ["Shop.test"],
            "rules": [{"matches": [{"path": {"value": "/a"}, "headers": [{"name": "b", "value": "c"}]}], "backendRefs": [backend()], "timeouts": {"request": "3s"}}],
        }),
    );
    let import = imported(&(gateway(&http()) + &route));
    assert_eq!(told(&import), ["Needed gw Namespace", "Needed shop YAMLDocument"]);
    let rules = json!([{"matches": [{"path": {"value": "/a"}, "headers": [{"name": "b", "value": "c"}]}], "backendRefs": [backend()], "timeouts": {"request": "3s"}}]);
    let expected = json!({
        "Name": "web", "Hostnames": ["shop.test"], "HttpPorts": [{"Port": 80}], "HttpRoutes": [{"Rules": rules}],
    });
    assert_eq!(of(&import, Kind::GatewayDefinition), [expected]);
    let instance = json!({
        "Name": "web", "GatewayDefinition": {"Name": "web"}, "WorkloadInstance": {"Name": "shop"}, "SharedGateway": {"Name": "gw"},
    });
    assert_eq!(of(&import, Kind::GatewayInstance), [instance]);
    let shared = json!({
        "Name": "gw", "GatewayClassName": "eg", "Namespace": "shop", "Listeners": [{"Name": "http", "Port": 80, "Protocol": "HTTP"}],
        "AttachableBy": "WorkloadInstances", "WorkloadInstances": [{"Name": "shop"}],
    });
    assert_eq!(of(&import, Kind::SharedGateway), [shared]);
    assert_eq!(of(&import, Kind::WorkloadDefinition), [json!({"Name": "shop", "YAMLDocument": "shop.yaml"})]);
}

#[test]
fn hostnames_on_different_ports_are_gateways_of_their_own() {
    let listeners = json!([
        {"name": "http", "port": 80, "protocol": "HTTP"},
        {"name": "a", "port": 443, "protocol": "HTTPS", "hostname": "a.shop.test", "tls": {"certificateRefs": [{"name": "a"}]}},
        {"name": "b", "port": 443, "protocol": "HTTPS", "hostname": "*.other.test", "tls": {"certificateRefs": [{"name": "b"}]}},
    ]);
    let spec = json!({"parentRefs": [{"name": "gw"}], "hostnames": ["a.shop.test", "b.shop.test", "c.other.test"], "rules": [{"backendRefs": [backend()]}]});
    let import = imported(&(gateway(&listeners) + &object("HTTPRoute", "web", &spec)));
    let all = of(&import, Kind::GatewayDefinition);
    let shown: Vec<_> = all
        .iter()
        .map(|one| format!("{} {} {}", one["Hostnames"], one["HttpPorts"], one["DomainNameDefinition"]["Name"]))
        .collect();
    let tls = r#"[{"Port":80},{"Port":443,"TLSEnabled":true}]"#;
    let mut expected = vec![
        r#"["b.shop.test"] [{"Port":80}] null"#.to_owned(),
        format!(r#"["a.shop.test"] {tls} "shop.test""#),
        format!(r#"["c.other.test"] {tls} "other.test""#),
    ];
    let mut shown = shown;
    shown.sort();
    expected.sort();
    assert_eq!(shown, expected);
    assert_eq!(of(&import, Kind::DomainNameDefinition).len(), 2);
}

#[test]
fn what_gateway_api_does_not_know_is_taken_out_of_rules_and_reported() {
    let rules = json!([
        {"backendRefs": [backend()], "retry": {"attempts": 2}, "filters": [{"type": "CORS", "cors": {"new": 1}}]},
        {"matches": [{"path": {"value": "/closed"}}], "filters": [{"type": "Unheard"}], "backendRefs": [backend()]},
        {"backendRefs": [{"kind": "Backend", "group": "x.test", "name": "x"}, backend()]},
    ]);
    let spec = json!({"parentRefs": [{"name": "gw"}], "rules": rules});
    let import = imported(&(gateway(&http()) + &object("HTTPRoute", "web", &spec)));
    let expected = json!([
        {"backendRefs": [backend()], "filters": [{"type": "CORS", "cors": {}}]},
        {"matches": [{"path": {"value": "/closed"}}]},
        {"backendRefs": [backend()]},
    ]);
    assert_eq!(of(&import, Kind::GatewayDefinition)[0]["HttpRoutes"][0]["Rules"], expected);
    let expected = [
        "Unsupported web spec.rules[0].filters[0].cors.new",
        "Unsupported web spec.rules[0].retry",
        "Unsupported web spec.rules[1]",
        "Unsupported web spec.rules[2].backendRefs[0]",
        "Needed gw Namespace",
        "Needed shop YAMLDocument",
    ];
    assert_eq!(told(&import), expected);
}

#[test]
fn a_service_of_several_clusters_takes_the_place_of_a_service() {
    let store = |namespace: &str| json!({"group": "multicluster.x-k8s.io", "kind": "ServiceImport", "name": "store", "namespace": namespace, "port": 80});
    let spec =
        json!({"parentRefs": [{"name": "gw"}], "rules": [{"backendRefs": [store("shop"), store("other"), backend()]}]});
    let import = imported(&(gateway(&http()) + &object("HTTPRoute", "web", &spec)));
    let beside = json!({"group": "multicluster.x-k8s.io", "kind": "ServiceImport", "name": "store", "port": 80});
    let rules = json!([{"backendRefs": [beside, backend()]}]);
    assert_eq!(of(&import, Kind::GatewayDefinition)[0]["HttpRoutes"][0]["Rules"], rules);
    let expected = ["Needed web spec.rules[0].backendRefs[0]", "Unsupported web spec.rules[0].backendRefs[1]"];
    assert_eq!(told(&import)[..2], expected, "{:?}", told(&import));
}

#[test]
fn a_route_that_attaches_to_nothing_is_reported_whole() {
    let spec = json!({"parentRefs": [{"name": "gw", "sectionName": "none"}], "hostnames": ["a.test"], "rules": [{"backendRefs": [backend()]}]});
    let import = imported(&(gateway(&http()) + &object("HTTPRoute", "web", &spec)));
    let kinds: Vec<_> = import.documents().iter().map(|document| document.kind).collect();
    assert_eq!(kinds, [Kind::SharedGateway]);
    let told = told(&import);
    assert!(told.contains(&"Unsupported web spec".to_owned()), "{told:?}");
}

#[test]
fn a_namespace_brings_its_manifests_along() {
    let service = r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"web","namespace":"shop"},"spec":{"ports":[{"port":8080}]}}"#;
    let other = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"elsewhere"}}"#;
    let spec = json!({"parentRefs": [{"name": "gw"}], "rules": [{"backendRefs": [backend()]}]});
    let import = imported(&format!("{}{}{service}\n{other}\n", gateway(&http()), object("HTTPRoute", "web", &spec)));
    let text = of(&import, Kind::WorkloadDefinition)[0]["YAMLDocument"].as_str().unwrap().to_owned();
    let read = read(&text, &Budget::default()).unwrap();
    assert_eq!((read.len(), read[0].kind(), read[0].namespace()), (1, "Service", None));
    assert_eq!(told(&import), ["Unsupported c ", "Needed gw Namespace", "Lossy shop YAMLDocument"]);
}

#[test]
fn what_is_about_gloo_itself_is_reported_and_no_part_of_a_workload() {
    let gloo = r#"{"apiVersion":"gloo.solo.io/v1","kind":"Settings","metadata":{"name":"vs","namespace":"shop"},"spec":{"gloo":{}}}"#;
    let spec = json!({"parentRefs": [{"name": "gw"}], "rules": [{"backendRefs": [backend()]}]});
    let import = imported(&format!("{}{}{gloo}\n", gateway(&http()), object("HTTPRoute", "web", &spec)));
    assert_eq!(told(&import), ["Unsupported vs ", "Needed gw Namespace", "Needed shop YAMLDocument"]);
    assert_eq!(of(&import, Kind::WorkloadDefinition)[0]["YAMLDocument"], "shop.yaml");
}

#[test]
fn two_routes_for_the_same_requests_are_told() {
    let spec = json!({"parentRefs": [{"name": "gw"}], "rules": [{"backendRefs": [backend()]}]});
    let both = object("HTTPRoute", "one", &spec) + &object("HTTPRoute", "two", &spec);
    let import = imported(&(gateway(&http()) + &both));
    assert_eq!(told(&import)[0], "Needed two spec");
    assert!(import.report[0].problem.contains("is HTTPRoute shop/one's, too"), "{}", import.report[0]);
}

#[test]
fn ports_of_layer_4() {
    let listeners = json!([
        {"name": "t", "port": 5432, "protocol": "TCP"},
        {"name": "u", "port": 53, "protocol": "UDP"},
        {"name": "p", "port": 443, "protocol": "TLS", "tls": {"mode": "Passthrough"}},
    ]);
    let spec = |hostnames: Value| json!({"parentRefs": [{"name": "gw"}], "hostnames": hostnames, "rules": [{"backendRefs": [backend()]}]});
    let all = [("TCPRoute", Value::Null), ("UDPRoute", Value::Null), ("TLSRoute", json!(["mail.test"]))];
    let routes: String =
        all.iter().map(|(kind, hostnames)| object(kind, &kind.to_lowercase(), &spec(hostnames.clone()))).collect();
    let import = imported(&(gateway(&listeners) + &routes));
    let ports: Vec<_> = of(&import, Kind::GatewayDefinition)
        .iter()
        .map(|one| format!("{}{}", one["TcpPorts"], one["UdpPorts"]))
        .collect();
    let expected = [
        r#"[{"Port":5432,"ServicePort":8080}]null"#,
        r#"null[{"Port":53,"ServicePort":8080}]"#,
        r#"[{"Port":443,"ServicePort":8080,"TLSEnabled":true,"TLSMode":"Passthrough"}]null"#,
    ];
    assert_eq!(ports, expected);
    assert_eq!(told(&import), ["Needed gw Namespace", "Needed shop YAMLDocument"]);
}

/// The hand-written documents say the same as the records.
#[test]
fn documents_are_read_back_as_the_records() {
    let import = imported(include_str!("../../../../deploy/samples/import/shop.yaml"));
    assert_eq!(import.gateways.len(), 4);
    for (gateway, document) in import.gateways.iter().zip(of(&import, Kind::GatewayDefinition)) {
        let mut fields = document.as_object().unwrap().clone();
        fields.remove("DomainNameDefinition");
        let mut record = Record::<nouns::GatewayDefinition>::default();
        let report = overlay(&serde_json::to_vec(&fields).unwrap(), &mut [&mut record.spec]).unwrap();
        assert!(report.problems.is_empty(), "{:?}", report.problems);
        assert!(record.spec == gateway.definition, "{document:#}");
    }
    for document in import.documents() {
        let info = document.kind.info();
        let known = |key: &String| {
            let is = |field: &causeway_records::field::Field| {
                field.json == key
                    || field.json.strip_suffix("ID") == Some(key)
                    || field.json.strip_suffix("IDs").is_some_and(|stem| key.strip_suffix('s') == Some(stem))
            };
            info.fields.iter().any(is)
        };
        assert!(document.fields.keys().all(known), "{document:?}");
    }
    for (shared, document) in import.shared.iter().zip(of(&import, Kind::SharedGateway)) {
        let mut fields = document.as_object().unwrap().clone();
        fields.retain(|key, _| !["DomainNameDefinition", "WorkloadInstances"].contains(&key.as_str()));
        let mut record = Record::<nouns::SharedGateway>::default();
        let report = overlay(&serde_json::to_vec(&fields).unwrap(), &mut [&mut record.spec]).unwrap();
        assert!(report.problems.is_empty(), "{:?}", report.problems);
        assert!(record.spec == shared.gateway, "{document:#}");
    }
    assert_eq!(nouns::GatewayDefinition::KIND, Kind::GatewayDefinition);
}

#[test]
fn more_objects_than_are_looked_at_together_are_refused() {
    let many: String = (0..=MOST).map(|n| object("HTTPRoute", &format!("r{n}"), &json!({}))).collect();
    let refusal = import(read(&many, &Budget::default()).unwrap()).err().unwrap().to_string();
    assert!(
        refusal.starts_with("holds 1001 objects of Gateway API, of Gloo, and Ingresses; 1000 are looked at together"),
        "{refusal}"
    );
}
