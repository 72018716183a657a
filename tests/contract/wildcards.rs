//! Hostnames that stand for many: one has one holder, and who claims a more specific hostname takes all that is for it, which is told before.

use causeway_testkit::{eventually, unique_name};
use http::Method;
use serde_json::{Value, json};

use crate::{JSON, chain::Chain, get, id, made, patch, post, send};

/// A gateway definition of these hostnames on port 80 that needs no Service: its route leads elsewhere.
async fn definition(name: &str, hostnames: Value) -> i64 {
    let away =
        json!([{"filters": [{"type": "RequestRedirect", "requestRedirect": {"hostname": "elsewhere.example.org"}}]}]);
    let body =
        json!({"Name": name, "Hostnames": hostnames, "HttpPorts": [{"Port": 80}], "HttpRoutes": [{"Rules": away}]});
    made("gateway-definitions", &body).await
}

#[tokio::test]
async fn a_wildcard_is_a_hostname_of_definitions_and_of_parts_of_them() {
    let name = unique_name("wild");
    let (wildcard, shop) = (format!("*.{name}.test"), format!("shop.{name}.test"));
    let own = definition(&name, json!([format!("*.{}.Test.", name.to_uppercase()), shop])).await;
    let stored = get(&format!("/v0/gateway-definitions/{own}")).await.done(200).record()["Hostnames"].clone();
    assert_eq!(stored, json!([wildcard, shop]), "in lower case, without a final dot");
    let route = json!({"GatewayDefinitionID": own, "Rules": [{"matches": [{"path": {"value": "/a"}}]}], "Hostnames": [wildcard]});
    made("gateway-http-routes", &route).await;
    for wrong in ["*", "*.", "a.*.test", "*shop.test", "*.*.test", "shop.*"] {
        let body = json!({"Name": unique_name("wild"), "Hostnames": [wrong]});
        post("gateway-definitions", &body).await.refused(400, "").because("InvalidField", &["Hostnames[0]"]);
    }
}

#[tokio::test]
async fn an_equal_wildcard_is_refused_and_its_holder_named() {
    let chain = Chain::up_to("workload-instances").await;
    let name = unique_name("wild");
    let first = definition(&format!("{name}-first"), json!([format!("*.{name}.test")])).await;
    let holder = chain.instance_of(first).await.done(201).record().clone();
    let same = definition(&format!("{name}-same"), json!([format!("*.{}.test", name.to_uppercase())])).await;
    let sentence = format!(
        "*.{name}.test/ on HTTP port 80 is already held by gateway instance {} (id {})",
        holder["Name"].as_str().unwrap(),
        id(&holder)
    );
    chain.instance_of(same).await.refused(409, &sentence).because("RouteTaken", &[]);
    // Those above and below it are others.
    let near = definition(&format!("{name}-near"), json!([format!("{name}.test"), format!("*.eu.{name}.test")])).await;
    chain.instance_of(near).await.done(201);
    let change = json!({"Hostnames": [format!("*.{name}.test")]});
    patch("gateway-definitions", near, &change).await.refused(409, &sentence).because("RouteTaken", &[]);
}

#[tokio::test]
async fn a_plan_tells_what_a_wildcard_loses_and_a_search_finds_who_serves_a_name() {
    let chain = Chain::up_to("workload-instances").await;
    let name = unique_name("wild");
    let (wildcard, shop) = (format!("*.{name}.test"), format!("shop.{name}.test"));
    let wild = definition(&format!("{name}-all"), json!([wildcard])).await;
    let holder = chain.instance_of(wild).await.done(201).record().clone();
    let holder_name = holder["Name"].as_str().unwrap();
    let of = definition(&format!("{name}-one"), json!([shop])).await;
    let instance = |own: &str, definition: i64| {
        json!({
            "Name": own, "GatewayDefinitionID": definition, "WorkloadInstanceID": chain.id("workload-instances"),
            "KubernetesRuntimeInstanceID": chain.id("kubernetes-runtime-instances"),
        })
    };
    let warnings = async |body: Value| {
        let plan = eventually("a plan, though others write", async || {
            let plan = send(Method::POST, "/v0/gateway-instances?plan=true", JSON, body.to_string()).await;
            if plan.body["Status"]["reason"] == "Contention" { Err(plan.text) } else { Ok(plan) }
        })
        .await;
        assert_eq!(plan.code, 200, "{}", plan.text);
        plan.record()["Warnings"].as_array().cloned().unwrap_or_default()
    };
    let one = format!("{name}-shop");
    let told = warnings(instance(&one, of)).await;
    let sentence = |by: &str| {
        format!(
            "of {wildcard} on HTTP port 80, everything for {shop} goes to gateway instance {by}, also what that doesn't answer"
        )
    };
    assert!(told.contains(&json!(format!("GatewayInstance {holder_name}: {}", sentence(&one)))), "{told:#?}");
    let made_one = made("gateway-instances", &instance(&one, of)).await;
    // The other way round: who comes with a wildcard is told what it doesn't get.
    let late = format!("{name}-late");
    let path = json!({"Name": late, "Hostnames": [wildcard], "HttpPorts": [{"Port": 80}], "HttpRoutes": [{"Rules": [
        {"matches": [{"path": {"value": "/late"}}], "filters": [{"type": "RequestRedirect", "requestRedirect": {"hostname": "late.example.org"}}]},
    ]}]});
    let path = made("gateway-definitions", &path).await;
    let told = warnings(instance(&late, path)).await;
    assert!(told.contains(&json!(format!("GatewayInstance {late}: {}", sentence(&one)))), "{told:#?}");

    let found = async |text: &str| get(&format!("/v0/search?q={text}&kind=GatewayInstance")).await.answered(200).ids();
    assert_eq!(found(&format!("cart.{name}.test")).await, [id(&holder)]);
    assert_eq!(found(&format!("a.cart.{name}.test")).await, [id(&holder)], "of however many labels");
    assert_eq!(found(&shop).await, [id(&holder), made_one]);
    let diagnosis = async |hostname: &str| {
        get(&format!("/v0/gateway-instances/{}/diagnosis?hostname={hostname}", id(&holder))).await
    };
    for other in [format!("{name}.test"), "cart.example.net".to_owned(), "a%20b.example".to_owned()] {
        diagnosis(&other).await.refused(400, "or one below a wildcard").because("InvalidQuery", &["hostname"]);
    }
}
