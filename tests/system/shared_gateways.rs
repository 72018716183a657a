//! A Gateway that a platform team makes: who attaches to it is served there, and nobody else is, whatever stands in the cluster.

use causeway_testkit::{
    Answer, DOMAIN, Harness, INSTALLED, SOON, Visitor, add_workload_of, answering, api, condition, eventually, harness,
    id_of,
    kinds::{GATEWAY, HTTP_ROUTE, NAMESPACE, REFERENCE_GRANT},
    object_name,
    objects::{at, becomes, object},
};
use kube::api::{DeleteParams, DynamicObject, PostParams};
use reqwest::Method;
use serde_json::{Value, json};

use crate::fixture::{labelled, meddle, vanishes};

/// A platform team's Gateway in a namespace that was there, and two teams with a workload each. The first one's rules send `/search` to the second one's Service.
struct Site {
    harness: &'static Harness,
    kube: kube::Client,
    /// The namespace of the Gateway, and a word that no other test has.
    ingress: String,
    gateway: i64,
    one: String,
    two: String,
    one_workload: i64,
    two_workload: i64,
    domain: i64,
    definition: i64,
    host: String,
}

impl Site {
    async fn new() -> Self {
        let harness = harness().await;
        let kube = harness.kube().await.unwrap();
        let [ingress, one, two] = ["ingress", "first", "second"].map(|what| harness.name(what));
        let namespace = object(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ingress}}));
        api(&kube, NAMESPACE, None).create(&PostParams::default(), &namespace).await.unwrap();
        let body = json!({
            "Name": ingress, "KubernetesRuntimeInstanceID": harness.runtime, "Namespace": ingress,
            "Listeners": [{"Name": "http", "Port": 80, "Protocol": "HTTP", "Hostname": format!("*.{DOMAIN}")}],
            "AttachableBy": "Selector", "NamespaceSelector": {"purpose": ingress},
        });
        let gateway = id_of(&harness.client.create("shared-gateways", &body).await.unwrap()).unwrap();
        let domain = harness.domain(&one).await.unwrap();
        let one_workload = add_workload_of(&harness.client, harness.runtime, &one, &answering(&one)).await.unwrap();
        let two_workload = add_workload_of(&harness.client, harness.runtime, &two, &answering(&two)).await.unwrap();
        let rewrite = json!({"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}});
        let rules = json!([
            {
                "matches": [{"path": {"value": "/search"}}], "filters": [{"type": "URLRewrite", "urlRewrite": rewrite}],
                "backendRefs": [{"name": "web", "namespace": two, "port": 80}],
            },
            {"backendRefs": [{"name": "web", "port": 80}]},
        ]);
        let more = json!({"HttpPorts": [{"Port": 80}], "HttpRoutes": [{"Rules": rules}]});
        let definition = harness.definition(&one, Some(domain), more).await.unwrap();
        let host = format!("{one}.{DOMAIN}");
        Self { harness, kube, ingress, gateway, one, two, one_workload, two_workload, domain, definition, host }
    }

    /// Lets the first team's workload in, or not.
    async fn label(&self, value: &str) {
        let labels = json!({"NamespaceLabels": {"purpose": value}});
        self.harness.client.patch("workload-instances", self.one_workload, &labels).await.unwrap();
    }

    async fn attach(&self) -> Answer {
        let mut body = self.harness.instance(&self.one, self.definition, self.one_workload);
        body["SharedGatewayID"] = json!(self.gateway);
        self.harness.client.send(Method::POST, "/v0/gateway-instances", Some(&body)).await.unwrap()
    }

    /// Has the hostname published where the Gateway is.
    async fn publish(&self) {
        let body = json!({
            "Name": self.one, "KubernetesRuntimeInstanceID": self.harness.runtime, "DomainNameDefinitionID": self.domain,
            "WorkloadInstanceID": self.one_workload,
        });
        let published = id_of(&self.harness.client.create("domain-name-instances", &body).await.unwrap()).unwrap();
        self.harness.client.until_ready("domain-name-instances", published, INSTALLED).await.unwrap();
    }

    /// Lets the first team's workload attach, whatever its labels say.
    async fn let_in(&self) -> i64 {
        let body = json!({
            "Name": self.harness.name("let"), "SharedGatewayID": self.gateway,
            "GrantedWorkloadInstanceID": self.one_workload,
        });
        id_of(&self.harness.client.create("gateway-grants", &body).await.unwrap()).unwrap()
    }

    async fn grant(&self) -> i64 {
        let body = json!({
            "Name": self.harness.name("grant"), "WorkloadInstanceID": self.two_workload,
            "GrantedWorkloadInstanceID": self.one_workload, "ServiceNames": ["web"],
        });
        id_of(&self.harness.client.create("gateway-grants", &body).await.unwrap()).unwrap()
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

    fn namespace(&self) -> String {
        object_name(&self.one, self.one_workload)
    }

    /// Waits until so many routes are attached to the listener, as the controller counts them.
    async fn attached(&self, routes: i64) -> DynamicObject {
        let name = object_name(&self.ingress, self.gateway);
        let gateways = api(&self.kube, GATEWAY, Some(&self.ingress));
        let counted = |gateway: &DynamicObject| at(gateway, "/status/listeners/0/attachedRoutes") == &json!(routes);
        becomes(&gateways, &name, &format!("{routes} routes are attached"), counted).await
    }

    /// A route of somebody else to the listener, in a namespace with these labels.
    async fn intrude(&self, labels: &Value) -> String {
        let intruder = self.harness.name("intruder");
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": intruder, "labels": labels}});
        api(&self.kube, NAMESPACE, None).create(&PostParams::default(), &object(namespace)).await.unwrap();
        let parent =
            json!({"namespace": self.ingress, "name": object_name(&self.ingress, self.gateway), "sectionName": "http"});
        let route = json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "intruder"},
            "spec": {"parentRefs": [parent], "hostnames": [self.host], "rules": [{"backendRefs": [{"name": "web", "port": 80}]}]},
        });
        let routes = api(&self.kube, HTTP_ROUTE, Some(&intruder));
        routes.create(&PostParams::default(), &object(route)).await.unwrap();
        let refused = |route: &DynamicObject| {
            let says =
                |condition: &Value| condition["type"] == "Accepted" && condition["reason"] == "NotAllowedByListeners";
            let parents = at(route, "/status/parents").as_array().cloned().unwrap_or_default();
            parents.iter().any(|parent| parent["conditions"].as_array().is_some_and(|all| all.iter().any(says)))
        };
        becomes(&routes, "intruder", "the listener refuses the route", refused).await;
        intruder
    }
}

#[tokio::test]
async fn teams_attach_to_a_platform_teams_gateway_for_as_long_as_they_are_let() {
    let site = Site::new().await;
    let client = &site.harness.client;
    // 1. The Gateway stands before anybody attaches, with its listener and its address.
    let gateway = client.until_ready("shared-gateways", site.gateway, INSTALLED).await.unwrap();
    let address = condition(&gateway, "AddressAssigned").unwrap()["Message"].clone();
    assert_eq!(condition(&gateway, "ListenersReady").unwrap()["Message"], "one listener");
    let stands = site.attached(0).await;
    assert_eq!(at(&stands, "/spec/listeners/0/name"), "http");

    // 2. Without the label nobody attaches; with it the routes lead to the listener, and its workload and the second team's are served.
    site.attach().await.refused(409, "doesn't let workload instance").because("NotAttachable", &["SharedGatewayID"]);
    site.label(&site.ingress).await;
    let instance = id_of(site.attach().await.done(201).record()).unwrap();
    site.grant().await;
    site.publish().await;
    let ready = client.until_ready("gateway-instances", instance, INSTALLED).await.unwrap();
    assert_eq!(condition(&ready, "AddressAssigned").unwrap()["Message"], address);
    let owner = format!("gateway-instance-{instance}");
    let routes = labelled(&site.kube, HTTP_ROUTE, &owner).await;
    assert_eq!(routes.len(), 1, "{routes:#?}");
    assert_eq!(routes[0].metadata.namespace, Some(site.namespace()));
    let parent = at(&routes[0], "/spec/parentRefs/0");
    let wanted = (json!(site.ingress), json!(object_name(&site.ingress, site.gateway)), json!("http"));
    assert_eq!((&parent["namespace"], &parent["name"], &parent["sectionName"]), (&wanted.0, &wanted.1, &wanted.2));
    site.answers("/", 200, &site.one).await;
    site.answers("/search/shoes", 200, &site.two).await;
    assert_eq!(labelled(&site.kube, REFERENCE_GRANT, &owner).await.len(), 1, "the second team's Service is permitted");
    site.attached(1).await;

    // 3. Labels in the cluster decide nothing: those of a foreign namespace let nobody in, and those of the workload's are put back.
    let intruder = site.intrude(&json!({"purpose": site.ingress})).await;
    let namespaces = api(&site.kube, NAMESPACE, None);
    meddle(&namespaces, &site.namespace(), &json!({"metadata": {"labels": {"purpose": "mine"}}})).await;
    let back = |namespace: &DynamicObject| {
        namespace.metadata.labels.as_ref().and_then(|labels| labels.get("purpose")) == Some(&site.ingress)
    };
    becomes(&namespaces, &site.namespace(), "the label is put back", back).await;
    site.answers("/", 200, &site.one).await;
    namespaces.delete(&intruder, &DeleteParams::default()).await.unwrap();

    // 4. Whoever is let no longer has no route left, says why, and is served again once it is let again.
    let path = format!("/v0/shared-gateways/{}", site.gateway);
    let in_use = client.send(Method::DELETE, &path, None).await.unwrap();
    assert!(in_use.refused(409, &site.one).because("InUse", &[]).error().contains("gateway instances"));
    site.label("other").await;
    vanishes("its routes go", || labelled(&site.kube, HTTP_ROUTE, &owner)).await;
    vanishes("so does the permission for them", || labelled(&site.kube, REFERENCE_GRANT, &owner)).await;
    site.attached(0).await;
    let says = |record: &Value| {
        condition(record, "RoutesAccepted").is_some_and(|step| step["Reason"] == "NotAllowedByListeners")
    };
    client.until("gateway-instances", instance, SOON, says).await.unwrap();
    site.answers("/", 404, "").await;
    site.label(&site.ingress).await;
    site.answers("/", 200, &site.one).await;
    client.until_ready("gateway-instances", instance, SOON).await.unwrap();

    // 5. A grant lets it attach without the label, and only for as long as it is there.
    let grant = site.let_in().await;
    site.label("other").await;
    client.until_ready("gateway-instances", instance, SOON).await.unwrap();
    site.answers("/search/shoes", 200, &site.two).await;
    site.attached(1).await;
    client.delete("gateway-grants", grant).await.unwrap();
    vanishes("its routes go", || labelled(&site.kube, HTTP_ROUTE, &owner)).await;
    vanishes("so does the permission for them", || labelled(&site.kube, REFERENCE_GRANT, &owner)).await;
    site.attached(0).await;
    client.until("gateway-instances", instance, SOON, says).await.unwrap();
    site.answers("/", 404, "").await;

    // 6. The Gateway goes with its record; its namespace was there before, and stays.
    let published = client.list("domain-name-instances", &format!("name={}", site.one)).await.unwrap();
    client.delete("domain-name-instances", id_of(&published[0]).unwrap()).await.unwrap();
    client.delete("gateway-instances", instance).await.unwrap();
    client.until_gone("gateway-instances", instance, INSTALLED).await.unwrap();
    client.delete("shared-gateways", site.gateway).await.unwrap();
    client.until_gone("shared-gateways", site.gateway, SOON).await.unwrap();
    assert!(namespaces.get_opt(&site.ingress).await.unwrap().is_some());
    namespaces.delete(&site.ingress, &DeleteParams::default()).await.unwrap();
}
