//! What records become in a cluster, and what is said where they become nothing yet.

use http::Method;
use serde_json::json;

use crate::{chain::Chain, delete, get, made, send};

const YAML: &[(&str, &str)] = &[("Accept", "application/yaml")];

#[tokio::test]
async fn the_objects_of_a_workload_are_yaml_or_json_as_accept_asks() {
    let chain = Chain::up_to("workload-instances").await;
    let path = format!("/v0/workload-instances/{}/manifests", chain.id("workload-instances"));
    for accept in [YAML, &[], &[("Accept", "*/*")], &[("Accept", "application/json;q=0.5, application/yaml")]] {
        let answer = send(Method::GET, &path, accept, "").await.answered(200);
        assert_eq!(answer.header("content-type"), "application/yaml", "{accept:?}");
        assert!(
            answer.text.contains("kind: ConfigMap\n") && answer.text.matches("\n---\n").count() == 1,
            "{}",
            answer.text
        );
    }
    let answer = send(Method::GET, &path, &[("Accept", "application/json")], "").await.answered(200);
    let kinds: Vec<_> = answer.body["Data"].as_array().unwrap().iter().map(|object| object["kind"].clone()).collect();
    assert_eq!((kinds, &answer.body["Type"]), (vec![json!("Namespace"), json!("ConfigMap")], &json!("Manifest")));
    let answer = send(Method::GET, &path, &[("Accept", "text/html")], "").await;
    answer.refused(406, "application/yaml or application/json");
    get("/v0/workload-instances/1/manifests").await.refused(404, "");
    get("/v0/workload-instances/x/manifests").await.refused(400, "is no id");
}

#[tokio::test]
async fn what_makes_no_objects_yet_is_refused_with_the_next_step() {
    let chain = Chain::up_to("gateway-instances").await;
    let of = |plural: &str| format!("/v0/{plural}/{}/manifests", chain.id(plural));
    let answer = get(&of("gateway-instances")).await.refused(409, "it has no port yet; add one");
    answer.because("Incomplete", &[]);
    get(&of("domain-name-instances")).await.refused(409, "an address and a hosted zone yet").because("Incomplete", &[]);
    made(
        "gateway-tcp-ports",
        &json!({"GatewayDefinitionID": chain.id("gateway-definitions"), "Port": 5432, "ServicePort": 80}),
    )
    .await;
    let answer = get(&of("gateway-instances")).await.answered(200);
    assert!(answer.text.contains("kind: TCPRoute\n"), "{}", answer.text);
    delete("gateway-instances", chain.id("gateway-instances")).await.done(200);
    get(&of("gateway-instances")).await.refused(409, "is being deleted").because("BeingDeleted", &[]);
}
