//! What the API refuses: with a 4xx whose sentence names the field and the remedy, whatever comes in.

use crate::api_alone::{assert_unharmed, get, platform, post, raw, refused};
use causeway_testkit::id_of;
use http::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_field_that_is_wrong_is_named_with_what_would_be_right() {
    let long_host = format!("{}.example", "abc.".repeat(75));
    let cases: &[(&str, Value, &[&str])] = &[
        ("gateway-definitions", json!({"Name": 7}), &["Name", "integer `7`", "expected a string"]),
        ("gateway-definitions", json!({"Name": "a", "HttpPorts": {"Port": 80}}), &["HttpPorts", "an array"]),
        ("gateway-definitions", json!({"Name": "a", "HttpPorts": ["80"]}), &["HttpPorts[0]", "a JSON object"]),
        ("gateway-definitions", json!({"Name": "a", "HttpPorts": [{"Port": "80"}]}), &["HttpPorts[0].Port", "string"]),
        (
            "gateway-definitions",
            json!({"Name": "a", "HttpPorts": [{"Port": -1}]}),
            &["HttpPorts[0].Port", "1 to 65535"],
        ),
        (
            "gateway-definitions",
            json!({"Name": "a", "TcpPorts": [{"Port": 65536}]}),
            &["TcpPorts[0].Port", "1 to 65535"],
        ),
        ("gateway-definitions", json!({"Name": "a", "HttpPorts": [{}]}), &["HttpPorts[0]", "Missing", "Port"]),
        ("gateway-definitions", json!({"Name": "a", "Colour": "red"}), &["Unsupported fields", "Colour"]),
        ("gateway-definitions", json!({"Name": "a", "HttpPorts": [{"Port": 1, "Hue": 1}]}), &["HttpPorts[0]", "Hue"]),
        ("gateway-definitions", json!({"Name": "a", "ID": 1}), &["ID"]),
        ("gateway-definitions", json!({"Name": ""}), &["Name", "1 to 253 characters"]),
        ("gateway-definitions", json!({"Name": "a\u{0}b"}), &["Name", "control character", "remove it"]),
        ("gateway-definitions", json!({"Name": "a", "Placement": "Mars"}), &["Placement", "Shared", "Dedicated"]),
        ("gateway-definitions", json!({"ServiceName": "a"}), &["Missing required", "Name"]),
        (
            "gateway-definitions",
            json!({"Name": "a", "HttpPorts": [{"Port": 443, "TLSEnabled": true}]}),
            &["TLSEnabled on port 443", "DomainNameDefinitionID"],
        ),
        (
            "domain-name-definitions",
            json!({"Name": "a", "Domain": long_host, "Zone": "Public", "AdminEmail": "a@b.example"}),
            &["Domain", "at most 253"],
        ),
        (
            "domain-name-definitions",
            json!({"Name": "a", "Domain": "a.example", "Zone": "Privat", "AdminEmail": "a@b.example"}),
            &["Zone", "Privat", "Public", "Private"],
        ),
        (
            "domain-name-definitions",
            json!({"Name": "a", "Domain": "a_b.example", "Zone": "Public", "AdminEmail": "a@b.example"}),
            &["Domain", "letters, digits and hyphens"],
        ),
        (
            "domain-name-definitions",
            json!({"Name": "a", "Domain": "a.example", "Zone": "Public", "AdminEmail": "nobody"}),
            &["AdminEmail"],
        ),
        (
            "domain-name-definitions",
            json!({"Name": "a", "Domain": "a.example", "Zone": "Public", "AdminEmail": "a@b.example", "TTL": 0}),
            &["TTL", "1 to 604800"],
        ),
        ("workload-definitions", json!({"Name": "a", "YAMLDocument": "a\u{0}"}), &["YAMLDocument", "NUL", "remove it"]),
        (
            "workload-definitions",
            json!({"Name": "a", "YAMLDocument": "a: [b"}),
            &["YAMLDocument", "document 1, line 1", "no YAML"],
        ),
        (
            "workload-definitions",
            json!({"Name": "a", "YAMLDocument": "just a text"}),
            &["YAMLDocument", "document 1", "kind"],
        ),
        (
            "workload-definitions",
            json!({"Name": "a", "YAMLDocument": "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n- b"}),
            &["YAMLDocument", "document 2"],
        ),
        (
            "workload-definitions",
            json!({"Name": "a", "YAMLDocument": "apiVersion: v1\nkind: ConfigMap"}),
            &["YAMLDocument", "ConfigMap", "metadata.name", "add one"],
        ),
        (
            "workload-definitions",
            json!({"Name": "a", "YAMLDocument": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: [b]}"}),
            &["YAMLDocument", "metadata.labels", "a map"],
        ),
        (
            "workload-resource-definitions",
            json!({"WorkloadDefinitionID": 1, "JSONDefinition": {"apiVersion": "v1", "kind": "ConfigMap"}}),
            &["JSONDefinition", "ConfigMap", "metadata.name", "add one"],
        ),
        (
            "workload-resource-definitions",
            json!({"WorkloadDefinitionID": 1, "JSONDefinition": {"apiVersion": "v1", "kind": "x", "a": ["\u{0}"]}}),
            &["JSONDefinition", "NUL"],
        ),
        (
            "workload-resource-definitions",
            json!({"WorkloadDefinitionID": 1, "JSONDefinition": {"kind": "x"}}),
            &["JSONDefinition", "apiVersion"],
        ),
        (
            "workload-instances",
            json!({"Name": "a", "KubernetesRuntimeInstanceID": 1, "WorkloadDefinitionID": 9_223_372_036_854_775_808_u64}),
            &["WorkloadDefinitionID", "9223372036854775808"],
        ),
        (
            "workload-instances",
            json!({"Name": "a", "KubernetesRuntimeInstanceID": 1, "WorkloadDefinitionID": 1.5}),
            &["WorkloadDefinitionID", "1.5"],
        ),
        (
            "kubernetes-runtime-instances",
            json!({"Name": "a", "Location": "Local", "KubernetesRuntimeDefinitionID": 1, "APIEndpoint": "http://a:1"}),
            &["APIEndpoint", "https://"],
        ),
        (
            "kubernetes-runtime-instances",
            json!({"Name": "a", "Location": "Local", "KubernetesRuntimeDefinitionID": 1, "Certificate": "x"}),
            &["Certificate", "CertificateKey", "both"],
        ),
    ];
    for (plural, body, says) in cases {
        refused(&post(plural, body.to_string()).await, 400, says);
    }
    assert_unharmed(platform().await).await;
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused() {
    for empty in ["{}", "null", "[]"] {
        refused(&post("gateway-definitions", empty).await, 400, &["JSON payload is empty"]);
    }
    for broken in ["", " ", "{", r#"{"Name": "a""#, r#"{"Name": "a"}}"#, r#"{"Name" "a"}"#, "\u{0}", "<a/>"] {
        refused(&post("gateway-definitions", broken).await, 400, &["line 1 column"]);
    }
    refused(&post("gateway-definitions", r#"[{"Name": "a"}]"#).await, 400, &["expected a JSON object, got an array"]);
    refused(&post("gateway-definitions", "7").await, 400, &["expected a JSON object"]);
    refused(&post("gateway-definitions", b"{\"Name\": \"\xff\"}".to_vec()).await, 400, &["Name"]);
    let deep = format!(r#"{{"WorkloadDefinitionID": 1, "JSONDefinition": {}1{}}}"#, "[".repeat(9999), "]".repeat(9999));
    refused(&post("workload-resource-definitions", deep).await, 400, &["JSONDefinition", "recursion limit"]);
    assert_unharmed(platform().await).await;
}

#[tokio::test]
async fn a_body_of_another_type_or_too_large_is_refused() {
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/yaml"] {
        let answer = raw(Method::POST, "/v0/gateway-definitions", content_type, r#"{"Name": "a"}"#).await;
        refused(&answer, 415, &["Content-Type: application/json"]);
    }
    let huge = json!({"Name": "a", "YAMLDocument": "x".repeat(9 * 1024 * 1024)}).to_string();
    refused(
        &post("workload-definitions", huge).await,
        413,
        &["larger than 8 MiB", "send less", "--manifest-body-limit", "workload-resource-definition"],
    );
    let huge = json!({"Name": "a", "ServiceName": "x".repeat(3 * 1024 * 1024)}).to_string();
    refused(&post("gateway-definitions", huge).await, 413, &["larger than 2 MiB", "send less"]);
    assert_unharmed(platform().await).await;
}

#[tokio::test]
async fn an_id_that_is_no_number_is_refused_and_never_reaches_sql() {
    for id in
        ["abc", "1;DROP%20TABLE%20workers", "1%20OR%201=1", "%27%27", "1.0", "0x10", "9223372036854775808", "1%00"]
    {
        for method in [Method::GET, Method::DELETE] {
            let answer = raw(method, &format!("/v0/gateway-definitions/{id}"), "application/json", "").await;
            refused(&answer, 400, &["is no id", "a whole number"]);
        }
        for method in [Method::PATCH, Method::PUT] {
            let path = format!("/v0/gateway-definitions/{id}");
            refused(&raw(method, &path, "application/json", r#"{"Name": "a"}"#).await, 400, &["is no id"]);
        }
    }
    for id in ["-1", "0", "9223372036854775807"] {
        refused(&get(&format!("/v0/gateway-definitions/{id}")).await, 404, &["record not found"]);
    }
    refused(&get("/v0/gateway-definitions/%ff").await, 400, &["the request can't be read", "path"]);
    assert_unharmed(platform().await).await;
}

#[tokio::test]
async fn a_filter_is_compared_and_never_read_as_sql() {
    let client = platform().await.client();
    let name = "it's \"quoted\"; -- ";
    let id = id_of(&client.create("aws-accounts", &account(name)).await.unwrap()).unwrap();
    let escaped = "it%27s%20%22quoted%22%3B%20--%20";
    let found = client.list("aws-accounts", &format!("name={escaped}")).await.unwrap();
    assert_eq!(found.iter().filter_map(|record| record["ID"].as_i64()).collect::<Vec<_>>(), [id]);
    for trick in ["x%27%20OR%20%271%27=%271", "%25", "_", "%5C", "%27%3B%20DROP%20TABLE%20aws_accounts%3B%20--"] {
        assert_eq!(
            client.list("aws-accounts", &format!("name={trick}")).await.unwrap(),
            Vec::<Value>::new(),
            "{trick}"
        );
    }
    let refusals: &[(&str, &[&str])] = &[
        ("workload-instances?workloaddefinitionid=1%20OR%201=1", &["WorkloadDefinitionID"]),
        ("workload-instances?workloaddefinitionid=9223372036854775808", &["WorkloadDefinitionID", "too large"]),
        ("workload-instances?reconciled=perhaps", &["Reconciled", "true"]),
        ("workload-instances?name=%00", &["Name", "NUL"]),
        ("workload-instances?status=%00", &["Status", "NUL"]),
        ("workload-instances?page=x", &["page", "integer"]),
        ("workload-instances?size=99999999999999999999", &["size", "integer"]),
        ("workload-instances?size=-7", &["size", "integer"]),
        ("gateway-definitions?placement=Mars", &["Placement", "Shared, Dedicated"]),
        ("events-join-attached-object-references?objectid=x", &["is no id"]),
        ("events-join-attached-object-references", &["object ID"]),
    ];
    for (query, says) in refusals {
        refused(&get(&format!("/v0/{query}")).await, 400, says);
    }
    let far = get("/v0/workload-instances?page=9223372036854775807&size=9223372036854775807").await;
    assert_eq!((far.code, &far.body["Data"]), (200, &json!([])));
    assert_unharmed(platform().await).await;
}

fn account(name: &str) -> Value {
    json!({"Name": name, "AccountID": "1", "DefaultRegion": "eu-west-1"})
}

#[tokio::test]
async fn a_parent_that_is_not_there_or_stands_elsewhere_is_named() {
    let client = platform().await.client();
    let made = |plural: &'static str, body: Value| {
        let client = client.clone();
        async move { id_of(&client.create(plural, &body).await.unwrap()).unwrap() }
    };
    let kind = made("kubernetes-runtime-definitions", json!({"Name": "parents", "InfraProvider": "kind"})).await;
    let runtime = |name: &str| json!({"Name": name, "Location": "Local", "KubernetesRuntimeDefinitionID": kind});
    let here = made("kubernetes-runtime-instances", runtime("parents-here")).await;
    let there = made("kubernetes-runtime-instances", runtime("parents-there")).await;
    let of = made("workload-definitions", json!({"Name": "parents", "YAMLDocument": "{}"})).await;
    let workload = json!({"Name": "parents", "KubernetesRuntimeInstanceID": here, "WorkloadDefinitionID": of});
    let workload = made("workload-instances", workload).await;
    let gateway = made("gateway-definitions", json!({"Name": "parents", "HttpPorts": [{"Port": 80}]})).await;
    let domain = json!({"Name": "parents", "Domain": "parents.example", "Zone": "Public", "AdminEmail": "a@b.example"});
    let domain = made("domain-name-definitions", domain).await;

    let missing = 4_611_686_018_427_387_904_i64;
    let gateway_instance = |of: i64, workload: i64, runtime: i64| json!({"Name": "p", "GatewayDefinitionID": of, "WorkloadInstanceID": workload, "KubernetesRuntimeInstanceID": runtime});
    let domain_instance = |of: i64, workload: i64, runtime: i64| json!({"Name": "p", "DomainNameDefinitionID": of, "WorkloadInstanceID": workload, "KubernetesRuntimeInstanceID": runtime});
    let cases: &[(&str, Value, &[&str])] = &[
        ("gateway-instances", gateway_instance(missing, workload, here), &["GatewayDefinitionID", "there is no"]),
        ("gateway-instances", gateway_instance(gateway, missing, here), &["WorkloadInstanceID", "there is no"]),
        ("gateway-instances", gateway_instance(gateway, workload, missing), &["KubernetesRuntimeInstanceID", "no"]),
        // An id of another kind is no id of this one.
        ("gateway-instances", gateway_instance(workload, workload, here), &["GatewayDefinitionID", "there is no"]),
        (
            "gateway-instances",
            gateway_instance(gateway, workload, there),
            &["KubernetesRuntimeInstanceID", "another cluster"],
        ),
        (
            "domain-name-instances",
            domain_instance(domain, workload, there),
            &["KubernetesRuntimeInstanceID", "another cluster"],
        ),
        ("domain-name-instances", domain_instance(missing, workload, here), &["DomainNameDefinitionID", "there is no"]),
        (
            "gateway-http-ports",
            json!({"GatewayDefinitionID": missing, "Port": 81}),
            &["GatewayDefinitionID", "there is no"],
        ),
        (
            "workload-resource-definition-sets",
            json!([{"WorkloadDefinitionID": missing, "JSONDefinition": {"apiVersion": "v1", "kind": "x", "metadata": {"name": "x"}}}]),
            &["WorkloadDefinitionID", "there is no"],
        ),
    ];
    for (plural, body, says) in cases {
        refused(&post(plural, body.to_string()).await, 400, says);
    }
    assert_unharmed(platform().await).await;
}
