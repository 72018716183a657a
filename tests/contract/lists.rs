//! Pages, filters, the join of events.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{chain::Chain, get, id, made, name, patch, read, send};

#[tokio::test]
async fn item_13_pages() {
    let definition = made("gateway-definitions", &json!({"Name": name("pages")})).await;
    for port in 1..=55 {
        made("gateway-tcp-ports", &json!({"GatewayDefinitionID": definition, "Port": port})).await;
    }
    let list = async |more: &str| get(&format!("/v0/gateway-tcp-ports?gatewaydefinitionid={definition}{more}")).await;
    let all = list("&size=-1").await;
    assert!(all.ids().len() == 55 && all.ids().is_sorted());
    for (query, page, size, range) in [
        ("", 1, 50, 0..50),
        ("&page=2", 2, 50, 50..55),
        ("&page=3&size=10", 3, 10, 20..30),
        ("&page=9", 9, 50, 0..0),
        ("&size=0", 1, 0, 0..0),
        ("&page=0&size=5", 0, 5, 0..5),
        ("&page=-1&size=5", -1, 5, 0..5),
        ("&size=-1", 1, -1, 0..55),
    ] {
        let answer = list(query).await;
        assert_eq!(answer.body["Meta"], json!({"Page": page, "Size": size, "TotalCount": 55}), "{query}");
        assert_eq!(answer.ids(), all.ids()[range], "{query}");
    }
    for (query, key) in [("&page=-2", "page"), ("&size=-2", "size"), ("&page=x", "page"), ("&size=", "size")] {
        let refusal = format!("Query parameter is not a valid integer value: {key}");
        list(query).await.refused(400, &refusal);
    }
}

/// Every filter of the contract finds the record that it is about, and not with another value.
#[tokio::test]
async fn item_14_filters() {
    let chain = Chain::new().await;
    for (plural, keys) in [
        ("gateway-definitions", &["name", "domainnamedefinitionid", "servicename", "subdomain", "reconciled"][..]),
        ("gateway-instances", &["name", "gatewaydefinitionid", "kubernetesruntimeinstanceid", "workloadinstanceid"]),
        ("gateway-http-ports", &["gatewaydefinitionid", "port", "path", "tlsenabled", "httpsredirect"]),
        ("gateway-tcp-ports", &["gatewaydefinitionid", "port", "tlsenabled"]),
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
    let own = made("gateway-definitions", &json!({"Name": name("ignored")})).await;
    let listed = get("/v0/gateway-definitions?size=-1&nonsense=7&HttpPorts=1").await;
    assert!(listed.code == 200 && listed.ids().contains(&own));
    // Keys ignore case, the first of several counts, and several keys add up.
    let name = read("gateway-definitions", own).await.record()["Name"].as_str().unwrap().to_owned();
    let listed = get(&format!("/v0/gateway-definitions?NAME={name}&name=other&reconciled=0")).await;
    assert_eq!(listed.ids(), [own]);
    get("/v0/gateway-definitions?reconciled=zzz").await.refused(400, "Reconciled");
}

#[tokio::test]
async fn item_16_a_workloads_events_are_deleted_together() {
    let chain = Chain::up_to("workload-events").await;
    let workload = chain.id("workload-instances");
    made("workload-events", &chain.body("workload-events")).await;
    let delete = async |query: &str| send(Method::DELETE, &format!("/v0/workload-events{query}"), &[], "").await;
    let one = "must provide one - and only one - query parameter when deleting multiple workload events";
    delete("").await.refused(400, one);
    delete("?workloadinstanceid=1&helmworkloadinstanceid=2").await.refused(400, one);
    let keys = "can only delete multiple workload events using query parameter keys [workloadinstanceid helmworkloadinstanceid]";
    delete("?reason=Pulled").await.refused(400, keys);
    delete("?workloadinstanceid=1").await.refused(404, "object not found");
    let gone = delete(&format!("?workloadinstanceid={workload}")).await;
    assert_eq!((gone.code, gone.ids().len()), (200, 2), "{}", gone.text);
    assert!(gone.body["Data"].as_array().unwrap().iter().all(|event| event["DeletedAt"].is_string()));
    delete(&format!("?workloadinstanceid={workload}")).await.refused(404, "object not found");
}

/// The three calls of a controller that reports, and what the join finds. A total of 0 is Threeport's mistake; Causeway counts.
#[tokio::test]
async fn item_18_events_are_found_by_what_they_are_about() {
    let chain = Chain::new().await;
    let (event, about) = (chain.id("events"), chain.id("gateway-instances"));
    let reference = json!({
        "ObjectType": "v0.GatewayInstance", "ObjectID": about, "AttachedObjectType": "v0.Event", "AttachedObjectID": event,
    });
    let reference = made("attached-object-references", &reference).await;
    patch("events", event, &json!({"AttachedObjectReferenceID": reference})).await.done(200);
    let join = async |query: &str| get(&format!("/v0/events-join-attached-object-references{query}")).await;
    join("").await.refused(400, "must provide object ID");
    let found = join(&format!("?objectid={about}")).await;
    assert_eq!((found.code, found.body["Type"].as_str(), found.ids()), (200, Some("Event"), vec![event]));
    assert_eq!(found.body["Meta"]["TotalCount"], 1);
    assert_eq!(join(&format!("?objectid={about}&reason=SuccessfulCreate&type=Normal")).await.ids(), [event]);
    assert!(join(&format!("?objectid={about}&reason=FailedCreate")).await.ids().is_empty());
    assert!(join("?objectid=1").await.ids().is_empty());
    let again = patch("events", event, &json!({"Count": 2})).await.done(200);
    assert_eq!((id(again.record()), &again.record()["Count"]), (event, &json!(2)));
}
