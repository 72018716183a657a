//! Who may use what is another team's: Services only by a grant of theirs, listeners not at all by labels of one's own.

use causeway_testkit::{
    Answer, DOMAIN, Harness, INSTALLED, SOON, Visitor, add_domain_name, add_workload_of, answering, api, condition,
    eventually, harness, id_of,
    kinds::{HTTP_ROUTE, NAMESPACE, REFERENCE_GRANT},
    object_name,
    objects::{at, becomes, object},
};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use reqwest::Method;
use serde_json::{Value, json};

use crate::fixture::{Fixture, labelled, vanishes};

/// A gateway whose rules send `/two` to another team's Service and everything else to its own.
struct Teams {
    harness: &'static Harness,
    two: String,
    one_workload: i64,
    two_workload: i64,
    gateway: i64,
    host: String,
}

impl Teams {
    async fn new() -> Self {
        let harness = harness().await;
        let (one, two) = (harness.name("one"), harness.name("two"));
        let domain = harness.domain(&one).await.unwrap();
        let one_workload = add_workload_of(&harness.client, harness.runtime, &one, &answering(&one)).await.unwrap();
        let two_workload = add_workload_of(&harness.client, harness.runtime, &two, &answering(&two)).await.unwrap();
        let rules = json!([
            {"matches": [{"path": {"value": "/two"}}], "backendRefs": [{"name": "web", "namespace": two, "port": 80}]},
            {"backendRefs": [{"name": "web", "port": 80}]},
        ]);
        let more = json!({"HttpPorts": [{"Port": 80}], "HttpRoutes": [{"Rules": rules}]});
        let definition = harness.definition(&one, Some(domain), more).await.unwrap();
        let body = harness.instance(&one, definition, one_workload);
        let gateway = id_of(&harness.client.create("gateway-instances", &body).await.unwrap()).unwrap();
        let published = add_domain_name(&harness.client, harness.runtime, &one, domain, one_workload).await.unwrap();
        harness.client.until_ready("domain-name-instances", published, INSTALLED).await.unwrap();
        Self { harness, two, one_workload, two_workload, gateway, host: format!("{one}.{DOMAIN}") }
    }

    async fn grant(&self, services: Value) -> Answer {
        let body = json!({
            "Name": self.harness.name("grant"), "WorkloadInstanceID": self.two_workload,
            "GrantedWorkloadInstanceID": self.one_workload, "ServiceNames": services,
        });
        self.harness.client.send(Method::POST, "/v0/gateway-grants", Some(&body)).await.unwrap()
    }

    /// What the path answers: a code, and a part of the text.
    async fn answers(&self, path: &str, code: u16, text: &str) {
        let visitor = Visitor::new(&self.harness.endpoints);
        eventually(&format!("{path} answers {code} {text}"), async || {
            let answer =
                visitor.get(&format!("http://{}{path}", self.host)).await.map_err(|error| format!("{error:#}"))?;
            if answer.code == code && answer.text.contains(text) { Ok(()) } else { Err(format!("{answer:?}")) }
        })
        .await;
    }

    /// Says what isn't granted, and what to do, after all that was asked for.
    async fn refused(&self) {
        let sentence = format!(
            "HttpRoutes[0].Rules[0].backendRefs[0] sends to Service web of workload {}, which hasn't granted it: who is responsible for that \
             workload makes a gateway grant with GrantedWorkloadInstanceID {}",
            self.two, self.one_workload
        );
        let says = |gateway: &Value| {
            let resolved = condition(gateway, "RefsResolved");
            resolved.is_some_and(|resolved| {
                resolved["Reason"] == "RefNotPermitted"
                    && resolved["ObservedGeneration"] == gateway["Generation"]
                    && resolved["Message"].as_str().is_some_and(|message| message.contains(&sentence))
            })
        };
        self.harness.client.until("gateway-instances", self.gateway, SOON, says).await.unwrap();
    }
}

#[tokio::test]
async fn a_service_of_another_workload_gets_requests_while_it_is_granted() {
    let teams = Teams::new().await;
    teams.answers("/", 200, "one").await;
    // The real controller refuses the reference, and only requests for it.
    teams.answers("/two", 500, "").await;
    teams.refused().await;
    // A grant of another Service is none of this one.
    let other = id_of(teams.grant(json!(["other"])).await.done(201).record()).unwrap();
    teams.refused().await;
    let grant = id_of(teams.grant(json!(["web"])).await.done(201).record()).unwrap();
    teams.answers("/two", 200, &teams.two).await;
    teams.harness.client.until_ready("gateway-instances", teams.gateway, INSTALLED).await.unwrap();
    let kube = teams.harness.kube().await.unwrap();
    let owner = format!("gateway-instance-{}", teams.gateway);
    let permissions = labelled(&kube, REFERENCE_GRANT, &owner).await;
    assert_eq!(permissions.len(), 1, "{permissions:#?}");
    assert_eq!(permissions[0].metadata.namespace, Some(object_name(&teams.two, teams.two_workload)));
    assert_eq!(at(&permissions[0], "/spec/to"), &json!([{"group": "", "kind": "Service", "name": "web"}]));

    // The workload stays while it has given a grant that counts: what goes first is named.
    let path = format!("/v0/workload-instances/{}", teams.two_workload);
    let answer = teams.harness.client.send(Method::DELETE, &path, None).await.unwrap();
    answer.refused(409, "gateway grant").because("InUse", &[]);
    teams.harness.client.delete("gateway-grants", grant).await.unwrap();
    vanishes("the permission goes", || labelled(&kube, REFERENCE_GRANT, &owner)).await;
    teams.answers("/two", 500, "").await;
    teams.refused().await;
    teams.answers("/", 200, "one").await;
    teams.harness.client.delete("gateway-grants", other).await.unwrap();
}

/// Only the namespaces of the gateway instances that use a listener are let in, by the name that the API server itself gives each.
#[tokio::test]
async fn labels_of_a_namespace_of_ones_own_let_no_route_onto_a_listener() {
    let fixture = Fixture::ready("guarded", json!({"HttpPorts": [{"Port": 80}]})).await;
    let own = labelled(&fixture.kube, HTTP_ROUTE, &format!("gateway-instance-{}", fixture.gateway)).await;
    let parents = at(&own[0], "/spec/parentRefs").clone();
    let intruder = fixture.harness.name("intruder");
    let namespaces = api(&fixture.kube, NAMESPACE, None);
    let made = object(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": intruder}}));
    namespaces.create(&PostParams::default(), &made).await.unwrap();
    let route = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "intruder"},
        "spec": {"parentRefs": parents, "hostnames": [fixture.hostname()], "rules": [{"backendRefs": [{"name": "web", "port": 80}]}]},
    });
    let routes = api(&fixture.kube, HTTP_ROUTE, Some(&intruder));
    routes.create(&PostParams::default(), &object(route)).await.unwrap();
    let refused = |route: &kube::api::DynamicObject| {
        let generation = json!(route.metadata.generation);
        let parents = at(route, "/status/parents").as_array().cloned().unwrap_or_default();
        let says = |condition: &Value| {
            condition["type"] == "Accepted"
                && condition["reason"] == "NotAllowedByListeners"
                && condition["observedGeneration"] == generation
        };
        parents.iter().any(|parent| parent["conditions"].as_array().is_some_and(|all| all.iter().any(says)))
    };
    becomes(&routes, "intruder", "the listener refuses the route", refused).await;
    // Whatever its owner says about it: the label that counts is the API server's own.
    let labels = json!({"metadata": {"labels": {"purpose": "workloads", "name": fixture.namespace()}}});
    namespaces.patch(&intruder, &PatchParams::default(), &Patch::Merge(&labels)).await.unwrap();
    let forged = json!({"metadata": {"labels": {"kubernetes.io/metadata.name": fixture.namespace()}}});
    let forged = namespaces.patch(&intruder, &PatchParams::default(), &Patch::Merge(&forged)).await;
    assert!(forged.is_err() || forged.unwrap().metadata.labels.unwrap()["kubernetes.io/metadata.name"] == intruder);
    // A change has the controller look again.
    let changed = json!({"spec": {"rules": [{"name": "again", "backendRefs": [{"name": "web", "port": 80}]}]}});
    routes.patch("intruder", &PatchParams::default(), &Patch::Merge(&changed)).await.unwrap();
    becomes(&routes, "intruder", "the listener still refuses the route", refused).await;
    namespaces.delete(&intruder, &DeleteParams::default()).await.unwrap();
}
