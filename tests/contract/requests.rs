//! What bodies may hold, and what becomes of them.

use causeway_testkit::unique_name;
use futures::future::join_all;
use serde_json::{Value, json};

use crate::{chain::Chain, confirm_deleted, delete, get, id, made, patch, post, put, read, send};

#[tokio::test]
async fn item_05_unknown_keys_are_refused() {
    let refusal = "Unsupported fields are not allowed : Colour";
    post("gateway-definitions", &json!({"Name": "a", "Colour": 1})).await.refused(400, refusal);
    let own = made("gateway-definitions", &json!({"Name": unique_name("keys")})).await;
    patch("gateway-definitions", own, &json!({"Colour": 1})).await.refused(400, refusal);
    put("gateway-definitions", own, &json!({"Name": "a", "Colour": 1})).await.refused(400, refusal);
}

#[tokio::test]
async fn item_05_empty_payloads_are_refused() {
    let own = made("gateway-definitions", &json!({"Name": unique_name("empty")})).await;
    for body in [json!({}), Value::Null, json!([])] {
        post("gateway-definitions", &body).await.refused(400, "JSON payload is empty");
        patch("gateway-definitions", own, &body).await.refused(400, "JSON payload is empty");
        put("gateway-definitions", own, &body).await.refused(400, "JSON payload is empty");
    }
}

#[tokio::test]
async fn item_05_what_the_system_sets_is_refused() {
    for field in ["ID", "CreatedAt", "UpdatedAt", "DeletedAt"] {
        let refusal = format!("Update of GORM Model fields is not allowed : {field}");
        post("gateway-definitions", &json!({"Name": "a", field: 1})).await.refused(400, &refusal);
    }
}

#[tokio::test]
async fn item_05_missing_fields_are_named_in_order() {
    let refusal = "Missing required field(s) : Name,KubernetesRuntimeInstanceID,GatewayDefinitionID,WorkloadInstanceID";
    post("gateway-instances", &json!({"Status": "x"})).await.refused(400, refusal);
    let refusal = "Missing required field(s) : Domain,AdminEmail";
    post("domain-name-definitions", &json!({"Name": "a", "Zone": "Public"})).await.refused(400, refusal);
    let null = json!({"Name": null, "ServiceName": "web"});
    post("gateway-definitions", &null).await.refused(400, "Missing required field(s) : Name");
}

#[tokio::test]
async fn item_05_keys_ignore_case() {
    let made = post("gateway-definitions", &json!({"name": unique_name("case"), "SERVICENAME": "web"})).await.done(201);
    assert_eq!(made.record()["ServiceName"], "web");
}

/// Threeport makes what is nested in a POST; Causeway takes an empty list and refuses others: such records have paths of their own.
#[tokio::test]
async fn item_06_nested_associations() {
    let own =
        post("gateway-definitions", &json!({"Name": unique_name("nested"), "GatewayInstances": [], "ProfileID": null}))
            .await;
    let own = id(own.done(201).record());
    let full = json!({"Name": "a", "GatewayInstances": [{"Name": "b"}]});
    post("gateway-definitions", &full).await.refused(400, "GatewayInstances");
    let refusal = "Update of associated objects is not allowed. Use PUT for each associated object : GatewayInstances";
    patch("gateway-definitions", own, &json!({"GatewayInstances": []})).await.refused(400, refusal);
    put("gateway-definitions", own, &json!({"Name": "a", "GatewayInstances": []})).await.refused(400, refusal);
}

#[tokio::test]
async fn item_07_names_are_unique_among_the_live() {
    let body = json!({"Name": unique_name("unique")});
    let answers = join_all((0..16).map(|_| post("gateway-definitions", &body))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.code == 201);
    assert_eq!((won.len(), lost.len()), (1, 15));
    for answer in lost {
        answer.refused(409, "object with provided name already exists");
    }
    let own = id(won[0].record());
    delete("gateway-definitions", own).await.done(200);
    post("gateway-definitions", &body).await.refused(409, "already exists");
    confirm_deleted("GatewayDefinition", own).await;
    post("gateway-definitions", &body).await.done(201);
}

#[tokio::test]
async fn item_08_defaults() {
    let chain = Chain::up_to("gateway-tcp-ports").await;
    let expect = [
        ("gateway-http-ports", json!({"Path": "/", "TLSEnabled": false, "HTTPSRedirect": false})),
        ("gateway-tcp-ports", json!({"TLSEnabled": false})),
        (
            "kubernetes-runtime-definitions",
            json!({
                "NodeSize": "Medium", "NodeProfile": "Balanced", "NodeMaximum": 250, "HighAvailability": false,
                "Reconciled": false, "CreationFailed": false, "InterruptReconciliation": false,
            }),
        ),
        (
            "kubernetes-runtime-instances",
            json!({"DefaultRuntime": false, "ThreeportControlPlaneHost": false, "ForceDelete": false}),
        ),
        ("gateway-instances", json!({"Reconciled": false, "CreationFailed": false, "InterruptReconciliation": false})),
    ];
    for (plural, defaults) in expect {
        let answer = read(plural, chain.id(plural)).await.done(200);
        for (field, value) in defaults.as_object().unwrap() {
            assert_eq!(&answer.record()[field], value, "{plural} {field}");
        }
    }
}

/// `null` in a POST is as good as nothing.
#[tokio::test]
async fn item_08_null_takes_the_default() {
    let body = json!({
        "Name": unique_name("null"), "Placement": null, "Reconciled": null, "CreationFailed": null, "ServiceName": null,
        "HttpPorts": [{"Port": 80, "Path": null, "TLSEnabled": null}], "TcpPorts": null,
    });
    let made = post("gateway-definitions", &body).await.done(201);
    let record = made.record();
    assert_eq!(
        (&record["Placement"], &record["Reconciled"], &record["CreationFailed"]),
        (&json!("Shared"), &json!(false), &json!(false))
    );
    assert_eq!((&record["HttpPorts"][0]["Path"], &record["HttpPorts"][0]["TLSEnabled"]), (&json!("/"), &json!(false)));
    assert!(record.get("ServiceName").is_none() && record.get("TcpPorts").is_none(), "{}", made.text);
}

#[tokio::test]
async fn item_09_ports_are_made_with_their_definition() {
    let body = json!({
        "Name": unique_name("ports"), "HttpPorts": [{"Port": 80, "Path": "/a"}, {"Port": 8080}], "TcpPorts": [{"Port": 5432}],
        "UdpPorts": [{"Port": 5432}, {"Port": 53}], "HttpRoutes": [{"Rules": [{}]}], "GrpcRoutes": [{"Rules": [{}], "Ports": [8080]}],
    });
    let answer = post("gateway-definitions", &body).await.done(201);
    let own = id(answer.record());
    let stored = read("gateway-definitions", own).await.done(200);
    assert!(stored.record().get("HttpPorts").is_none() && stored.record().get("TcpPorts").is_none());
    for (plural, field, count) in [
        ("gateway-http-ports", "HttpPorts", 2),
        ("gateway-tcp-ports", "TcpPorts", 1),
        ("gateway-udp-ports", "UdpPorts", 2),
        ("gateway-http-routes", "HttpRoutes", 1),
        ("gateway-grpc-routes", "GrpcRoutes", 1),
    ] {
        let listed = get(&format!("/v0/{plural}?gatewaydefinitionid={own}")).await;
        let listed = listed.body["Data"].as_array().unwrap();
        assert_eq!(listed.len(), count);
        assert!(listed.iter().all(|port| port["GatewayDefinitionID"] == own && port["CreatedAt"].is_string()));
        assert_eq!(answer.record()[field].as_array(), Some(listed), "{}", answer.text);
    }
}

/// Threeport ignores ports in PATCH; Causeway puts them in the place of the stored ones.
#[tokio::test]
async fn item_09_ports_in_a_patch_replace_the_stored() {
    let own = made("gateway-definitions", &json!({"Name": unique_name("ports"), "HttpPorts": [{"Port": 80}]})).await;
    patch("gateway-definitions", own, &json!({"HttpPorts": [{"Port": 81}, {"Port": 82}]})).await.done(200);
    let listed = get(&format!("/v0/gateway-http-ports?gatewaydefinitionid={own}")).await;
    let ports: Vec<_> = listed.body["Data"].as_array().unwrap().iter().map(|port| port["Port"].clone()).collect();
    assert_eq!(ports, [81, 82]);
}

/// What is null or empty is not there, as everywhere; what is as it is stored is no change.
#[tokio::test]
async fn item_10_ports_that_stay_the_same_are_not_made_again() {
    let ports = json!([{"Port": 80, "Path": "/a"}, {"Port": 81}]);
    let own = made("gateway-definitions", &json!({"Name": unique_name("ports"), "HttpPorts": ports})).await;
    let stored = async || {
        let listed = get(&format!("/v0/gateway-http-ports?gatewaydefinitionid={own}")).await.ids();
        (listed, read("gateway-definitions", own).await.done(200).record()["Generation"].clone())
    };
    let before = stored().await;
    let turned = json!([{"Port": 81, "HTTPSRedirect": false}, {"Port": 80, "Path": "/a"}]);
    for same in [json!(null), json!([]), ports, turned] {
        patch("gateway-definitions", own, &json!({"HttpPorts": same, "TcpPorts": null})).await.done(200);
        assert_eq!(stored().await, before);
    }
    patch("gateway-definitions", own, &json!({"HttpPorts": [{"Port": 81}]})).await.done(200);
    let after = stored().await;
    assert_eq!((after.0.len(), &after.1), (1, &json!(before.1.as_i64().unwrap() + 1)));
}

#[tokio::test]
async fn item_10_patch_merges() {
    let body = json!({"Name": unique_name("patch"), "ServiceName": "web", "GatewayClassName": "other"});
    let before = post("gateway-definitions", &body).await.done(201);
    let own = id(before.record());
    let change = json!({"ServiceName": "shop", "GatewayClassName": null});
    let after = patch("gateway-definitions", own, &change).await.done(200);
    let (before, after) = (before.record(), after.record());
    assert_eq!((&after["ServiceName"], &after["GatewayClassName"]), (&json!("shop"), &json!("other")));
    assert_eq!(after["CreatedAt"], before["CreatedAt"]);
    assert!(after["UpdatedAt"].as_str() > before["UpdatedAt"].as_str());
    patch("gateway-definitions", 1, &change).await.refused(404, "record not found");
}

/// Threeport's PUT empties booleans too and breaks the next PATCH; Causeway puts defaults back.
#[tokio::test]
async fn item_11_put_clears_what_is_left_out() {
    let own = made("gateway-definitions", &json!({"Name": unique_name("put"), "ServiceName": "web"})).await;
    put("gateway-definitions", own, &json!({"ServiceName": "a"}))
        .await
        .refused(400, "Missing required field(s) : Name");
    let after = put("gateway-definitions", own, &json!({"Name": unique_name("put")})).await.done(200);
    assert!(after.record().get("ServiceName").is_none());
    assert!(after.record()["Reconciled"] == false && after.record()["InterruptReconciliation"] == false);
    patch("gateway-definitions", own, &json!({"ServiceName": "again"})).await.done(200);
}

#[tokio::test]
async fn item_12_definitions_stay_while_they_have_instances() {
    let chain = Chain::up_to("domain-name-instances").await;
    let refused = async |chain: &Chain, plural: &str, words: &str, related: &str| {
        let refusal = format!("{words} has related {related} - cannot be deleted");
        delete(plural, chain.id(plural)).await.refused(409, &refusal);
    };
    refused(&chain, "domain-name-definitions", "domain name definition", "domain name instances").await;
    refused(&chain, "workload-definitions", "workload definition", "workload instances").await;
    let runtimes = ("kubernetes runtime definition", "kubernetes runtime instances");
    refused(&chain, "kubernetes-runtime-definitions", runtimes.0, runtimes.1).await;
    let chain = Chain::up_to("gateway-instances").await;
    refused(&chain, "gateway-definitions", "gateway definition", "gateway instances").await;
    // Threeport lets a domain go from under its gateways.
    refused(&chain, "domain-name-definitions", "domain name definition", "gateway definitions").await;
}

/// Threeport takes ids that name nothing; Causeway says which.
#[tokio::test]
async fn item_12_parents_must_be_there() {
    let chain = Chain::up_to("gateway-instances").await;
    for field in ["KubernetesRuntimeInstanceID", "GatewayDefinitionID", "WorkloadInstanceID"] {
        let mut body = chain.body("gateway-instances");
        body[field] = json!(1);
        post("gateway-instances", &body).await.refused(400, field);
    }
}

#[tokio::test]
async fn item_17_a_set_is_made_whole_or_not_at_all() {
    let chain = Chain::up_to("workload-definitions").await;
    let of = chain.id("workload-definitions");
    let one = |name: &str| {
        let manifest = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
        json!({"JSONDefinition": manifest, "WorkloadDefinitionID": of})
    };
    let path = "workload-resource-definition-sets";
    let answer = post(path, &json!([one("a"), one("b"), one("c")])).await;
    assert_eq!((answer.code, answer.ids().len()), (201, 3), "{}", answer.text);
    assert_eq!(answer.body["Type"], "WorkloadResourceDefinition");
    assert_eq!((&answer.body["Meta"]["Size"], &answer.body["Meta"]["TotalCount"]), (&json!(3), &json!(3)));
    let mut bad = one("e");
    bad["WorkloadDefinitionID"] = json!(1);
    post(path, &json!([one("d"), bad])).await.refused(400, "WorkloadDefinitionID");
    post(path, &one("f")).await.refused(400, "array");
    let listed = get(&format!("/v0/workload-resource-definitions?workloaddefinitionid={of}")).await;
    assert_eq!(listed.ids(), answer.ids());
}

/// As large as a workload definition, and no larger than the API and its workers can hold.
#[tokio::test]
async fn item_17_a_set_has_the_limits_of_manifests() {
    let chain = Chain::up_to("workload-definitions").await;
    let of = chain.id("workload-definitions");
    let one = |name: &str, spec: Value| {
        let manifest = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "spec": spec});
        json!({"JSONDefinition": manifest, "WorkloadDefinitionID": of})
    };
    let path = "workload-resource-definition-sets";
    let large = json!("x".repeat(1 << 20));
    let three = post(path, &json!([one("a", large.clone()), one("b", large.clone()), one("c", large.clone())])).await;
    assert_eq!((three.code, three.ids().len()), (201, 3), "{}", three.text);
    let nine: Vec<_> = (0..9).map(|n| one(&format!("n{n}"), large.clone())).collect();
    let refused = post(path, &json!(nine)).await.refused(413, "larger than 8 MiB").because("BodyTooLarge", &[]);
    assert_eq!(refused.body["Type"], "WorkloadResourceDefinition");
    // Each is small enough; together they are not.
    let values = json!(vec![0; 200_000]);
    let many = post(path, &json!([one("d", values.clone()), one("e", values.clone()), one("f", values)])).await;
    let many = many.refused(400, "further sets").because("InvalidField", &["[2].JSONDefinition"]);
    assert!(many.text.contains("more than 500000 values"), "{}", many.text);
    let listed = get(&format!("/v0/workload-resource-definitions?workloaddefinitionid={of}")).await;
    assert_eq!(listed.ids(), three.ids());
}

/// The embedded raw JSON comes back as it was sent.
#[tokio::test]
async fn item_17_manifests_keep_their_content() {
    let chain = Chain::up_to("workload-definitions").await;
    let manifest =
        json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a"}, "data": {"z": "1", "a": "2"}});
    let body = json!({"JSONDefinition": manifest, "WorkloadDefinitionID": chain.id("workload-definitions")});
    let answer = post("workload-resource-definitions", &body).await.done(201);
    assert_eq!(answer.record()["JSONDefinition"], manifest);
    let json = [("Content-Type", "application/json; charset=utf-8")];
    send(reqwest::Method::POST, "/v0/workload-resource-definitions", &json, body.to_string()).await.done(201);
}
