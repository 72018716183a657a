//! A test's own fixture of the shared API server: a namespace, a control plane and a field manager that no other test has.

use std::{
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use causeway_cluster::{Cluster, ClusterAccess, ClusterAuth, FieldOwner, ObjectCache, WriteOutcome};
use causeway_records::inventory::{Inventory, InventoryEntry, ObjectRef};
use causeway_render::{
    labels::{CONTROL_PLANE, OWNER},
    plan::{Object, Plan},
};
use causeway_rig::Endpoints;
use kube::{
    Api, Client,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
    client::{Body, ClientBuilder},
    config::{KubeConfigOptions, Kubeconfig},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::{Value, json};
use tower::util::MapRequestLayer;

/// The record for which tests write.
pub(crate) const RECORD: &str = "gateway-instance-7";
/// Generous: only a failing test waits so long.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// One test's fixture.
pub(crate) struct Fixture {
    pub(crate) cluster: Cluster,
    /// Somebody else with every right.
    pub(crate) admin: Client,
    /// A namespace that somebody else made.
    pub(crate) namespace: String,
    pub(crate) control_plane: String,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let cluster = Cluster::connect(&access()).unwrap();
        let id = uuid::Uuid::new_v4().simple().to_string();
        let fixture = Self {
            cluster,
            admin: Client::try_from(config().await).unwrap(),
            namespace: format!("test-{}", &id[..12]),
            control_plane: id[..12].to_owned(),
        };
        fixture.create(&namespace_ref(&fixture.namespace), json!({})).await;
        fixture
    }

    pub(crate) fn writer(&self) -> FieldOwner {
        self.writer_for(RECORD)
    }

    pub(crate) fn writer_for(&self, owner: &str) -> FieldOwner {
        FieldOwner::new(self.control_plane.as_str(), owner, || true)
    }

    /// ObjectCache that watch nothing: every object is looked at.
    pub(crate) fn unwatched(&self) -> ObjectCache {
        ObjectCache::new(self.cluster.clone(), self.control_plane.as_str(), |_| ())
    }

    /// An object of the record as the plan holds it.
    pub(crate) fn object(&self, at: ObjectRef, fields: Value) -> Object {
        let labels = json!({CONTROL_PLANE: self.control_plane, OWNER: RECORD});
        let body = body(&at, &labels, fields);
        Object::new(at, body)
    }

    /// A namespace that the record makes.
    pub(crate) fn own_namespace(&self) -> Object {
        self.object(namespace_ref(&format!("{}-own", self.namespace)), json!({}))
    }

    pub(crate) fn config_map(&self, name: &str, text: &str) -> Object {
        self.object(config_map_ref(&self.namespace, name), json!({"data": {"text": text}}))
    }

    /// Applies for the record, without watches.
    pub(crate) async fn apply(&self, objects: &[Object], inventory: &[InventoryEntry]) -> WriteOutcome {
        self.cluster.apply(&self.writer(), &plan(objects), inventory, &self.unwatched()).await
    }

    /// Applies what nothing stands in the way of.
    pub(crate) async fn applied(&self, objects: &[Object], inventory: &[InventoryEntry]) -> WriteOutcome {
        let outcome = self.apply(objects, inventory).await;
        assert!(outcome.errors.is_empty(), "{:?}", outcome.errors);
        outcome
    }

    pub(crate) async fn prune(&self, entries: &[InventoryEntry]) -> WriteOutcome {
        self.cluster.prune(&self.writer(), entries).await
    }

    fn api(&self, at: &ObjectRef) -> Api<DynamicObject> {
        api(&self.admin, at)
    }

    /// Somebody else makes an object.
    pub(crate) async fn create(&self, at: &ObjectRef, fields: Value) -> DynamicObject {
        let object = serde_json::from_value(body(at, &json!({}), fields)).unwrap();
        self.api(at).create(&PostParams::default(), &object).await.unwrap()
    }

    /// A controller writes a status.
    pub(crate) async fn set_status(&self, at: &ObjectRef, status: Value) {
        let params = PatchParams::default();
        self.api(at).patch_status(&at.name, &params, &Patch::Merge(status)).await.unwrap();
    }

    /// Somebody else merges something into an object.
    pub(crate) async fn edit(&self, at: &ObjectRef, patch: Value) -> DynamicObject {
        let params = PatchParams { field_manager: Some("somebody".into()), ..PatchParams::default() };
        self.api(at).patch(&at.name, &params, &Patch::Merge(patch)).await.unwrap()
    }

    /// Somebody else applies fields to an object as a good citizen does.
    pub(crate) async fn apply_as_somebody(&self, at: &ObjectRef, fields: Value) -> DynamicObject {
        let params = PatchParams::apply("somebody");
        self.api(at).patch(&at.name, &params, &Patch::Apply(body(at, &json!({}), fields))).await.unwrap()
    }

    /// Somebody else deletes an object, and it is gone.
    pub(crate) async fn delete(&self, at: &ObjectRef) {
        self.api(at).delete(&at.name, &DeleteParams::default()).await.unwrap();
        eventually("it is gone", async || self.read(at).await.is_none()).await;
    }

    pub(crate) async fn read(&self, at: &ObjectRef) -> Option<DynamicObject> {
        self.api(at).get_opt(&at.name).await.unwrap()
    }

    /// Whether the API server answers for this kind: for a moment it still does when its definition is gone.
    pub(crate) async fn serves(&self, at: &ObjectRef) -> bool {
        !matches!(self.api(at).list(&ListParams::default()).await, Err(kube::Error::Api(status)) if status.code == 404)
    }

    /// What stands beside an object.
    pub(crate) async fn names(&self, at: &ObjectRef) -> Vec<String> {
        let list = self.api(at).list(&ListParams::default()).await.unwrap();
        list.items.into_iter().filter_map(|object| object.metadata.name).collect()
    }
}

fn api(client: &Client, at: &ObjectRef) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(&at.group, &at.version, &at.kind));
    match &at.namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}

fn body(at: &ObjectRef, labels: &Value, fields: Value) -> Value {
    let mut body = json!({
        "apiVersion": at.api_version(), "kind": at.kind, "metadata": {"name": at.name, "labels": labels},
    });
    if let Some(namespace) = &at.namespace {
        body["metadata"]["namespace"] = json!(namespace);
    }
    for (name, value) in fields.as_object().unwrap() {
        if name == "labels" {
            body["metadata"]["labels"].as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
        } else if name == "finalizers" {
            body["metadata"]["finalizers"] = value.clone();
        } else {
            body[name] = value.clone();
        }
    }
    body
}

pub(crate) fn plan(objects: &[Object]) -> Plan {
    objects.to_vec().into()
}

/// What is remembered of one object.
pub(crate) fn entry<'a>(inventory: &'a Inventory, at: &ObjectRef) -> &'a InventoryEntry {
    inventory.iter().find(|entry| &entry.object == at).unwrap()
}

pub(crate) fn config_map_ref(namespace: &str, name: &str) -> ObjectRef {
    ObjectRef {
        group: String::new(),
        version: "v1".into(),
        kind: "ConfigMap".into(),
        namespace: Some(namespace.into()),
        name: name.into(),
    }
}

pub(crate) fn namespace_ref(name: &str) -> ObjectRef {
    ObjectRef {
        group: String::new(),
        version: "v1".into(),
        kind: "Namespace".into(),
        namespace: None,
        name: name.into(),
    }
}

/// Waits for a condition. What it waits for is said when it does not come.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while !condition().await {
        assert!(tokio::time::Instant::now() < deadline, "not within {DEADLINE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// How the control plane reaches the cluster of the rig.
pub(crate) fn access() -> ClusterAccess {
    let rig = Endpoints::from_env().unwrap();
    let cluster = rig.cluster().clone();
    ClusterAccess {
        endpoint: cluster.server,
        ca_pem: Some(cluster.ca),
        auth: ClusterAuth::ClientCert { cert_pem: cluster.causeway.certificate, key_pem: cluster.causeway.key.into() },
        server_name: None,
    }
}

async fn config() -> kube::Config {
    let kubeconfig = Kubeconfig::read_from(&Endpoints::from_env().unwrap().cluster().admin.kubeconfig).unwrap();
    kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap()
}

/// The requests that were sent through one cluster, as `GET /api/v1/…`.
#[derive(Clone, Default)]
pub(crate) struct Requests(Arc<Mutex<Vec<String>>>);

impl Requests {
    /// A cluster whose requests are noted here.
    pub(crate) async fn cluster(&self) -> Cluster {
        let requests = self.0.clone();
        let note = MapRequestLayer::new(move |request: http::Request<Body>| {
            requests.lock().unwrap().push(format!("{} {}", request.method(), request.uri().path()));
            request
        });
        Cluster::from_client(ClientBuilder::try_from(config().await).unwrap().with_layer(&note).build())
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}
