//! A gateway of one test, and what an admin of the cluster sees of it and changes in it.

use std::future::Future;

use causeway_rig::ClusterEndpoints;
use causeway_testkit::{
    Cleanup, DOMAIN, Harness, INSTALLED, add_domain_name, api, eventually, harness, id_of,
    kinds::{GATEWAY_CLASS, Gvk, LISTENER_SET, OWNER},
    object_name,
    objects::object,
};
use kube::{
    Api, ResourceExt,
    api::{DynamicObject, ListParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

/// A workload with a domain and a gateway, whose names no other test has.
pub(crate) struct Fixture {
    pub(crate) harness: &'static Harness,
    pub(crate) kube: kube::Client,
    pub(crate) name: String,
    pub(crate) workload: i64,
    pub(crate) domain: i64,
    pub(crate) definition: i64,
    /// The gateway instance.
    pub(crate) gateway: i64,
    /// Has nothing to do on the gateway that all share.
    pub(crate) cleanup: Cleanup,
}

impl Fixture {
    /// Makes the records and waits until the gateway is Ready. `more` holds the ports and whatever else the gateway definition should have.
    pub(crate) async fn ready(what: &str, more: Value) -> Self {
        let fixture = Self::begun(what, more, json!({})).await;
        fixture.until_ready().await;
        fixture
    }

    /// The same without waiting. `placed` is added to the gateway instance.
    pub(crate) async fn begun(what: &str, more: Value, placed: Value) -> Self {
        let harness = harness().await;
        let name = harness.name(what);
        let is_apart = more["Placement"] == "Dedicated" || more["GatewayClassName"].is_string();
        let workload = harness.workload(&name).await.unwrap();
        let domain = harness.domain(&name).await.unwrap();
        let definition = harness.definition(&name, Some(domain), more).await.unwrap();
        let mut body = harness.instance(&name, definition, workload);
        body.as_object_mut().unwrap().extend(placed.as_object().unwrap().clone());
        let gateway = id_of(&harness.client.create("gateway-instances", &body).await.unwrap()).unwrap();
        let cleanup = Cleanup::new(&harness.client, &[]);
        if is_apart {
            cleanup.add("gateway-instances", gateway);
        }
        Self { harness, kube: harness.kube().await.unwrap(), name, workload, domain, definition, gateway, cleanup }
    }

    pub(crate) async fn until_ready(&self) {
        self.harness.client.until_ready("gateway-instances", self.gateway, INSTALLED).await.unwrap();
    }

    /// Has the name published in the zone.
    pub(crate) async fn publish(&self) -> i64 {
        let (client, runtime) = (&self.harness.client, self.harness.runtime);
        let id = add_domain_name(client, runtime, &self.name, self.domain, self.workload).await.unwrap();
        client.until_ready("domain-name-instances", id, INSTALLED).await.unwrap();
        id
    }

    /// How many reconciles of the gateway instance have failed since the last that didn't.
    pub(crate) async fn attempts(&self) -> i32 {
        let mut database = PgConnection::connect(&self.harness.platform.database_url()).await.unwrap();
        let query = "SELECT attempts FROM reconciliations WHERE kind = 'GatewayInstance' AND id = $1";
        sqlx::query_scalar(query).bind(self.gateway).fetch_one(&mut database).await.unwrap()
    }

    /// The workload's namespace, where the routes are.
    pub(crate) fn namespace(&self) -> String {
        object_name(&self.name, self.workload)
    }

    pub(crate) fn hostname(&self) -> String {
        format!("{}.{}", self.name, DOMAIN)
    }

    /// The name of the route for a port: `http-80`, `tcp-5432`.
    pub(crate) fn route(&self, port: &str) -> String {
        format!("{}-{port}", object_name(&self.name, self.gateway))
    }

    /// Objects of the workload's namespace.
    pub(crate) fn here(&self, kind: Gvk<'static>) -> Api<DynamicObject> {
        api(&self.kube, kind, Some(&self.namespace()))
    }

    /// The gateway instance's objects of a kind, in all namespaces.
    pub(crate) async fn own(&self, kind: Gvk<'static>) -> Vec<DynamicObject> {
        labelled(&self.kube, kind, &format!("gateway-instance-{}", self.gateway)).await
    }

    /// The listeners for the fixture's hostname in all ListenerSets: port and protocol, sorted.
    pub(crate) async fn listeners(&self) -> Vec<(i64, String)> {
        let sets = api(&self.kube, LISTENER_SET, None).list(&ListParams::default()).await.unwrap();
        let all = sets.iter().flat_map(|set| set.data["spec"]["listeners"].as_array().cloned().unwrap_or_default());
        let own = all.filter(|listener| listener["hostname"] == json!(self.hostname()));
        let mut found: Vec<_> =
            own.map(|l| (l["port"].as_i64().unwrap(), l["protocol"].as_str().unwrap().to_owned())).collect();
        found.sort();
        found
    }
}

/// A GatewayClass of Envoy Gateway for this test alone, and so a shared gateway for this test alone. Made as soon as the cluster knows
/// the kind.
pub(crate) async fn make_class(kube: &kube::Client, name: &str) {
    let class = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": name},
        "spec": {"controllerName": "gateway.envoyproxy.io/gatewayclass-controller"},
    });
    let class = object(class);
    eventually("the GatewayClass is accepted", async || {
        api(kube, GATEWAY_CLASS, None).create(&PostParams::default(), &class).await.map_err(|error| error.to_string())
    })
    .await;
}

/// All objects of a kind with an owner's label.
pub(crate) async fn labelled(kube: &kube::Client, kind: Gvk<'static>, owner: &str) -> Vec<DynamicObject> {
    let selector = format!("{OWNER}={owner}");
    api(kube, kind, None).list(&ListParams::default().labels(&selector)).await.unwrap().items
}

/// What an admin does with `kubectl patch --type=merge`.
pub(crate) async fn meddle(objects: &Api<DynamicObject>, name: &str, change: &Value) -> DynamicObject {
    let parameters = PatchParams { field_manager: Some("somebody".into()), ..PatchParams::default() };
    objects.patch(name, &parameters, &Patch::Merge(change)).await.unwrap()
}

/// Waits until the list is empty.
pub(crate) async fn vanishes<F: Future<Output = Vec<DynamicObject>>>(what: &str, list: impl Fn() -> F) {
    eventually(what, async || {
        let left: Vec<String> = list().await.iter().map(ResourceExt::name_any).collect();
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
}

/// The writes in a cluster's log whose address holds `part`, such as a name: audit.k8s.io Events in their order. A watch may show a write a moment before it
/// is in the log.
pub(crate) async fn writes(cluster: &ClusterEndpoints, part: &str) -> Vec<Value> {
    logged(cluster, part, "").await
}

/// Those that the control plane's user made.
pub(crate) async fn our_writes(cluster: &ClusterEndpoints, part: &str) -> Vec<Value> {
    let all = logged(cluster, part, "\"username\":\"causeway\"").await;
    all.into_iter().filter(|event| event["user"]["username"] == "causeway").collect()
}

/// Only lines with this mark are read as JSON: most of a log is what controllers write.
async fn logged(cluster: &ClusterEndpoints, part: &str, mark: &str) -> Vec<Value> {
    // What is just being written may end in the middle of a character.
    let log = tokio::fs::read(&cluster.audit_log).await.unwrap();
    let log = String::from_utf8_lossy(&log);
    let lines = log.lines().filter(|line| line.contains(part) && line.contains(mark));
    // A line that is just being written is no JSON yet.
    let events = lines.filter_map(|line| serde_json::from_str(line).ok());
    events.filter(|event: &Value| event["requestURI"].as_str().is_some_and(|uri| uri.contains(part))).collect()
}

/// All of an object but what controllers note in its status, whenever they do: metadata and spec.
pub(crate) fn without_status(object: &DynamicObject) -> (Value, Value) {
    let whole = serde_json::to_value(object).unwrap();
    let mut metadata = whole["metadata"].clone();
    metadata["managedFields"].as_array_mut().unwrap().retain(|entry| entry["subresource"] != "status");
    metadata["resourceVersion"].take();
    (metadata, whole["spec"].clone())
}

/// The manifest of a kind Widget, whose objects may hold anything.
pub(crate) fn widgets(group: &str) -> String {
    format!(
        "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: widgets.{group}}}
spec:
  group: {group}
  scope: Namespaced
  names: {{kind: Widget, plural: widgets, singular: widget}}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}
"
    )
}
