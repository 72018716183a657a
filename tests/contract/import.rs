//! Objects of Gateway API and Ingress as documents: what is answered, and that nothing is written.

use causeway_testkit::unique_name;
use serde_json::{Value, json};

use crate::{chain::Chain, get, post};

/// A Gateway and a route with this rule, in one namespace.
fn objects(name: &str, rule: &Value) -> String {
    let meta = json!({"name": name, "namespace": name});
    let version = "gateway.networking.k8s.io/v1";
    let listeners = json!([{"name": "http", "port": 80, "protocol": "HTTP"}]);
    let gateway = json!({"apiVersion": version, "kind": "Gateway", "metadata": meta, "spec": {"gatewayClassName": "eg", "listeners": listeners}});
    let spec = json!({"parentRefs": [{"name": name}], "hostnames": ["shop.example.org"], "rules": [rule]});
    let route = json!({"apiVersion": version, "kind": "HTTPRoute", "metadata": meta, "spec": spec});
    format!("{gateway}\n{route}\n")
}

#[tokio::test]
async fn objects_are_answered_as_documents_with_a_report_and_nothing_is_written() {
    let name = unique_name("import");
    let rule = json!({"retry": {"attempts": 3}, "backendRefs": [{"name": "web", "port": 8080}]});
    let answer = post("import", &json!({"YAMLDocument": objects(&name, &rule)})).await.done(200);
    assert_eq!(answer.body["Type"], "Import");
    let import = answer.record();
    let documents = import["Documents"].as_array().unwrap();
    let kinds: Vec<_> = documents.iter().flat_map(|document| document.as_object().unwrap().keys()).collect();
    let expected = ["WorkloadDefinition", "WorkloadInstance", "SharedGateway", "GatewayDefinition", "GatewayInstance"];
    assert_eq!(kinds, expected);
    assert_eq!(documents[2]["SharedGateway"]["Namespace"], name);
    let definition = &documents[3]["GatewayDefinition"];
    assert_eq!(definition["Hostnames"], json!(["shop.example.org"]));
    assert_eq!(definition["HttpRoutes"][0]["Rules"], json!([{"backendRefs": [{"name": "web", "port": 8080}]}]));
    let report: Vec<_> = import["Report"].as_array().unwrap().iter().map(|one| (&one["Loss"], &one["Field"])).collect();
    let told = |loss: &str, field: &str| (json!(loss), json!(field));
    let expected =
        [told("Unsupported", "spec.rules[0].retry"), told("Needed", "Namespace"), told("Needed", "YAMLDocument")];
    assert_eq!(report, expected.iter().map(|(loss, field)| (loss, field)).collect::<Vec<_>>());
    for plural in ["gateway-definitions", "workload-definitions"] {
        let stands = get(&format!("/v0/{plural}?name={name}")).await.answered(200);
        assert_eq!(stands.body["Data"], json!([]), "{plural}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_its_place() {
    let refused = |body: Value| async move { post("import", &body).await };
    let answer = refused(json!({"YAMLDocument": "---\n{}\n---\nkind: Pod\n"})).await;
    answer.refused(400, "document 2, line 4: Pod has no apiVersion").because("InvalidField", &["YAMLDocument"]);
    refused(json!({})).await.refused(400, "JSON payload is empty").because("EmptyPayload", &[]);
    refused(json!({"Manifests": "x"}))
        .await
        .refused(400, "the body holds one field, YAMLDocument")
        .because("UnknownField", &[]);
    refused(json!({"YAMLDocument": null})).await.refused(400, "is required").because("MissingField", &["YAMLDocument"]);
    let route = |n: usize| {
        format!("{{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {{name: r{n}}}}}\n---\n")
    };
    let many: String = (0..1001).map(route).collect();
    refused(json!({"YAMLDocument": many}))
        .await
        .refused(400, "1000 are looked at together")
        .because("InvalidField", &["YAMLDocument"]);
}

#[tokio::test]
async fn objects_of_a_cluster_are_answered_as_records_that_take_them_over() {
    let name = unique_name("taken");
    let rule = json!({"backendRefs": [{"name": "web", "port": 8080}]});
    let body = json!({"YAMLDocument": objects(&name, &rule)});
    let chain = Chain::up_to("kubernetes-runtime-instances").await;
    let runtime = chain.id("kubernetes-runtime-instances");
    let answer = post(&format!("import?take-over=true&runtime={runtime}"), &body).await.done(200);
    let import = answer.record();
    assert_eq!(import["Report"], json!([]), "{import:#}");
    let documents = import["Documents"].as_array().unwrap();
    let of = |kind: &str| documents.iter().find_map(|document| document.get(kind)).unwrap();
    let (gateway, route) = (of("SharedGateway"), of("GatewayInstance"));
    assert_eq!((&gateway["GatewayName"], &gateway["Namespace"]), (&json!(name), &json!(name)));
    assert_eq!((&route["RouteName"], &route["KeepOnDelete"]), (&json!(name), &json!(true)));
    assert_eq!(of("WorkloadInstance")["Namespace"], json!(name));
    for of in [gateway, route] {
        assert!(of["KubernetesRuntimeInstance"]["Name"].is_string(), "{of}");
    }
    let refused = |query: &'static str| {
        let body = body.clone();
        async move { post(&format!("import{query}"), &body).await }
    };
    refused("?take-over=true").await.refused(400, "is needed with take-over").because("InvalidQuery", &["runtime"]);
    refused("?runtime=1").await.refused(400, "goes with take-over=true").because("InvalidQuery", &["runtime"]);
    refused("?take-over=yes").await.refused(400, "must be true or false").because("InvalidQuery", &["take-over"]);
    let unknown = refused("?take-over=true&runtime=1").await;
    unknown.refused(400, "is the id of no cluster on record").because("InvalidQuery", &["runtime"]);
}
