//! Shared gateways that somebody makes: their fields, who attaches, and what is refused with which remedy.

use causeway_testkit::{Answer, unique_name};
use serde_json::{Value, json};

use crate::{chain::Chain, delete, get, id, made, patch, post, put, read};

/// A shared gateway for the hostnames below its own name, with `more` fields.
fn gateway(chain: &Chain, name: &str, more: Value) -> Value {
    let mut body = json!({
        "Name": name, "KubernetesRuntimeInstanceID": chain.id("kubernetes-runtime-instances"), "Namespace": "ingress",
        "Listeners": [
            {"Name": "http", "Port": 80, "Protocol": "HTTP", "Hostname": format!("*.{name}.test")},
            {"Name": "db", "Port": 443, "Protocol": "TLS", "TLSMode": "Passthrough", "Hostname": format!("db.{name}.test")},
        ],
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn selecting() -> Value {
    json!({"AttachableBy": "Selector", "NamespaceSelector": {"purpose": "workloads"}})
}

async fn definition(hostname: &str, port: Value) -> i64 {
    let body = json!({"Name": unique_name("attached"), "Hostnames": [hostname], "HttpPorts": [port]});
    made("gateway-definitions", &body).await
}

fn attaching(chain: &Chain, definition: i64, gateway: i64) -> Value {
    json!({
        "Name": unique_name("attached"), "GatewayDefinitionID": definition, "SharedGatewayID": gateway,
        "WorkloadInstanceID": chain.id("workload-instances"),
        "KubernetesRuntimeInstanceID": chain.id("kubernetes-runtime-instances"),
    })
}

async fn attach(chain: &Chain, definition: i64, gateway: i64) -> Answer {
    post("gateway-instances", &attaching(chain, definition, gateway)).await
}

async fn label(chain: &Chain, value: &str) {
    let labels = json!({"NamespaceLabels": {"purpose": value}});
    patch("workload-instances", chain.id("workload-instances"), &labels).await.done(200);
}

#[tokio::test]
async fn a_shared_gateway_is_made_read_changed_and_deleted() {
    let chain = Chain::up_to("workload-instances").await;
    let name = unique_name("made");
    let body = gateway(&chain, &name, selecting());
    let own = id(post("shared-gateways", &body).await.done(201).record());
    let stored = read("shared-gateways", own).await.done(200);
    for field in ["Namespace", "Listeners", "AttachableBy", "NamespaceSelector"] {
        assert_eq!(stored.record()[field], body[field], "{}", stored.text);
    }
    assert_eq!(
        get("/v0/shared-gateways?namespace=ingress&attachableby=Selector&size=100")
            .await
            .ids()
            .iter()
            .filter(|id| **id == own)
            .count(),
        1
    );
    // A second one of the cluster and class stands beside it.
    made("shared-gateways", &gateway(&chain, &unique_name("made"), json!({}))).await;
    let listeners =
        json!({"Listeners": [{"Name": "http", "Port": 8080, "Protocol": "HTTP"}], "Addresses": ["192.0.2.7"]});
    let changed = patch("shared-gateways", own, &listeners).await.done(200);
    assert_eq!(
        (&changed.record()["Listeners"], &changed.record()["Addresses"]),
        (&listeners["Listeners"], &listeners["Addresses"])
    );
    let moved = patch("shared-gateways", own, &json!({"Namespace": "elsewhere"})).await;
    moved.refused(400, "can't be changed").because("ImmutableField", &["Namespace"]);
    let mut bare = body.clone();
    bare.as_object_mut().unwrap().retain(|field, _| !["AttachableBy", "NamespaceSelector"].contains(&field.as_str()));
    let put = put("shared-gateways", own, &bare).await.done(200);
    assert!(
        put.record().get("AttachableBy").is_none() && put.record().get("NamespaceSelector").is_none(),
        "{}",
        put.text
    );
    delete("shared-gateways", own).await.done(200);
}

#[tokio::test]
async fn what_no_gateway_can_have_is_refused_with_the_field() {
    let chain = Chain::up_to("domain-name-definitions").await;
    let listener = |more: Value| {
        let mut listener = json!({"Name": "a", "Port": 443, "Protocol": "HTTPS"});
        listener.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"Listeners": [listener]})
    };
    let http = |port: i32| json!({"Name": format!("http-{port}"), "Port": port, "Protocol": "HTTP"});
    for (more, field, sentence) in [
        (listener(json!({})), "Listeners[0].SecretName", "is needed where the Gateway ends TLS"),
        (
            json!({"DomainNameDefinitionID": chain.id("domain-name-definitions"), "Listeners": [{"Name": "a", "Port": 443, "Protocol": "HTTPS"}]}),
            "Listeners[0].Hostname",
            "is needed for the certificate that is ordered",
        ),
        (
            json!({
                "DomainNameDefinitionID": chain.id("domain-name-definitions"),
                "Listeners": [{"Name": "a", "Port": 443, "Protocol": "HTTPS", "Hostname": "*.elsewhere.test"}],
            }),
            "Listeners[0].Hostname",
            "*.elsewhere.test is not below",
        ),
        (listener(json!({"Port": 0})), "Listeners[0].Port", "0 is out of range"),
        (listener(json!({"Protocol": "SCTP"})), "Listeners[0].Protocol", "unknown variant `SCTP`"),
        (
            listener(json!({"Hostname": "a.*.test"})),
            "Listeners[0].Hostname",
            "may hold letters, digits and hyphens only",
        ),
        (listener(json!({"Name": "A_b"})), "Listeners[0].Name", "may hold letters, digits and hyphens only"),
        (json!({"Listeners": []}), "Listeners", "holds 0 listeners; 1 to 64 are allowed"),
        (json!({"Listeners": [http(80), http(10080)]}), "Listeners[1].Port", "the proxy binds both to 10080"),
        (json!({"AttachableBy": "Everybody"}), "AttachableBy", "unknown variant `Everybody`"),
        (json!({"AttachableBy": "Selector"}), "NamespaceSelector", "is needed with AttachableBy Selector"),
        (
            json!({"AttachableBy": "Selector", "NamespaceSelector": {"a b": "c"}}),
            "NamespaceSelector",
            "is no key of a label",
        ),
        (json!({"WorkloadInstanceIDs": [7]}), "WorkloadInstanceIDs", "goes with AttachableBy WorkloadInstances"),
    ] {
        let answer =
            post("shared-gateways", &gateway(&chain, &unique_name("wrong"), more)).await.refused(400, sentence);
        answer.because("InvalidField", &[field]);
    }
    let runtime = chain.id("kubernetes-runtime-instances");
    let alone = json!({"Name": unique_name("wrong"), "KubernetesRuntimeInstanceID": runtime, "Namespace": "ingress"});
    post("shared-gateways", &alone).await.refused(400, "goes with Namespace").because("InvalidField", &["Listeners"]);
    let labels = json!({"NamespaceLabels": {"causeway.dev/owner": "me"}});
    let answer = patch("workload-instances", chain.id("workload-instances"), &labels).await;
    answer.refused(400, "is set by the system").because("InvalidField", &["NamespaceLabels"]);
}

#[tokio::test]
async fn without_being_let_nobody_attaches() {
    let chain = Chain::up_to("workload-instances").await;
    let workload = chain.id("workload-instances");
    let name = unique_name("guarded");
    let own = made("shared-gateways", &gateway(&chain, &name, json!({}))).await;
    let web = definition(&format!("a.{name}.test"), json!({"Port": 80})).await;
    let sentence = "attach: it takes workloads in its own namespace ingress; ask an admin";
    attach(&chain, web, own).await.refused(409, sentence).because("NotAttachable", &["SharedGatewayID"]);
    patch("shared-gateways", own, &selecting()).await.done(200);
    label(&chain, "other").await;
    let sentence = "it takes workload instances whose NamespaceLabels have purpose=workloads";
    attach(&chain, web, own).await.refused(409, sentence).because("NotAttachable", &["SharedGatewayID"]);
    label(&chain, "workloads").await;
    let instance = id(attach(&chain, web, own).await.done(201).record());
    delete("gateway-instances", instance).await.done(200);
    crate::confirm_deleted("GatewayInstance", instance).await;

    let named = |ids: Value| json!({"AttachableBy": "WorkloadInstances", "WorkloadInstanceIDs": ids, "NamespaceSelector": null});
    let mut body = gateway(&chain, &unique_name("guarded"), named(json!([own])));
    body["Listeners"] = json!([{"Name": "http", "Port": 80, "Protocol": "HTTP"}]);
    let by_name = made("shared-gateways", &body).await;
    let sentence = "it takes the workload instances that its WorkloadInstanceIDs name";
    attach(&chain, web, by_name).await.refused(409, sentence).because("NotAttachable", &["SharedGatewayID"]);
    patch("shared-gateways", by_name, &json!({"WorkloadInstanceIDs": [own, workload]})).await.done(200);
    attach(&chain, web, by_name).await.done(201);
}

#[tokio::test]
async fn what_has_no_listener_is_refused_and_claims_have_one_holder() {
    let chain = Chain::up_to("workload-instances").await;
    let name = unique_name("shared");
    let own = made("shared-gateways", &gateway(&chain, &name, json!({"AttachableBy": "All"}))).await;
    let host = format!("a.{name}.test");
    let web = definition(&host, json!({"Port": 80})).await;
    let holder = attach(&chain, web, own).await.done(201);
    let (instance, holder) = (id(holder.record()), holder.record()["Name"].as_str().unwrap().to_owned());
    for (hostname, port, what) in [
        (host.clone(), json!({"Port": 8080}), format!("HTTP port 8080 for {host}")),
        (format!("{name}.test"), json!({"Port": 80}), format!("HTTP port 80 for {name}.test")),
        (
            format!("db.{name}.test"),
            json!({"Port": 443, "TLSEnabled": false}),
            format!("HTTP port 443 for db.{name}.test"),
        ),
    ] {
        let sentence =
            format!("has no listener for {what}; it has http (HTTP port 80 for *.{name}.test), db (TLS passthrough");
        let definition = definition(&hostname, port).await;
        attach(&chain, definition, own).await.refused(409, &sentence).because("NotAttachable", &["SharedGatewayID"]);
    }
    let answer = patch("gateway-definitions", web, &json!({"HttpPorts": [{"Port": 80}, {"Port": 81}]})).await;
    answer.refused(409, "has no listener for HTTP port 81").because("NotAttachable", &["SharedGatewayID"]);
    let second = definition(&host, json!({"Port": 80})).await;
    let sentence = format!("{host}/ on HTTP port 80 is already held by gateway instance {holder}");
    attach(&chain, second, own).await.refused(409, &sentence).because("RouteTaken", &[]);
    let api = definition(&host, json!({"Port": 80, "Path": "/api"})).await;
    attach(&chain, api, own).await.done(201);
    let passed = json!({
        "Name": unique_name("attached"), "Hostnames": [format!("db.{name}.test")],
        "TcpPorts": [{"Port": 443, "TLSEnabled": true, "TLSMode": "Passthrough"}],
    });
    attach(&chain, made("gateway-definitions", &passed).await, own).await.done(201);

    let in_use = delete("shared-gateways", own).await.refused(409, "shared gateway has related gateway instances");
    let in_use = in_use.because("InUse", &[]);
    assert!(in_use.text.contains(&holder), "{}", in_use.text);
    // Without SharedGatewayID it is on the common gateway again.
    let stored = read("gateway-instances", instance).await.done(200).record().clone();
    let mut body = attaching(&chain, web, own);
    body["Name"] = stored["Name"].clone();
    body.as_object_mut().unwrap().remove("SharedGatewayID");
    let put = put("gateway-instances", instance, &body).await.done(200);
    assert!(put.record().get("SharedGatewayID").is_none(), "{}", put.text);
    attach(&chain, second, own).await.done(201);
}

#[tokio::test]
async fn a_gateway_that_is_not_meant_is_refused() {
    let (chain, elsewhere) = (Chain::up_to("workload-instances").await, Chain::up_to("workload-instances").await);
    let name = unique_name("meant");
    let web = definition(&format!("a.{name}.test"), json!({"Port": 80})).await;
    let everybody = json!({"AttachableBy": "All"});
    let far = made("shared-gateways", &gateway(&elsewhere, &name, everybody.clone())).await;
    let answer = attach(&chain, web, far).await.refused(400, "is in another cluster");
    answer.because("InvalidField", &["SharedGatewayID"]);
    let runtime = chain.id("kubernetes-runtime-instances");
    let common =
        json!({"Name": unique_name("meant"), "KubernetesRuntimeInstanceID": runtime, "GatewayClassName": name});
    let common = made("shared-gateways", &common).await;
    let answer = attach(&chain, web, common).await.refused(400, "has no Listeners of its own");
    answer.because("InvalidField", &["SharedGatewayID"]);
    let own = made("shared-gateways", &gateway(&chain, &format!("{name}-own"), everybody)).await;
    let host = format!("a.{name}-own.test");
    for (more, sentence) in [
        (json!({"Placement": "Dedicated"}), "has Placement Dedicated"),
        (json!({"GatewayClassName": "other"}), "asks for GatewayClassName other"),
        (
            json!({"HttpPorts": [{"Port": 443, "TLSEnabled": true, "TLSSecretName": "shop-tls"}]}),
            "names Secret shop-tls in TLSSecretName on port 443, and the listeners of shared gateway",
        ),
    ] {
        let mut body = json!({"Name": unique_name("meant"), "Hostnames": [host], "HttpPorts": [{"Port": 80}]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let definition = made("gateway-definitions", &body).await;
        attach(&chain, definition, own).await.refused(400, sentence).because("InvalidField", &["SharedGatewayID"]);
    }
    let answer = attach(&chain, web, 1).await.refused(400, "there is no SharedGateway with this id");
    answer.because("ParentNotFound", &["SharedGatewayID"]);
}

#[tokio::test]
async fn a_grant_lets_one_workload_attach() {
    let chain = Chain::up_to("workload-instances").await;
    let (workload, name) = (chain.id("workload-instances"), unique_name("granted"));
    let own = made("shared-gateways", &gateway(&chain, &name, json!({}))).await;
    let web = definition(&format!("a.{name}.test"), json!({"Port": 80})).await;
    let grant = |more: Value| {
        let mut body =
            json!({"Name": unique_name("granted"), "SharedGatewayID": own, "GrantedWorkloadInstanceID": workload});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (more, field, sentence) in [
        (json!({"SharedGatewayID": null}), "WorkloadInstanceID", "or SharedGatewayID is needed"),
        (json!({"WorkloadInstanceID": workload}), "SharedGatewayID", "excludes WorkloadInstanceID"),
        (json!({"ServiceNames": ["web"]}), "ServiceNames", "goes with WorkloadInstanceID"),
    ] {
        let answer = post("gateway-grants", &grant(more)).await.refused(400, sentence);
        answer.because("InvalidField", &[field]);
    }
    let far = Chain::up_to("workload-instances").await.id("workload-instances");
    let answer = post("gateway-grants", &grant(json!({"GrantedWorkloadInstanceID": far}))).await;
    answer.refused(400, "is in another cluster").because("InvalidField", &["GrantedWorkloadInstanceID"]);

    attach(&chain, web, own).await.refused(409, "ask an admin for a gateway grant");
    let granted = made("gateway-grants", &grant(json!({}))).await;
    let moved = patch("gateway-grants", granted, &json!({"SharedGatewayID": 1})).await;
    moved.refused(400, "can't be changed").because("ImmutableField", &["SharedGatewayID"]);
    let listed = get(&format!("/v0/gateway-grants?sharedgatewayid={own}")).await.ids();
    assert_eq!(listed, [granted]);
    let attached = attach(&chain, web, own).await.done(201);
    let instance = id(attached.record());
    // The gateway lists who is attached, and by which grant.
    let listed = async || get(&format!("/v0/shared-gateways/{own}/attachments")).await.done(200).record().clone();
    let grant = json!({"ID": granted, "Name": read("gateway-grants", granted).await.record()["Name"]});
    assert_eq!(
        listed().await,
        json!({
            "GatewayInstanceID": instance, "GatewayInstance": attached.record()["Name"], "WorkloadInstanceID": workload,
            "WorkloadInstance": read("workload-instances", workload).await.record()["Name"], "Allowed": true, "GatewayGrants": [grant],
        })
    );
    // Who is attached may be changed once the grant is gone, but comes back by another one only.
    delete("gateway-grants", granted).await.done(200);
    let left = listed().await;
    assert_eq!((&left["Allowed"], left.get("GatewayGrants"), left.get("AttachableBy")), (&json!(false), None, None));
    patch("gateway-instances", instance, &json!({"Name": unique_name("granted")})).await.done(200);
    let api = definition(&format!("a.{name}.test"), json!({"Port": 80, "Path": "/api"})).await;
    attach(&chain, api, own).await.refused(409, "ask an admin for a gateway grant");
    patch("shared-gateways", own, &selecting()).await.done(200);
    label(&chain, "workloads").await;
    let by_label = listed().await;
    assert_eq!((&by_label["Allowed"], &by_label["AttachableBy"]), (&json!(true), &json!("Selector")));
    let page = get(&format!("/v0/shared-gateways/{own}/attachments?size=1")).await;
    assert_eq!(page.body["Meta"]["NextAfter"], json!(instance), "there may be more: {}", page.text);
    let next = get(&format!("/v0/shared-gateways/{own}/attachments?after={instance}")).await;
    assert_eq!(next.body["Data"], json!([]), "{}", next.text);
    get("/v0/shared-gateways/1/attachments").await.refused(404, "");
}
