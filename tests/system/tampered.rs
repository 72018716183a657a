//! Gateways and listeners that somebody changes in the cluster while nobody mends them: the real controller's reason, and the next step, stand in the conditions of
//! the gateway instance. Once the record goes on, everything is as it was.

use causeway_testkit::{
    Cleanup, DOMAIN, Harness, INSTALLED, add_workload_of, answering, api, eventually, harness, id_of,
    kinds::{DEPLOYMENT, GATEWAY, NAMESPACE, SECRET},
    object_name,
    objects::object,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::{
    fixture::{Fixture, make_class},
    reasons::says,
    traffic::Proof,
};

/// A shared gateway's record, its Gateway, and a gateway instance on it.
struct Tampered {
    harness: &'static Harness,
    shared: i64,
    instance: i64,
    /// Where the Gateway is, and its name.
    namespace: String,
    gateway: String,
    gateways: Api<DynamicObject>,
    _cleanup: Cleanup,
}

impl Tampered {
    /// A platform team's Gateway with a listener for HTTP and one for HTTPS.
    async fn given(what: &str) -> Self {
        let harness = harness().await;
        let kube = harness.kube().await.unwrap();
        let (ingress, name) = (harness.name("ingress"), harness.name(what));
        let namespace = object(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ingress}}));
        api(&kube, NAMESPACE, None).create(&PostParams::default(), &namespace).await.unwrap();
        let below = format!("*.{name}.{DOMAIN}");
        let secret: Value = serde_json::from_str(&Proof::of(&below).secret).unwrap();
        api(&kube, SECRET, Some(&ingress)).create(&PostParams::default(), &object(secret)).await.unwrap();
        let body = json!({
            "Name": ingress, "KubernetesRuntimeInstanceID": harness.runtime, "Namespace": ingress, "AttachableBy": "All",
            "Listeners": [
                {"Name": "http", "Port": 80, "Protocol": "HTTP", "Hostname": below},
                {"Name": "https", "Port": 443, "Protocol": "HTTPS", "Hostname": below, "SecretName": "own"},
            ],
        });
        let shared = id_of(&harness.client.create("shared-gateways", &body).await.unwrap()).unwrap();
        let domain = harness.domain(&name).await.unwrap();
        let ports = json!({"SubDomain": "www", "HttpPorts": [{"Port": 80}, {"Port": 443, "TLSEnabled": true}]});
        let workload = add_workload_of(&harness.client, harness.runtime, &name, &answering(&name)).await.unwrap();
        let definition = harness.definition(&name, Some(domain), ports).await.unwrap();
        let mut body = harness.instance(&name, definition, workload);
        body["SharedGatewayID"] = json!(shared);
        let instance = id_of(&harness.client.create("gateway-instances", &body).await.unwrap()).unwrap();
        let _cleanup = Cleanup::new(&harness.client, &[("gateway-instances", instance)]);
        harness.client.until_ready("gateway-instances", instance, INSTALLED).await.unwrap();
        let (gateways, gateway) = (api(&kube, GATEWAY, Some(&ingress)), object_name(&ingress, shared));
        Self { harness, shared, instance, namespace: ingress, gateway, gateways, _cleanup }
    }

    /// Has nobody mend the Gateway, and changes it.
    async fn change(&self, change: impl Fn(&mut Value)) {
        self.harness.client.pause("shared-gateways", self.shared).await.unwrap();
        eventually("the Gateway is changed", async || {
            let mut gateway = self.gateways.get(&self.gateway).await.map_err(|error| error.to_string())?;
            change(&mut gateway.data["spec"]);
            let replaced = self.gateways.replace(&self.gateway, &PostParams::default(), &gateway).await;
            replaced.map(drop).map_err(|error| error.to_string())
        })
        .await;
    }

    /// Waits until the instance tells it. What others' objects say it reads when it is asked to.
    async fn tells(&self, step: &str, reason: &str, words: &[&str]) {
        self.harness.client.patch("gateway-instances", self.instance, &json!({"Reconciled": false})).await.unwrap();
        says(self.harness, self.instance, step, ("False", reason), words).await;
    }

    async fn is_mended(&self) {
        self.harness.client.go_on("shared-gateways", self.shared).await.unwrap();
        self.harness.client.until_ready("shared-gateways", self.shared, INSTALLED).await.unwrap();
        self.harness.client.until_ready("gateway-instances", self.instance, INSTALLED).await.unwrap();
    }
}

/// The instance goes, then the Gateway with its Envoy, then the namespace.
async fn end(site: Tampered) {
    let Tampered { harness, shared, instance, ref namespace, .. } = site;
    harness.client.delete_and_wait("gateway-instances", instance, INSTALLED).await.unwrap();
    harness.client.delete_and_wait("shared-gateways", shared, INSTALLED).await.unwrap();
    let namespaces = api(&harness.kube().await.unwrap(), NAMESPACE, None);
    namespaces.delete(namespace, &DeleteParams::default()).await.unwrap();
}

fn each_listener(spec: &mut Value) -> impl Iterator<Item = &mut Value> {
    spec["listeners"].as_array_mut().into_iter().flatten()
}

#[tokio::test]
async fn listeners_that_let_in_other_namespaces_or_hostnames_refuse_routes() {
    let site = Tampered::given("listeners").await;
    site.change(|spec| {
        each_listener(spec).for_each(|listener| listener["allowedRoutes"]["namespaces"] = json!({"from": "Same"}))
    })
    .await;
    let next = ["is refused by listener", "the listener does not let in routes of this namespace yet"];
    site.tells("RoutesAccepted", "NotAllowedByListeners", &next).await;
    site.is_mended().await;
    site.change(|spec| each_listener(spec).for_each(|listener| listener["hostname"] = json!("elsewhere.example")))
        .await;
    let next = ["is refused by listener", "see who has changed it, or correct Hostnames of the gateway definition"];
    site.tells("RoutesAccepted", "NoMatchingListenerHostname", &next).await;
    site.is_mended().await;
    end(site).await;
}

#[tokio::test]
async fn a_listener_whose_secret_is_elsewhere_may_not_have_it() {
    let site = Tampered::given("secrets").await;
    let elsewhere = |spec: &mut Value| {
        for listener in each_listener(spec).filter(|listener| listener["protocol"] == "HTTPS") {
            listener["tls"]["certificateRefs"][0]["namespace"] = json!("default");
        }
    };
    site.change(elsewhere).await;
    let next =
        ["does not work", "the Secret of its certificate is in another namespace: see who has changed the listener"];
    site.tells("ListenersReady", "RefNotPermitted", &next).await;
    site.is_mended().await;
    end(site).await;
}

/// With a class of one's own, and so a common gateway of one's own, whose hostnames are in ListenerSets.
#[tokio::test]
async fn a_gateway_that_takes_no_listener_sets_refuses_hostnames() {
    let class = harness().await.name("closed");
    let fixture =
        Fixture::begun("closed", json!({"GatewayClassName": class, "HttpPorts": [{"Port": 80}]}), json!({})).await;
    make_class(&fixture.kube, &class).await;
    fixture.until_ready().await;
    let (harness, client) = (fixture.harness, &fixture.harness.client);
    let listed = client.list("shared-gateways", &format!("gatewayclassname={class}")).await.unwrap();
    let shared = id_of(&listed[0]).unwrap();
    let gateway = format!("shared-gateway-{shared}");
    let site = Tampered {
        harness,
        shared,
        instance: fixture.gateway,
        gateways: api(&fixture.kube, GATEWAY, Some(&gateway)),
        namespace: gateway.clone(),
        gateway,
        _cleanup: Cleanup::new(client, &[]),
    };
    site.change(|spec| spec["allowedListeners"] = json!({"namespaces": {"from": "None"}})).await;
    let next = ["is refused", "the Gateway takes no ListenerSets there: see who has changed its allowedListeners"];
    site.tells("ListenersReady", "NotAllowed", &next).await;
    site.is_mended().await;
}

#[tokio::test]
async fn a_gateway_without_proxies_is_not_programmed() {
    let own = json!({"Placement": "Dedicated", "HttpPorts": [{"Port": 80}]});
    let fixture = Fixture::ready("no-proxies", own).await;
    let gateway = fixture.own(GATEWAY).await.remove(0).name_any();
    let of_it = format!(
        "gateway.envoyproxy.io/owning-gateway-namespace={},gateway.envoyproxy.io/owning-gateway-name={gateway}",
        fixture.namespace()
    );
    let all = api(&fixture.kube, DEPLOYMENT, None).list(&ListParams::default().labels(&of_it)).await.unwrap().items;
    let [proxies] = all.as_slice() else { panic!("{of_it}: {all:#?}") };
    let deployments = api(&fixture.kube, DEPLOYMENT, proxies.metadata.namespace.as_deref());
    let scale = async |replicas: u32| {
        let change = Patch::Merge(json!({"spec": {"replicas": replicas}}));
        deployments.patch(&proxies.name_any(), &PatchParams::default(), &change).await.unwrap();
    };
    scale(0).await;
    let next = ["is not programmed", "its proxies do not run yet; look at the controller's Deployments and Pods"];
    says(fixture.harness, fixture.gateway, "GatewayProgrammed", ("False", "NoResources"), &next).await;
    scale(1).await;
    fixture.until_ready().await;
}
