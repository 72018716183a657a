//! The gateway's controller goes in the middle of a change and another one comes; and so does its proxy. All that in a cluster of the test's own: every gateway of
//! a cluster waits for its controller.

use causeway_rig::{OwnCluster, tools::Tools};
use causeway_testkit::{
    DOMAIN, Harness, INSTALLED, Load, Visitor, add_domain_name, add_gateway, add_runtime, add_workload_of, api,
    condition, harness, id_of,
    kinds::{NODE, POD},
    kube_client,
    objects::goes,
};
use kube::{
    ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};

use super::{
    answers,
    load::{RATE, go_on, none_failed, only, two_services},
};

/// The pods of Envoy Gateway itself.
const CONTROLLER: &str = "control-plane=envoy-gateway";
/// Those of the proxies that it starts for Gateways.
const PROXY: &str = "gateway.envoyproxy.io/owning-gateway-name";

/// A gateway in a cluster of its own, with two Services behind it: `web` answers `before`, `other` answers `after`.
struct Apart {
    harness: &'static Harness,
    own: OwnCluster,
    kube: kube::Client,
    runtime: i64,
    definition: i64,
    gateway: i64,
    published: i64,
    visitor: Visitor,
    url: String,
}

impl Apart {
    /// Returns when it answers by its name.
    async fn start() -> Self {
        let harness = harness().await;
        let (client, name) = (&harness.client, harness.name("apart"));
        let (dir, host) = (harness.endpoints.run_dir.join(&name), format!("{name}.{DOMAIN}"));
        std::fs::create_dir_all(&dir).unwrap();
        let own = OwnCluster::start_with_pods(&Tools::find().unwrap(), &dir, &harness.endpoints).await.unwrap();
        let runtime = add_runtime(client, own.endpoints(), &name).await.unwrap();
        let domain = json!({
            "Name": name, "Domain": host, "Zone": "Public", "AdminEmail": "ops@test.example", "TTL": 1,
            "IssuerKind": "SelfSigned", "DnsDriver": "route53",
        });
        let domain = id_of(&client.create("domain-name-definitions", &domain).await.unwrap()).unwrap();
        let workload = add_workload_of(client, runtime, &name, &two_services()).await.unwrap();
        let ports = json!([{"Port": 80, "ServicePort": 80}]);
        let more = json!({"DomainNameDefinitionID": domain, "ServiceName": "web", "HttpPorts": ports});
        let gateway = add_gateway(client, runtime, &name, workload, more).await.unwrap();
        let made = client.until_ready("gateway-instances", gateway, INSTALLED).await.unwrap();
        let definition = made["GatewayDefinitionID"].as_i64().unwrap();
        let published = add_domain_name(client, runtime, &name, domain, workload).await.unwrap();
        client.until_ready("domain-name-instances", published, INSTALLED).await.unwrap();
        let (visitor, url) = (Visitor::new(&harness.endpoints), format!("http://{host}/"));
        answers(&visitor, &url, "before").await;
        let kube = kube_client(own.endpoints()).await.unwrap();
        Self { harness, own, kube, runtime, definition, gateway, published, visitor, url }
    }

    async fn send_to(&self, service: &str) {
        let change = json!({"ServiceName": service});
        self.harness.client.patch("gateway-definitions", self.definition, &change).await.unwrap();
    }

    async fn until_ready(&self) {
        self.harness.client.until_ready("gateway-instances", self.gateway, INSTALLED).await.unwrap();
    }

    /// Waits until a condition is False for this reason, with all these words.
    async fn until_told(&self, step: &str, reason: &str, words: &[&str]) {
        let is_told = |gateway: &Value| {
            condition(gateway, step).is_some_and(|found| {
                let message = found["Message"].as_str().unwrap_or_default();
                found["Status"] == "False"
                    && found["Reason"] == reason
                    && words.iter().all(|word| message.contains(word))
            })
        };
        self.harness.client.until("gateway-instances", self.gateway, INSTALLED, is_told).await.unwrap();
    }

    /// Whether pods that come from now on find a place.
    async fn set_room(&self, room: bool) {
        let nodes = api(&self.kube, NODE, None);
        let change = Patch::Merge(json!({"spec": {"unschedulable": !room}}));
        for node in nodes.list(&ListParams::default()).await.unwrap() {
            nodes.patch(&node.name_any(), &PatchParams::default(), &change).await.unwrap();
        }
    }

    /// Takes these pods away, as whoever drains a node.
    async fn end(&self, selector: &str) {
        let pods = api(&self.kube, POD, None).list(&ListParams::default().labels(selector)).await.unwrap().items;
        assert!(!pods.is_empty(), "no pod has {selector}");
        for pod in pods {
            let there = api(&self.kube, POD, pod.metadata.namespace.as_deref());
            there.delete(&pod.name_any(), &DeleteParams::default()).await.unwrap();
            goes(&there, &pod.name_any(), "the pod is gone").await;
        }
    }

    async fn the_controller_is_replaced(&self) {
        let load = Load::start(&self.visitor, &self.url, RATE).unwrap();
        go_on(&load).await;
        // It is away when the change is made, and comes back when that has been waiting.
        self.set_room(false).await;
        self.end(CONTROLLER).await;
        let told = ["envoy-gateway", "has 0 available pods of 1", "see the events of its pods"];
        self.until_told("SupportServicesInstalled", "NotReady", &told).await;
        self.send_to("other").await;
        go_on(&load).await;
        assert_eq!(load.tally().answers.keys().collect::<Vec<_>>(), ["before"], "nobody can have told the proxy");
        self.set_room(true).await;
        only(&load, &["after"]).await;
        none_failed(&load.stop().await);
        // Its successor writes no status before the lease of the first one has ended.
        self.until_ready().await;
    }

    /// There is one proxy: nobody answers until the next one runs.
    async fn the_proxy_is_replaced(&self) {
        self.set_room(false).await;
        self.end(PROXY).await;
        let told = ["Envoy replicas unavailable", "its proxies do not run yet", "look at the controller's Deployments"];
        self.until_told("GatewayProgrammed", "NoResources", &told).await;
        let refused = self.visitor.get(&self.url).await;
        assert!(refused.is_err(), "{refused:?}");
        self.set_room(true).await;
        answers(&self.visitor, &self.url, "after").await;
        self.until_ready().await;
    }

    async fn stop(self) {
        let client = &self.harness.client;
        client.delete_and_wait("domain-name-instances", self.published, INSTALLED).await.unwrap();
        self.own.kill_apiserver().await;
        client.patch("kubernetes-runtime-instances", self.runtime, &json!({"ForceDelete": true})).await.unwrap();
        client.try_delete("kubernetes-runtime-instances", self.runtime).await.unwrap();
        self.own.stop().await;
    }
}

/// The test runs the pods, passes the requests on and sends them: more than one thread can do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_that_is_replaced_in_the_middle_of_a_change_fails_no_request_and_a_proxy_that_is_away_is_told() {
    let apart = Apart::start().await;
    apart.the_controller_is_replaced().await;
    apart.the_proxy_is_replaced().await;
    apart.stop().await;
}
