//! A gateway of one test's own, and what an admin sees of it and does to it behind the control plane's back.

use std::future::Future;

use causeway_rig::{ClusterEndpoints, platform::id_of};
pub(crate) use causeway_tests::eventually;
use causeway_tests::{INSTALLED, Stage, api, object_name, stage};
use kube::{
    Api, ResourceExt,
    api::{DynamicObject, ListParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

/// Group, version and kind.
pub(crate) type Kind = (&'static str, &'static str, &'static str);

pub(crate) const GATEWAY_CLASS: Kind = ("gateway.networking.k8s.io", "v1", "GatewayClass");
pub(crate) const GATEWAY: Kind = ("gateway.networking.k8s.io", "v1", "Gateway");
pub(crate) const LISTENER_SET: Kind = ("gateway.networking.k8s.io", "v1", "ListenerSet");
pub(crate) const HTTP_ROUTE: Kind = ("gateway.networking.k8s.io", "v1", "HTTPRoute");
pub(crate) const TCP_ROUTE: Kind = ("gateway.networking.k8s.io", "v1", "TCPRoute");
pub(crate) const CONFIG_MAP: Kind = ("", "v1", "ConfigMap");
pub(crate) const SECRET: Kind = ("", "v1", "Secret");
pub(crate) const DNS_ENDPOINT: Kind = ("externaldns.k8s.io", "v1alpha1", "DNSEndpoint");

pub(crate) const CONTROL_PLANE: &str = "causeway.dev/control-plane";
pub(crate) const OWNER: &str = "causeway.dev/owner";

/// A workload with a domain and a gateway, named as nobody else's.
pub(crate) struct Scene {
    pub(crate) stage: &'static Stage,
    pub(crate) kube: kube::Client,
    pub(crate) name: String,
    pub(crate) workload: i64,
    pub(crate) domain: i64,
    pub(crate) definition: i64,
    /// The gateway instance.
    pub(crate) gateway: i64,
}

impl Scene {
    /// Makes it and waits until it is Ready. `more` holds the ports and whatever else the gateway definition should have.
    pub(crate) async fn ready(what: &str, more: Value) -> Self {
        let scene = Self::begun(what, more, json!({})).await;
        scene.until_ready().await;
        scene
    }

    /// The same without waiting. `placed` is added to the gateway instance.
    pub(crate) async fn begun(what: &str, more: Value, placed: Value) -> Self {
        let stage = stage().await;
        let name = stage.name(what);
        let workload = stage.workload(&name).await.unwrap();
        let domain = stage.domain(&name).await.unwrap();
        let definition = stage.definition(&name, Some(domain), more).await.unwrap();
        let mut body = stage.instance(&name, definition, workload);
        body.as_object_mut().unwrap().extend(placed.as_object().unwrap().clone());
        let gateway = id_of(&stage.client.create("gateway-instances", &body).await.unwrap()).unwrap();
        Self { stage, kube: stage.kube().await.unwrap(), name, workload, domain, definition, gateway }
    }

    pub(crate) async fn until_ready(&self) {
        self.stage.client.until_ready("gateway-instances", self.gateway, INSTALLED).await.unwrap();
    }

    /// Has the name published in the zone.
    pub(crate) async fn publish(&self) -> i64 {
        let body = json!({
            "Name": self.name, "KubernetesRuntimeInstanceID": self.stage.runtime,
            "DomainNameDefinitionID": self.domain, "WorkloadInstanceID": self.workload,
        });
        let id = id_of(&self.stage.client.create("domain-name-instances", &body).await.unwrap()).unwrap();
        self.stage.client.until_ready("domain-name-instances", id, INSTALLED).await.unwrap();
        id
    }

    /// How often a pass over the gateway instance has failed since the last that didn't.
    pub(crate) async fn attempts(&self) -> i32 {
        let mut database = PgConnection::connect(&self.stage.platform.database_url()).await.unwrap();
        let query = "SELECT attempts FROM reconciliations WHERE kind = 'GatewayInstance' AND id = $1";
        sqlx::query_scalar(query).bind(self.gateway).fetch_one(&mut database).await.unwrap()
    }

    /// The workload's namespace, where the routes stand.
    pub(crate) fn namespace(&self) -> String {
        object_name(&self.name, self.workload)
    }

    pub(crate) fn hostname(&self) -> String {
        format!("{}.{}", self.name, causeway_tests::DOMAIN)
    }

    /// The name of the route for a port: `http-80`, `tcp-5432`.
    pub(crate) fn route(&self, port: &str) -> String {
        format!("{}-{port}", object_name(&self.name, self.gateway))
    }

    /// Objects of the workload's namespace.
    pub(crate) fn here(&self, kind: Kind) -> Api<DynamicObject> {
        api(&self.kube, kind, Some(&self.namespace()))
    }

    /// The gateway instance's objects of a kind, wherever they stand.
    pub(crate) async fn own(&self, kind: Kind) -> Vec<DynamicObject> {
        labelled(&self.kube, kind, &format!("gateway-instance-{}", self.gateway)).await
    }

    /// The listeners for the scene's hostname in all ListenerSets: port and protocol, sorted.
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

/// A GatewayClass of Envoy Gateway that nobody else uses, and so a shared gateway that nobody else uses. Made as soon as the cluster knows
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

/// All objects of a kind that bear an owner's label.
pub(crate) async fn labelled(kube: &kube::Client, kind: Kind, owner: &str) -> Vec<DynamicObject> {
    let selector = format!("{OWNER}={owner}");
    api(kube, kind, None).list(&ListParams::default().labels(&selector)).await.unwrap().items
}

/// An object from its manifest.
pub(crate) fn object(manifest: Value) -> DynamicObject {
    serde_json::from_value(manifest).unwrap()
}

/// What somebody else does with `kubectl patch --type=merge`.
pub(crate) async fn meddle(objects: &Api<DynamicObject>, name: &str, change: &Value) -> DynamicObject {
    let parameters = PatchParams { field_manager: Some("somebody".into()), ..PatchParams::default() };
    objects.patch(name, &parameters, &Patch::Merge(change)).await.unwrap()
}

/// Looks until an object is there and `wanted` says that it is as it should be.
pub(crate) async fn becomes(
    objects: &Api<DynamicObject>,
    name: &str,
    what: &str,
    wanted: impl Fn(&DynamicObject) -> bool,
) -> DynamicObject {
    eventually(what, async || match objects.get_opt(name).await {
        Ok(Some(found)) if wanted(&found) => Ok(found),
        other => Err(other),
    })
    .await
}

/// Looks until none is left.
pub(crate) async fn vanishes<F: Future<Output = Vec<DynamicObject>>>(what: &str, list: impl Fn() -> F) {
    eventually(what, async || {
        let left: Vec<String> = list().await.iter().map(ResourceExt::name_any).collect();
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
}

/// A value somewhere in an object.
pub(crate) fn at<'a>(object: &'a DynamicObject, pointer: &str) -> &'a Value {
    object.data.pointer(pointer).unwrap_or(&Value::Null)
}

/// The writes in a cluster's log whose address holds `part`, such as a name: audit.k8s.io Events in their order.
pub(crate) async fn writes(cluster: &ClusterEndpoints, part: &str) -> Vec<Value> {
    let log = tokio::fs::read_to_string(&cluster.audit_log).await.unwrap();
    // A line that is just being written is no JSON yet.
    let lines = log.lines().filter(|line| line.contains(part)).filter_map(|line| serde_json::from_str(line).ok());
    lines.filter(|event: &Value| event["requestURI"].as_str().is_some_and(|uri| uri.contains(part))).collect()
}

/// Those that the control plane's user made.
pub(crate) async fn our_writes(cluster: &ClusterEndpoints, part: &str) -> Vec<Value> {
    writes(cluster, part).await.into_iter().filter(|event| event["user"]["username"] == "causeway").collect()
}
