//! What a list can be asked for.

use causeway_testkit::unique_name;
use serde_json::{Value, json};

use crate::{chain::Chain, get, made, patch, read};

/// Every filter of the contract finds the record that it is about, and not with another value.
#[tokio::test]
async fn item_14_filters() {
    let chain = Chain::new().await;
    for (plural, keys) in [
        ("gateway-definitions", &["name", "domainnamedefinitionid", "servicename", "subdomain", "reconciled"][..]),
        ("gateway-instances", &["name", "gatewaydefinitionid", "kubernetesruntimeinstanceid", "workloadinstanceid"]),
        ("gateway-http-ports", &["gatewaydefinitionid", "port", "path", "tlsenabled", "httpsredirect"]),
        ("gateway-tcp-ports", &["gatewaydefinitionid", "port", "tlsenabled"]),
        ("gateway-udp-ports", &["gatewaydefinitionid", "port"]),
        ("gateway-http-routes", &["gatewaydefinitionid"]),
        ("gateway-grpc-routes", &["gatewaydefinitionid"]),
        ("gateway-grants", &["name", "workloadinstanceid", "grantedworkloadinstanceid"]),
        ("domain-name-definitions", &["name", "domain", "zone", "adminemail"]),
        ("domain-name-instances", &["domainnamedefinitionid", "workloadinstanceid", "kubernetesruntimeinstanceid"]),
        ("workload-definitions", &["name", "reconciled", "creationfailed"]),
        ("workload-instances", &["name", "workloaddefinitionid", "kubernetesruntimeinstanceid"]),
        ("workload-resource-definitions", &["workloaddefinitionid"]),
        ("workload-resource-instances", &["workloadinstanceid", "reconciled"]),
        ("workload-events", &["workloadinstanceid", "runtimeeventuid", "type", "reason", "message"]),
        ("kubernetes-runtime-definitions", &["name", "infraprovider", "nodesize", "nodemaximum", "highavailability"]),
        (
            "kubernetes-runtime-instances",
            &["name", "kubernetesruntimedefinitionid", "defaultruntime", "threeportcontrolplanehost", "location"],
        ),
        ("attached-object-references", &["objectid", "objecttype", "attachedobjectid", "attachedobjecttype"]),
        ("events", &["reason", "type", "reportingcontroller", "count"]),
    ] {
        let own = chain.id(plural);
        let stored = read(plural, own).await.done(200);
        for key in keys {
            let (_, value) =
                stored.record().as_object().unwrap().iter().find(|(name, _)| name.to_lowercase() == **key).unwrap();
            let (same, other) = match value {
                Value::Bool(value) => (value.to_string(), (!value).to_string()),
                Value::Number(number) => (number.to_string(), "7".to_owned()),
                other => (other.as_str().unwrap().to_owned(), String::new()),
            };
            let found = async |value: &str| get(&format!("/v0/{plural}?size=-1&{key}={value}")).await.ids();
            assert!(found(&same).await.contains(&own), "{plural}?{key}={same}");
            if !(key == &"infraprovider" && other.is_empty()) {
                assert!(!found(&other).await.contains(&own), "{plural}?{key}={other}");
            }
        }
    }
}

#[tokio::test]
async fn item_14_threeports_key_for_workloads() {
    let chain = Chain::up_to("gateway-instances").await;
    let workload = chain.id("workload-instances");
    for plural in ["gateway-instances", "domain-name-instances"] {
        let listed = get(&format!("/v0/{plural}?workloadresourceinstanceid={workload}")).await;
        assert_eq!(listed.ids(), [chain.id(plural)]);
    }
}

#[tokio::test]
async fn item_14_keys_that_nobody_knows_are_ignored() {
    let own = made("gateway-definitions", &json!({"Name": unique_name("ignored")})).await;
    let listed = get("/v0/gateway-definitions?size=-1&nonsense=7&HttpPorts=1").await;
    assert!(listed.code == 200 && listed.ids().contains(&own));
    // Keys ignore case, the first of several counts, and several keys add up.
    let name = read("gateway-definitions", own).await.record()["Name"].as_str().unwrap().to_owned();
    let listed = get(&format!("/v0/gateway-definitions?NAME={name}&name=other&reconciled=0")).await;
    assert_eq!(listed.ids(), [own]);
    get("/v0/gateway-definitions?reconciled=zzz").await.refused(400, "Reconciled");
}

/// What Threeport lets its blocks and its manifests be asked for.
#[tokio::test]
async fn item_14_times_and_documents_are_filters() {
    let chain = Chain::new().await;
    let time = "2026-02-03T04:05:06.789Z";
    for plural in ["gateway-definitions", "domain-name-definitions"] {
        let own = chain.id(plural);
        for field in ["CreationAcknowledged", "CreationConfirmed", "DeletionAcknowledged", "DeletionConfirmed"] {
            patch(plural, own, &json!({field: time})).await.done(200);
            let found = async |time: &str| get(&format!("/v0/{plural}?size=-1&{}={time}", field.to_lowercase())).await;
            assert!(found(time).await.ids().contains(&own), "{plural} {field}");
            assert!(!found("2026-02-03T04:05:06Z").await.ids().contains(&own), "{plural} {field}");
            found("yesterday").await.refused(400, field);
        }
    }
    let own = chain.id("workload-resource-instances");
    patch("workload-resource-instances", own, &json!({"RuntimeDefinition": {"a": [1]}, "ScheduledForDeletion": time}))
        .await
        .done(200);
    for query in [format!("scheduledfordeletion={time}"), "runtimedefinition=%7B%22a%22%3A%5B1%5D%7D".to_owned()] {
        let listed = get(&format!(
            "/v0/workload-resource-instances?workloadinstanceid={}&{query}",
            chain.id("workload-instances")
        ))
        .await;
        assert_eq!(listed.ids(), [own], "{query}");
    }
}

/// The words of Go for booleans; nothing is false and 0; a path or number that no record can have finds nothing. What Threeport can't read is a
/// 500 there and a 400 here.
#[tokio::test]
async fn item_14_values_are_read_as_threeport_reads_them() {
    let own = made("gateway-definitions", &json!({"Name": unique_name("values")})).await;
    let port = made("gateway-http-ports", &json!({"GatewayDefinitionID": own, "Port": 80, "TLSEnabled": false})).await;
    let found = async |query: &str| get(&format!("/v0/gateway-http-ports?gatewaydefinitionid={own}&{query}")).await;
    for word in ["false", "False", "FALSE", "f", "F", "0", ""] {
        assert_eq!(found(&format!("tlsenabled={word}")).await.ids(), [port], "{word}");
    }
    for word in ["true", "True", "TRUE", "t", "T", "1"] {
        assert!(found(&format!("tlsenabled={word}")).await.ids().is_empty(), "{word}");
    }
    for query in ["port=", "port=0", "port=-1", "path=", "path=no/path", "port=70000"] {
        assert!(found(query).await.ids().is_empty(), "{query}");
    }
    for (query, says) in [
        ("port=x", "whole number"),
        ("tlsenabled=yes", "true or false"),
        ("port=99999999999999999999", "too large"),
        ("port=1.5", "whole number"),
    ] {
        found(query).await.refused(400, says);
    }
    // A word that isn't among the choices: Threeport finds nothing, Causeway names them.
    let provider = get("/v0/kubernetes-runtime-definitions?infraprovider=gke").await;
    provider.refused(400, "kind, eks").because("InvalidQuery", &["InfraProvider"]);
}
