//! Plans: what each verb answers with `plan=true`, that nothing of it happens, and what `If-Plan` holds the write itself to.

use causeway_testkit::{Answer, eventually, unique_name};
use http::Method;
use serde_json::{Value, json};

use crate::{JSON, chain::Chain, get, made, read, send};

/// A gateway of HTTP and HTTPS that needs no Service: its route leads elsewhere.
struct Site {
    chain: Chain,
    name: String,
    domain: i64,
    definition: i64,
}

fn away(hostname: &str) -> Value {
    json!([{"filters": [{"type": "RequestRedirect", "requestRedirect": {"hostname": hostname}}]}])
}

impl Site {
    async fn new() -> Self {
        let (chain, name) = (Chain::up_to("workload-instances").await, unique_name("planned"));
        let domain = json!({
            "Name": name, "Domain": format!("{name}.test"), "Zone": "Public", "AdminEmail": "ops@example.org", "IssuerKind": "SelfSigned",
        });
        let domain = made("domain-name-definitions", &domain).await;
        let mut site = Self { chain, name, domain, definition: 0 };
        let ports = json!([{"Port": 80}, {"Port": 443, "TLSEnabled": true}]);
        site.definition = made("gateway-definitions", &site.definition_of(&ports)).await;
        site
    }

    fn definition_of(&self, ports: &Value) -> Value {
        json!({
            "Name": self.name, "DomainNameDefinitionID": self.domain, "SubDomain": "www", "HttpPorts": ports,
            "HttpRoutes": [{"Rules": away("elsewhere.example.org")}],
        })
    }

    fn instance(&self, name: &str) -> Value {
        json!({
            "Name": name, "GatewayDefinitionID": self.definition, "WorkloadInstanceID": self.chain.id("workload-instances"),
            "KubernetesRuntimeInstanceID": self.chain.id("kubernetes-runtime-instances"),
        })
    }

    fn host(&self) -> String {
        format!("www.{}.test", self.name)
    }
}

/// The answer to a write, or to one that is only planned.
async fn asked(method: Method, path: &str, if_plan: Option<&str>, body: &Value) -> Answer {
    let headers: Vec<_> = JSON.iter().copied().chain(if_plan.map(|revision| ("If-Plan", revision))).collect();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    eventually("an answer, though others write", async || {
        let answer = send(method.clone(), path, &headers, body.clone()).await;
        if answer.body["Status"]["reason"] == "Contention" { Err(answer.text) } else { Ok(answer) }
    })
    .await
}

/// A plan, with its revision in the header and in the body.
async fn planned(method: Method, path: &str, body: &Value) -> Value {
    let answer = asked(method, &format!("/v0/{path}?plan=true"), None, body).await.done(200);
    let plan = answer.record().clone();
    assert_eq!((&answer.body["Type"], &plan["Revision"]), (&json!("Plan"), &json!(answer.header("plan-revision"))));
    for list in ["Clusters", "DNSRecords", "Certificates", "Claims", "Records", "Warnings"] {
        assert!(plan[list].is_array(), "{list}: {plan:#}");
    }
    plan
}

fn list<'p>(plan: &'p Value, key: &str) -> &'p [Value] {
    plan[key].as_array().unwrap()
}

/// The objects in the only cluster that is concerned.
fn objects(plan: &Value) -> &[Value] {
    let [cluster] = list(plan, "Clusters") else { panic!("one cluster: {plan:#}") };
    list(cluster, "Objects")
}

/// What is claimed or given up, by port.
fn claims(plan: &Value) -> Vec<(&str, i64, &str)> {
    fn told(claim: &Value) -> (&str, i64, &str) {
        let text = |key: &str| claim[key].as_str().unwrap_or_default();
        (text("Change"), claim["Port"].as_i64().unwrap_or_default(), text("Hostname"))
    }
    let mut all: Vec<_> = list(plan, "Claims").iter().map(told).collect();
    all.sort_unstable();
    all
}

#[tokio::test]
async fn what_a_creation_would_do_is_shown_and_only_then_done() {
    let site = Site::new().await;
    let body = site.instance(&site.name);
    let plan = planned(Method::POST, "gateway-instances", &body).await;
    let added = objects(&plan);
    assert!(added.iter().all(|object| object["Change"] == "Added"), "{added:#?}");
    let route = added.iter().find(|object| object["Kind"] == "HTTPRoute").unwrap();
    assert!(route["Name"].as_str().unwrap().contains("{id}"), "the write gives the id out: {route:#}");
    let to = "/Manifest/spec/rules/0/filters/0/requestRedirect/hostname";
    assert_eq!(route.pointer(to), Some(&json!("elsewhere.example.org")), "{route:#}");
    assert_eq!((&route["OwnerKind"], &route["OwnerName"]), (&json!("GatewayInstance"), &json!(site.name)));
    assert_eq!(claims(&plan), [("Added", 80, site.host().as_str()), ("Added", 443, &site.host())]);
    let [certificate] = list(&plan, "Certificates") else { panic!("{plan:#}") };
    assert_eq!(certificate["Hostnames"], json!([site.host()]));
    let records: Vec<_> = list(&plan, "Records").iter().map(|record| record["Kind"].as_str().unwrap()).collect();
    assert!(records.contains(&"SharedGateway") && records.contains(&"SupportServiceInstance"), "{records:?}");

    // Nothing of it stands.
    let runtime = site.chain.id("kubernetes-runtime-instances");
    for plural in ["gateway-instances", "shared-gateways", "support-service-instances"] {
        let stands = get(&format!("/v0/{plural}?kubernetesruntimeinstanceid={runtime}")).await.answered(200);
        assert_eq!(stands.body["Data"], json!([]), "{plural}");
    }
    // The write with the plan in its hand, and not with another one.
    let late = asked(Method::POST, "/v0/gateway-instances", Some("another"), &body).await;
    late.refused(412, "something else than that plan").because("PlanOutdated", &[]);
    let revision = plan["Revision"].as_str().unwrap();
    asked(Method::POST, "/v0/gateway-instances", Some(revision), &body).await.done(201);
    let again = asked(Method::POST, "/v0/gateway-instances?plan=true", None, &site.instance("again")).await;
    again.refused(409, &site.name).because("RouteTaken", &[]);
}

#[tokio::test]
async fn each_verb_shows_its_effect_and_has_none() {
    let site = Site::new().await;
    let instance = made("gateway-instances", &site.instance(&site.name)).await;
    let stands = async || {
        let own = [("gateway-definitions", site.definition), ("gateway-instances", instance)];
        let mut all = vec![];
        for (plural, id) in own {
            all.push(read(plural, id).await.done(200).record().clone());
        }
        all
    };
    let before = stands().await;
    // A PATCH: each field that changes, with both values.
    let route = get(&format!("/v0/gateway-http-routes?gatewaydefinitionid={}", site.definition)).await.ids()[0];
    let other = json!({"Rules": away("other.example.org")});
    let plan = planned(Method::PATCH, &format!("gateway-http-routes/{route}"), &other).await;
    let field = json!({
        "Path": "spec.rules[0].filters[0].requestRedirect.hostname", "Old": "elsewhere.example.org", "New": "other.example.org",
    });
    let changed = objects(&plan);
    let is_it = |object: &Value| {
        (&object["Kind"], &object["Change"]) == (&json!("HTTPRoute"), &json!("Changed"))
            && list(object, "Fields").contains(&field)
    };
    assert!(!changed.is_empty() && changed.iter().all(is_it), "{changed:#?}");
    assert_eq!((claims(&plan), list(&plan, "Certificates").len()), (vec![], 0), "{plan:#}");
    // A PUT: what it leaves out is given up.
    let put = site.definition_of(&json!([{"Port": 80}]));
    let plan = planned(Method::PUT, &format!("gateway-definitions/{}", site.definition), &put).await;
    assert_eq!(claims(&plan), [("Removed", 443, site.host().as_str())]);
    // A DELETE, to what is left in the end.
    let plan = planned(Method::DELETE, &format!("gateway-instances/{instance}"), &Value::Null).await;
    assert_eq!(claims(&plan), [("Removed", 80, site.host().as_str()), ("Removed", 443, &site.host())]);
    let goes = |object: &Value| object["Kind"] == "HTTPRoute" && object["Change"] == "Removed";
    assert!(objects(&plan).iter().any(goes), "{plan:#}");
    assert_eq!(stands().await, before);

    // Of what has no objects there are no plans, and such a write is not carried out as if it had not asked.
    let body = json!({"Name": unique_name("planned"), "InfraProvider": "kind"});
    let answer = asked(Method::POST, "/v0/kubernetes-runtime-definitions?plan=true", None, &body).await;
    answer.refused(400, "leave it out here").because("InvalidQuery", &["plan"]);
    let answer = asked(Method::POST, "/v0/gateway-definitions?plan=perhaps", None, &put).await;
    answer.refused(400, "must be true or false").because("InvalidQuery", &["plan"]);
}
