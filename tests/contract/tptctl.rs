//! What `tptctl` and Threeport's Go client send, request by request: their headers, their bodies with the empty texts that Go leaves in them,
//! and what they expect of each answer.

use causeway_testkit::{Answer, unique_name};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{confirm_deleted, id, send};

/// The client says so on every request, also without a token and without a body.
const HEADERS: [(&str, &str); 2] = [("Content-Type", "application/json"), ("Authorization", "Bearer ")];

async fn call(method: Method, path: &str, body: Option<&Value>) -> Answer {
    send(method, path, &HEADERS, body.map(ToString::to_string).unwrap_or_default()).await
}

/// `CreateX`: 201, and the client reads the first record.
async fn create(plural: &str, body: &Value) -> Value {
    call(Method::POST, &format!("/v0/{plural}"), Some(body)).await.done(201).record().clone()
}

/// `GetXByName`: exactly one record.
async fn by_name(plural: &str, name: &str) -> Value {
    let found = call(Method::GET, &format!("/v0/{plural}?name={name}"), None).await.done(200);
    assert_eq!(found.record()["Name"], name);
    found.record().clone()
}

/// `GetXByName` of what isn't there: an empty list, which the client takes for "not found".
async fn assert_gone(plural: &str, name: &str) {
    let found = call(Method::GET, &format!("/v0/{plural}?name={name}"), None).await;
    assert_eq!((found.code, found.ids()), (200, vec![]), "{}", found.text);
}

/// `DeleteX`: 200 with the record.
async fn delete(plural: &str, record: &Value) {
    call(Method::DELETE, &format!("/v0/{plural}/{}", record["ID"]), None).await.done(200);
}

/// `tptctl delete` of an instance asks for it by name every second until it is gone; here a worker would bring that about.
async fn delete_and_wait(plural: &str, kind: &str, name: &str) {
    let record = by_name(plural, name).await;
    delete(plural, &record).await;
    assert!(by_name(plural, name).await["DeletionScheduled"].is_string());
    confirm_deleted(kind, id(&record)).await;
    assert_gone(plural, name).await;
}

/// What `tptctl up` leaves behind: a runtime that is there already, as the default one.
async fn runtime(is_default: bool) -> Value {
    let name = unique_name("runtime");
    let definition = json!({
        "Name": name, "Reconciled": true, "InfraProvider": "kind", "InfraProviderAccountName": "", "HighAvailability": false,
    });
    let definition = create("kubernetes-runtime-definitions", &definition).await;
    let instance = json!({
        "Name": name, "Reconciled": true, "Location": "Local", "ThreeportControlPlaneHost": is_default,
        "APIEndpoint": "https://127.0.0.1:6443", "CACertificate": "", "Certificate": "pem", "CertificateKey": "pem",
        "ConnectionToken": "", "DefaultRuntime": is_default, "KubernetesRuntimeDefinitionID": definition["ID"],
    });
    let instance = create("kubernetes-runtime-instances", &instance).await;
    assert!(instance.get("ConnectionToken").is_none() && instance.get("CACertificate").is_none(), "{instance}");
    instance
}

async fn workload(name: &str, runtime: &Value) -> Value {
    let manifest = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports:\n  - port: 80\n";
    create("workload-definitions", &json!({"Name": name, "YAMLDocument": manifest})).await;
    let definition = by_name("workload-definitions", name).await;
    let instance = json!({
        "Name": name, "KubernetesRuntimeInstanceID": runtime["ID"], "WorkloadDefinitionID": definition["ID"],
    });
    create("workload-instances", &instance).await
}

async fn delete_workload(name: &str) {
    delete_and_wait("workload-instances", "WorkloadInstance", name).await;
    let definition = by_name("workload-definitions", name).await;
    delete("workload-definitions", &definition).await;
}

/// Ports as `tptctl` writes them: every field, whatever the file left out.
fn ports() -> (Value, Value) {
    let http = |port: u16, tls: bool| json!({"Port": port, "Path": "/", "TLSEnabled": tls, "HTTPSRedirect": !tls});
    (json!([http(80, false), http(443, true)]), json!([{"Port": 5432, "TLSEnabled": false}]))
}

/// `tptctl create workload` with a domain name and a gateway, `get`, `describe`, `delete`; on the default runtime.
#[tokio::test]
async fn item_25_workload_with_domain_name_and_gateway() {
    let (own, host) = (runtime(true).await, call(Method::GET, "/version", None).await);
    assert!(host.code == 200 && host.body.is_object(), "`tptctl up` waits for this");
    let default = call(Method::GET, "/v0/kubernetes-runtime-instances?defaultruntime=true", None).await.done(200);
    assert_eq!(default.record()["ID"], own["ID"]);
    let host =
        call(Method::GET, "/v0/kubernetes-runtime-instances?threeportcontrolplanehost=true", None).await.done(200);
    assert_eq!(host.record()["ID"], own["ID"]);

    let shop = unique_name("shop");
    let workload = workload(&shop, &own).await;
    let domain = format!("{shop}.example.org");
    assert_gone("domain-name-definitions", &domain).await;
    let definition = json!({"Name": shop, "Domain": domain, "Zone": "Public", "AdminEmail": "ops@example.org"});
    create("domain-name-definitions", &definition).await;
    let definition = by_name("domain-name-definitions", &shop).await;
    let of_domain = format!("{shop}-{shop}");
    let instance = json!({
        "Name": of_domain, "DomainNameDefinitionID": definition["ID"], "WorkloadInstanceID": workload["ID"],
        "KubernetesRuntimeInstanceID": own["ID"],
    });
    create("domain-name-instances", &instance).await;
    let (http, tcp) = ports();
    let gateway = json!({
        "Name": shop, "HttpPorts": http, "TcpPorts": tcp, "SubDomain": "www", "ServiceName": "",
        "DomainNameDefinitionID": definition["ID"],
    });
    let made = create("gateway-definitions", &gateway).await;
    assert_eq!(
        (made["HttpPorts"].as_array().map(Vec::len), made["TcpPorts"].as_array().map(Vec::len)),
        (Some(2), Some(1))
    );
    let gateway = by_name("gateway-definitions", &shop).await;
    let instance = json!({
        "Name": shop, "KubernetesRuntimeInstanceID": own["ID"], "GatewayDefinitionID": gateway["ID"],
        "WorkloadInstanceID": workload["ID"],
    });
    create("gateway-instances", &instance).await;

    // get gateways: all, and both lists of ports of each.
    assert!(call(Method::GET, "/v0/gateway-definitions", None).await.code == 200);
    for (plural, count) in [("gateway-http-ports", 2), ("gateway-tcp-ports", 1)] {
        let listed = call(Method::GET, &format!("/v0/{plural}?gatewaydefinitionid={}", gateway["ID"]), None).await;
        assert_eq!(listed.ids().len(), count, "{}", listed.text);
    }
    // describe: one by name, then what it names, by id.
    let described = by_name("gateway-instances", &shop).await;
    for (plural, field) in [
        ("gateway-definitions", "GatewayDefinitionID"),
        ("workload-instances", "WorkloadInstanceID"),
        ("kubernetes-runtime-instances", "KubernetesRuntimeInstanceID"),
    ] {
        call(Method::GET, &format!("/v0/{plural}/{}", described[field]), None).await.done(200);
    }
    let described = by_name("workload-instances", &shop).await;
    for (plural, key) in
        [("workload-resource-instances", "workloadinstanceid"), ("workload-events", "workloadinstanceid")]
    {
        assert_eq!(call(Method::GET, &format!("/v0/{plural}?{key}={}", described["ID"]), None).await.code, 200);
    }

    // delete: in reverse order.
    delete_and_wait("gateway-instances", "GatewayInstance", &shop).await;
    delete("gateway-definitions", &by_name("gateway-definitions", &shop).await).await;
    delete_and_wait("domain-name-instances", "DomainNameInstance", &of_domain).await;
    let refused = call(Method::DELETE, &format!("/v0/domain-name-definitions/{}", definition["ID"]), None).await;
    // The gateway definition that names the domain is still on its way out; Threeport would leave it without one.
    assert!(refused.code == 200 || refused.code == 409, "{}", refused.text);
    delete_workload(&shop).await;
}

/// `tptctl create gateway` without a domain, and a second one under a name that is taken: it is asked for and refused.
#[tokio::test]
async fn item_25_gateway_without_domain() {
    let own = runtime(false).await;
    let runtime_name = own["Name"].as_str().unwrap().to_owned();
    let web = unique_name("web");
    workload(&web, &own).await;
    let body = json!({
        "Name": web, "HttpPorts": [{"Port": 80, "Path": "/", "TLSEnabled": false, "HTTPSRedirect": false}],
        "SubDomain": "", "ServiceName": "web",
    });
    create("gateway-definitions", &body).await;
    let again = call(Method::POST, "/v0/gateway-definitions", Some(&body)).await;
    again.refused(409, "object with provided name already exists");
    let own = by_name("kubernetes-runtime-instances", &runtime_name).await;
    let workload = by_name("workload-instances", &web).await;
    let definition = by_name("gateway-definitions", &web).await;
    let instance = json!({
        "Name": web, "KubernetesRuntimeInstanceID": own["ID"], "GatewayDefinitionID": definition["ID"],
        "WorkloadInstanceID": workload["ID"],
    });
    create("gateway-instances", &instance).await;
    let refused = call(Method::DELETE, &format!("/v0/gateway-definitions/{}", definition["ID"]), None).await;
    refused.refused(409, "gateway definition has related gateway instances - cannot be deleted");
    delete_and_wait("gateway-instances", "GatewayInstance", &web).await;
    delete("gateway-definitions", &definition).await;
    delete_workload(&web).await;
}

/// `UpdateX` sends back what was answered, without ID and times: of a definition as it was made, ports and all.
#[tokio::test]
async fn item_25_what_was_answered_may_be_sent_back() {
    let (http, tcp) = (json!([{"Port": 80, "Path": "/"}]), json!([{"Port": 22}]));
    let made =
        create("gateway-definitions", &json!({"Name": unique_name("back"), "HttpPorts": http, "TcpPorts": tcp})).await;
    let mut back = made.clone();
    for field in ["ID", "CreatedAt", "UpdatedAt"] {
        back.as_object_mut().unwrap().remove(field);
    }
    back["HttpPorts"] = json!([{"Port": 8080, "Path": "/", "TLSEnabled": false, "HTTPSRedirect": false}]);
    assert!(back["TcpPorts"][0]["ID"].is_number() && back["TcpPorts"][0]["GatewayDefinitionID"] == made["ID"]);
    call(Method::PATCH, &format!("/v0/gateway-definitions/{}", made["ID"]), Some(&back)).await.done(200);
    for (plural, port) in [("gateway-http-ports", 8080), ("gateway-tcp-ports", 22)] {
        let listed =
            call(Method::GET, &format!("/v0/{plural}?gatewaydefinitionid={}", made["ID"]), None).await.done(200);
        assert_eq!(listed.record()["Port"], port);
    }
    // An id in there moves no other definition's port.
    let thief = json!({"Name": unique_name("thief"), "TcpPorts": [{"ID": made["TcpPorts"][0]["ID"], "Port": 23}]});
    create("gateway-definitions", &thief).await;
    let kept = call(Method::GET, &format!("/v0/gateway-tcp-ports?gatewaydefinitionid={}", made["ID"]), None).await;
    assert_eq!(kept.done(200).record()["Port"], 22);
}

/// A controller's round: what it reads of a record whole, it PATCHes back with its own fields in it.
#[tokio::test]
async fn item_25_domain_name_definitions_hold_what_clients_remark() {
    let shop = unique_name("remarks");
    let body =
        json!({"Name": shop, "Domain": format!("{shop}.example.org"), "Zone": "Public", "AdminEmail": "a@example.org"});
    let made = create("domain-name-definitions", &body).await;
    for field in ["Reconciled", "CreationFailed", "InterruptReconciliation"] {
        assert_eq!(made[field], false, "{made}");
    }
    let time = "2026-01-05T10:11:12Z";
    let remark = json!({
        "Reconciled": true, "CreationFailed": true, "InterruptReconciliation": true, "CreationAcknowledged": time,
        "CreationConfirmed": time, "DeletionScheduled": time, "DeletionAcknowledged": time, "DeletionConfirmed": time,
    });
    let path = format!("/v0/domain-name-definitions/{}", made["ID"]);
    let stored = call(Method::PATCH, &path, Some(&remark)).await.done(200);
    for (field, value) in remark.as_object().unwrap() {
        assert_eq!(&stored.record()[field], value);
    }
    delete("domain-name-definitions", &made).await;
    assert_gone("domain-name-definitions", &shop).await;
}
