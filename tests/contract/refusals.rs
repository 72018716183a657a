//! What a refusal says beside Threeport's sentence: a word for programs, and the fields that are to blame.

use causeway_testkit::unique_name;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{chain::Chain, delete, get, id, made, patch, post, put, read, send};

const JSON: [(&str, &str); 1] = [("Content-Type", "application/json")];

#[tokio::test]
async fn item_03_a_refused_body_names_every_field_that_is_wrong() {
    let domain = json!({"Name": "a", "Zone": "Public"});
    let cases: &[(&str, Value, &str, &[&str])] = &[
        ("gateway-definitions", json!({}), "EmptyPayload", &[]),
        ("gateway-definitions", json!([1]), "MalformedBody", &[""]),
        ("domain-name-definitions", domain, "MissingField", &["Domain", "AdminEmail"]),
        ("gateway-definitions", json!({"Name": "a", "Hue": 1, "Colour": 1}), "UnknownField", &["Colour", "Hue"]),
        ("gateway-definitions", json!({"Name": "a", "ID": 1, "CreatedAt": 1}), "SystemField", &["CreatedAt", "ID"]),
        (
            "gateway-definitions",
            json!({"Name": "a", "GatewayInstances": [{}]}),
            "AssociatedField",
            &["GatewayInstances"],
        ),
        (
            "gateway-definitions",
            json!({"Name": 5, "HttpPorts": [{"Port": 1}, {"Port": 0}], "TcpPorts": [{"Hue": 1}]}),
            "InvalidField",
            &["HttpPorts[1].Port", "Name", "TcpPorts[0].Hue", "TcpPorts[0].Port"],
        ),
        (
            "gateway-definitions",
            json!({"Name": "a", "SubDomain": "www", "Addresses": ["10.0.0.1"], "TcpPorts": [{"Port": 1, "TLSEnabled": true}]}),
            "InvalidField",
            &["Addresses", "SubDomain", "TcpPorts[0].TLSEnabled"],
        ),
        ("gateway-definitions", json!({"Name": "a", "Generation": 9}), "ReadOnlyField", &["Generation"]),
        (
            "gateway-http-ports",
            json!({"Port": 1, "GatewayDefinitionID": 1}),
            "ParentNotFound",
            &["GatewayDefinitionID"],
        ),
        (
            "workload-resource-definition-sets",
            json!([{"WorkloadDefinitionID": 1, "JSONDefinition": {"apiVersion": "v1", "kind": "a"}}, {"Hue": 1}]),
            "UnknownField",
            &["[1].Hue"],
        ),
    ];
    for (plural, body, reason, fields) in cases {
        post(plural, body).await.refused(400, "").because(reason, fields);
    }
    let broken = send(Method::POST, "/v0/gateway-definitions", &JSON, r#"{"Name": "a", "Path" 1}"#).await;
    broken.refused(400, "line 1 column").because("MalformedBody", &["Path"]);
}

#[tokio::test]
async fn item_03_a_refused_change_names_the_fields_that_stay() {
    let chain = Chain::up_to("gateway-instances").await;
    let own = chain.id("gateway-instances");
    let moved = json!({"GatewayDefinitionID": 1, "WorkloadInstanceID": 1});
    let refused = patch("gateway-instances", own, &moved).await.refused(400, "can't be changed");
    refused.because("ImmutableField", &["GatewayDefinitionID", "WorkloadInstanceID"]);
    let both = json!({"Generation": 99, "ObservedGeneration": 99});
    let refused = patch("gateway-instances", own, &both).await.refused(400, "set by the system");
    refused.because("ReadOnlyField", &["Generation", "ObservedGeneration"]);
    let parents = [("events", "AttachedObjectReferenceID"), ("domain-name-definitions", "AwsAccountID")];
    for (plural, field) in parents {
        let own = made(plural, &chain.body(plural)).await;
        patch(plural, own, &json!({field: 1})).await.refused(400, field).because("ParentNotFound", &[field]);
    }
}

#[tokio::test]
async fn item_03_a_refused_path_or_query_says_which_part() {
    let own = made("gateway-definitions", &json!({"Name": unique_name("query")})).await;
    for (query, field) in [("page=x", "page"), ("size=-2", "size"), ("after=x", "after"), ("after=-1", "after")] {
        get(&format!("/v0/gateway-definitions?{query}")).await.refused(400, field).because("InvalidQuery", &[field]);
    }
    get("/v0/gateway-definitions?after=1&page=1").await.refused(400, "after").because("InvalidQuery", &["page"]);
    get("/v0/gateway-definitions?reconciled=zzz")
        .await
        .refused(400, "true or false")
        .because("InvalidQuery", &["Reconciled"]);
    get("/v0/gateway-definitions/abc").await.refused(400, "whole number").because("InvalidID", &[]);
    read("gateway-definitions", 1).await.refused(404, "record not found").because("NotFound", &[]);
    let path = format!("/v0/gateway-definitions/{own}");
    let stale = [("Content-Type", "application/json"), ("If-Match", "\"0-0\"")];
    let refused = send(Method::PATCH, &path, &stale, r#"{"ServiceName":"a"}"#).await;
    refused.refused(412, "changed since").because("PreconditionFailed", &[]);
    send(Method::GET, &path, &[("Accept", "text/html")], "").await.refused(406, "JSON").because("NotAcceptable", &[]);
    let text = [("Content-Type", "text/plain")];
    send(Method::PATCH, &path, &text, "{}").await.refused(415, "JSON").because("UnsupportedMediaType", &[]);
    let huge = json!({"Name": "a", "YAMLDocument": "x".repeat(9 * 1024 * 1024)});
    post("workload-definitions", &huge).await.refused(413, "larger than 8 MiB").because("BodyTooLarge", &[]);
    let huge = json!({"Name": "a", "ServiceName": "x".repeat(3 * 1024 * 1024)});
    post("gateway-definitions", &huge).await.refused(413, "larger than 2 MiB").because("BodyTooLarge", &[]);
}

#[tokio::test]
async fn item_03_a_conflict_says_of_which_kind_it_is() {
    let chain = Chain::new().await;
    let definition = chain.id("gateway-definitions");
    let taken = read("gateway-definitions", definition).await.record()["Name"].clone();
    post("gateway-definitions", &json!({"Name": taken}))
        .await
        .refused(409, "already exists")
        .because("NameTaken", &["Name"]);
    let other = made("gateway-definitions", &json!({"Name": unique_name("rename")})).await;
    patch("gateway-definitions", other, &json!({"Name": taken}))
        .await
        .refused(409, "already exists")
        .because("NameTaken", &["Name"]);
    let same = chain.body("attached-object-references");
    post("attached-object-references", &same).await.refused(409, "already exists").because("AlreadyExists", &[]);
    delete("gateway-definitions", definition).await.refused(409, "cannot be deleted").because("InUse", &[]);

    // The chain's gateway has a domain name and ports that a second instance would answer to as well.
    let second = chain.body("gateway-instances");
    post("gateway-instances", &second).await.refused(409, "already held by").because("RouteTaken", &[]);
    let tcp = json!({"Name": unique_name("tcp"), "TcpPorts": [{"Port": 80}]});
    let mut instance = chain.body("gateway-instances");
    instance["GatewayDefinitionID"] = json!(made("gateway-definitions", &tcp).await);
    post("gateway-instances", &instance).await.refused(409, "can't stand beside").because("PortTaken", &[]);

    delete("gateway-instances", chain.id("gateway-instances")).await.done(200);
    let again = delete("gateway-instances", chain.id("gateway-instances")).await;
    again.refused(409, "already being deleted").because("BeingDeleted", &[]);
    delete("gateway-definitions", definition).await.done(200);
    let late = post("gateway-instances", &chain.body("gateway-instances")).await;
    late.refused(409, "is being deleted").because("BeingDeleted", &[]);
}

/// A refusal that only the database can give names its field, too.
#[tokio::test]
async fn item_03_a_refusal_of_the_database_names_its_field() {
    let (chain, other) = (Chain::up_to("gateway-definitions").await, Chain::up_to("workload-instances").await);
    let mut elsewhere = chain.body("gateway-instances");
    elsewhere["WorkloadInstanceID"] = json!(other.id("workload-instances"));
    let refused =
        post("gateway-instances", &elsewhere).await.refused(400, "KubernetesRuntimeInstanceID: workload instance");
    refused.because("InvalidField", &["KubernetesRuntimeInstanceID"]);

    let mut definition = chain.body("gateway-definitions");
    definition["SubDomain"] = Value::Null;
    definition["Hostnames"] = json!(["www.example.com"]);
    let mut instance = chain.body("gateway-instances");
    instance["GatewayDefinitionID"] = json!(made("gateway-definitions", &definition).await);
    made("gateway-http-ports", &json!({"GatewayDefinitionID": instance["GatewayDefinitionID"], "Port": 80})).await;
    let refused = post("gateway-instances", &instance).await.refused(400, "is not under the domain");
    refused.because("InvalidField", &["Hostnames"]);

    let plain = made("gateway-definitions", &json!({"Name": unique_name("plain")})).await;
    made("gateway-http-ports", &json!({"GatewayDefinitionID": plain, "Port": 443, "TLSEnabled": true})).await;
    instance["GatewayDefinitionID"] = json!(plain);
    post("gateway-instances", &instance).await.refused(400, "needs a domain").because("InvalidField", &["TLSEnabled"]);
}

/// Threeport checks the record first, then the keys (its own, associations, unknown ones), then values, then what is missing.
#[tokio::test]
async fn item_05_checks_come_in_their_order() {
    let own = made("gateway-definitions", &json!({"Name": unique_name("order")})).await;
    let mut body = json!({"ID": 1, "GatewayInstances": [], "Colour": 1, "ServiceName": 5});
    put("gateway-definitions", 1, &body).await.refused(404, "record not found");
    for (field, reason) in [
        ("ID", "SystemField"),
        ("GatewayInstances", "AssociatedField"),
        ("Colour", "UnknownField"),
        ("ServiceName", "InvalidField"),
    ] {
        put("gateway-definitions", own, &body).await.refused(400, field).because(reason, &[field]);
        body.as_object_mut().unwrap().remove(field);
    }
    body["SubDomain"] = json!("www");
    put("gateway-definitions", own, &body).await.refused(400, "Name").because("MissingField", &["Name"]);
    body["Name"] = json!(unique_name("order"));
    put("gateway-definitions", own, &body)
        .await
        .refused(400, "DomainNameDefinitionID")
        .because("InvalidField", &["SubDomain"]);
    body["SubDomain"] = Value::Null;
    assert_eq!(id(put("gateway-definitions", own, &body).await.done(200).record()), own);
}
