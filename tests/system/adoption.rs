//! Support services that an admin installed: used as they are, never changed, never deleted.
//!
//! All of this happens on the second cluster, which is bare: no pod ever runs there.

use std::collections::BTreeMap;

use causeway_rig::{ClusterEndpoints, Endpoints, OwnCluster, tools::Tools};
use causeway_testkit::{
    ApiClient, ControlPlane, INSTALLED, Kubectl, SOON, Setup, add_runtime, api, bundle, condition, eventually, id_of,
    kinds::{CONTROL_PLANE, CUSTOM_RESOURCE_DEFINITION, DEPLOYMENT, NAMESPACE, OWNER},
    kube_client,
    objects::{at, goes, object, objects},
};
use kube::{Api, ResourceExt, api::DynamicObject};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use crate::{control_planes::identity, fixture::meddle};

const IMAGE: &str = "quay.io/jetstack/cert-manager-controller";

/// A cluster in which an admin has installed Gateway API's definitions, and a control plane that knows nothing of it yet.
pub(crate) struct Fixture {
    pub(crate) cluster: ClusterEndpoints,
    platform: ControlPlane,
    pub(crate) client: ApiClient,
    pub(crate) kube: kube::Client,
    pub(crate) runtime: i64,
    /// What these tests install is there once in a cluster, so one at a time.
    _alone: MutexGuard<'static, ()>,
}

impl Fixture {
    pub(crate) async fn start(name: &str) -> Self {
        static ALONE: Mutex<()> = Mutex::const_new(());
        let alone = ALONE.lock().await;
        let endpoints = Endpoints::from_env().unwrap();
        let cluster = endpoints.clusters.get(1).expect("run the rig with --extra-clusters 1").clone();
        let kube = kube_client(&cluster).await.unwrap();
        install(&endpoints, &cluster, "gateway-api-").await;
        let platform = ControlPlane::start(&endpoints, Setup::for_test(name)).await.unwrap();
        let client = platform.client();
        let runtime = add_runtime(&client, &cluster, "bare").await.unwrap();
        Self { cluster, platform, client, kube, runtime, _alone: alone }
    }

    pub(crate) fn definitions(&self) -> Api<DynamicObject> {
        api(&self.kube, CUSTOM_RESOURCE_DEFINITION, None)
    }

    fn controllers(&self) -> Api<DynamicObject> {
        api(&self.kube, DEPLOYMENT, Some("cert-manager"))
    }

    /// The definitions of an API group.
    pub(crate) async fn of_group(&self, group: &str) -> Vec<DynamicObject> {
        let all = self.definitions().list(&Default::default()).await.unwrap().items;
        all.into_iter().filter(|found| at(found, "/spec/group") == group).collect()
    }

    /// The same as they are stored: any write to one, even one without a change, changes this.
    async fn stored(&self, group: &str) -> BTreeMap<String, String> {
        self.of_group(group).await.iter().map(|found| (found.name_any(), fingerprint(found))).collect()
    }

    /// cert-manager's controller as an admin installs it.
    async fn install_controller(&self, endpoints: &Endpoints, tag: &str) {
        self.install_controller_in(endpoints, "cert-manager", tag, &[]).await;
    }

    /// The same in another namespace, with arguments; no other controller of cert-manager is left.
    pub(crate) async fn install_controller_in(&self, endpoints: &Endpoints, namespace: &str, tag: &str, told: &[&str]) {
        install(endpoints, &self.cluster, "cert-manager-").await;
        self.remove_controllers().await;
        let namespaces = api(&self.kube, NAMESPACE, None);
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        if namespaces.get_opt(namespace).await.unwrap().is_none() {
            namespaces.create(&Default::default(), &object(body)).await.unwrap();
        }
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cert-manager"},
            "spec": {
                "selector": {"matchLabels": {"app": "cert-manager"}},
                "template": {
                    "metadata": {"labels": {"app": "cert-manager"}},
                    "spec": {"containers": [{"name": "controller", "image": format!("{IMAGE}:{tag}"), "args": told}]},
                },
            },
        });
        let controllers = api(&self.kube, DEPLOYMENT, Some(namespace));
        controllers.create(&Default::default(), &object(deployment)).await.unwrap();
    }

    pub(crate) async fn remove_controllers(&self) {
        for namespace in ["cert-manager", "security"] {
            let controllers = api(&self.kube, DEPLOYMENT, Some(namespace));
            if controllers.get_opt("cert-manager").await.unwrap().is_some() {
                controllers.delete("cert-manager", &Default::default()).await.unwrap();
                goes(&controllers, "cert-manager", "the old controller goes").await;
            }
        }
    }

    pub(crate) async fn stop(self) {
        self.platform.stop().await;
    }

    pub(crate) async fn add(&self, service: &str) -> i64 {
        let body = json!({"Name": service, "KubernetesRuntimeInstanceID": self.runtime, "Service": service});
        id_of(&self.client.create("support-service-instances", &body).await.unwrap()).unwrap()
    }

    /// Waits until `Applied` has this reason, and returns its message.
    async fn until_applied(&self, id: i64, status: &str, reason: &str) -> String {
        let as_wanted = |record: &Value| {
            condition(record, "Applied").is_some_and(|found| found["Status"] == status && found["Reason"] == reason)
        };
        let record = self.client.until("support-service-instances", id, SOON, as_wanted).await.unwrap();
        condition(&record, "Applied").unwrap()["Message"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn until_adopted(&self, id: i64) -> String {
        let message = self.until_applied(id, "True", "Adopted").await;
        self.client.until_ready("support-service-instances", id, SOON).await.unwrap();
        assert!(message.contains("not installed by this instance") && message.contains("used as it is"), "{message}");
        message
    }

    /// Has it reconciled again, as a person does who has just corrected something.
    pub(crate) async fn look_again(&self, id: i64) {
        self.client.patch("support-service-instances", id, &json!({"Reconciled": false})).await.unwrap();
    }

    pub(crate) async fn delete_runtime(&self) {
        self.client.delete_and_wait("kubernetes-runtime-instances", self.runtime, SOON).await.unwrap();
    }

    /// Nothing in the cluster has this control plane's label.
    async fn assert_nothing_is_ours(&self) {
        // Control planes of other tests may have objects in the same cluster.
        let selector = format!("{CONTROL_PLANE}={}", identity(&self.platform).await);
        for kind in [CUSTOM_RESOURCE_DEFINITION, DEPLOYMENT, NAMESPACE] {
            let ours = objects(&self.kube, kind, &selector).await.unwrap();
            assert!(ours.is_empty(), "{ours:#?}");
        }
    }
}

/// Who wrote what into an object, and when. What the cluster's own controllers write into a Deployment is left out: they never rest.
fn fingerprint(found: &DynamicObject) -> String {
    let metadata = &found.metadata;
    let is_alive = found.types.as_ref().is_some_and(|types| types.kind == DEPLOYMENT.2);
    let version = if is_alive { &None } else { &metadata.resource_version };
    let all = metadata.managed_fields.iter().flatten();
    let people: Vec<_> = all.filter(|one| one.manager.as_deref() != Some("kube-controller-manager")).collect();
    json!([metadata.uid, metadata.generation, version, people, metadata.labels]).to_string()
}

/// Applies the definitions of a bundle as an admin does, and waits until the API server has said all that it says about them.
pub(crate) async fn install(endpoints: &Endpoints, cluster: &ClusterEndpoints, bundle_name: &str) {
    let file = bundle(bundle_name).unwrap().join("1-definitions.yaml");
    Kubectl::new(endpoints, cluster).unwrap().install_definitions("somebody", &file).await.unwrap();
    let definitions = api(&kube_client(cluster).await.unwrap(), CUSTOM_RESOURCE_DEFINITION, None);
    // Groups of Kubernetes itself get one more condition, by another part of the API server.
    eventually("the definitions are judged", async || {
        let all = definitions.list(&Default::default()).await.unwrap().items;
        let judged = |found: &DynamicObject| {
            let conditions = at(found, "/status/conditions").as_array().cloned().unwrap_or_default();
            let wanted = if found.name_any().ends_with(".k8s.io") { 3 } else { 2 };
            conditions.len() >= wanted && at(found, "/status/storedVersions").is_array()
        };
        let rest: Vec<_> = all.iter().filter(|found| !judged(found)).map(ResourceExt::name_any).collect();
        if rest.is_empty() { Ok(()) } else { Err(rest) }
    })
    .await;
}

#[tokio::test]
async fn what_an_admin_has_installed_is_used_unchanged_and_stays() {
    let fixture = Fixture::start("adoption").await;
    fixture.install_controller(&Endpoints::from_env().unwrap(), "v1.21.2").await;
    let groups = ["gateway.networking.k8s.io", "cert-manager.io", "acme.cert-manager.io"];
    let stored = async || {
        let mut all = BTreeMap::new();
        for group in groups {
            all.extend(fixture.stored(group).await);
        }
        let controller = fixture.controllers().get("cert-manager").await.unwrap();
        all.insert("Deployment cert-manager".into(), fingerprint(&controller));
        all
    };
    let before = stored().await;
    assert!(before.len() > 10, "{:?}", before.keys());

    let definitions = fixture.add("gateway-api").await;
    let message = fixture.until_adopted(definitions).await;
    assert!(message.contains("gateway-api") && message.contains("gateway.networking.k8s.io"), "{message}");
    let certificates = fixture.add("cert-manager").await;
    let message = fixture.until_adopted(certificates).await;
    assert!(message.contains("cert-manager 1.21.2") && message.contains("Deployment cert-manager"), "{message}");
    assert_eq!(stored().await, before, "after adoption");

    // Let go one by one: a record that is deleted, and one that goes with its runtime.
    fixture.client.delete_and_wait("support-service-instances", certificates, SOON).await.unwrap();
    assert_eq!(stored().await, before, "after the support service is gone");
    fixture.delete_runtime().await;
    fixture.client.until_gone("support-service-instances", definitions, SOON).await.unwrap();
    assert_eq!(stored().await, before, "after the runtime is gone");
    fixture.assert_nothing_is_ours().await;
    fixture.platform.stop().await;
}

#[tokio::test]
async fn what_is_too_old_is_left_alone_and_the_condition_says_so() {
    let fixture = Fixture::start("too_old").await;
    let gateways = "gateways.gateway.networking.k8s.io";
    let version =
        |version: &str| json!({"metadata": {"annotations": {"gateway.networking.k8s.io/bundle-version": version}}});
    let found = fixture.definitions().get(gateways).await.unwrap();
    let right = found.annotations()["gateway.networking.k8s.io/bundle-version"].clone();
    let old = meddle(&fixture.definitions(), gateways, &version("v1.0.0")).await;

    let definitions = fixture.add("gateway-api").await;
    let message = fixture.until_applied(definitions, "False", "Incompatible").await;
    for part in ["gateway-api 1.0.0", "not installed by this instance", "older than", "upgrade it"] {
        assert!(message.contains(part), "`{message}` does not say `{part}`");
    }
    assert_eq!(fingerprint(&fixture.definitions().get(gateways).await.unwrap()), fingerprint(&old));
    meddle(&fixture.definitions(), gateways, &version(&right)).await;
    fixture.look_again(definitions).await;
    fixture.until_adopted(definitions).await;

    fixture.install_controller(&Endpoints::from_env().unwrap(), "v1.5.0").await;
    let old = fixture.controllers().get("cert-manager").await.unwrap();
    let certificates = fixture.add("cert-manager").await;
    let message = fixture.until_applied(certificates, "False", "Incompatible").await;
    for part in ["cert-manager 1.5.0", "Deployment cert-manager", "older than", "upgrade it"] {
        assert!(message.contains(part), "`{message}` does not say `{part}`");
    }
    assert_eq!(fingerprint(&fixture.controllers().get("cert-manager").await.unwrap()), fingerprint(&old));
    let image = json!([{"name": "controller", "image": format!("{IMAGE}:v1.21.2")}]);
    meddle(&fixture.controllers(), "cert-manager", &json!({"spec": {"template": {"spec": {"containers": image}}}}))
        .await;
    fixture.look_again(certificates).await;
    fixture.until_adopted(certificates).await;
    fixture.delete_runtime().await;
    fixture.assert_nothing_is_ours().await;
    fixture.platform.stop().await;
}

#[tokio::test]
async fn an_installation_that_is_kept_belongs_to_nobody() {
    let endpoints = Endpoints::from_env().unwrap();
    let dir = endpoints.run_dir.join("kept-cluster");
    std::fs::create_dir_all(&dir).unwrap();
    let own = OwnCluster::start(&Tools::find().unwrap(), &dir).await.unwrap();
    let platform = ControlPlane::start(&endpoints, Setup::for_test("kept_service")).await.unwrap();
    let client = platform.client();
    let runtime = add_runtime(&client, own.endpoints(), "own").await.unwrap();
    // It needs these.
    let definitions = json!({"Name": "definitions", "KubernetesRuntimeInstanceID": runtime, "Service": "gateway-api"});
    let definitions = id_of(&client.create("support-service-instances", &definitions).await.unwrap()).unwrap();
    client.until_ready("support-service-instances", definitions, INSTALLED).await.unwrap();
    let body = json!({
        "Name": "kept", "KubernetesRuntimeInstanceID": runtime, "Service": "cert-manager", "KeepOnDelete": true,
    });
    let id = id_of(&client.create("support-service-instances", &body).await.unwrap()).unwrap();
    let is_applied = |record: &Value| condition(record, "Applied").is_some_and(|c| c["Reason"] == "Applied");
    client.until("support-service-instances", id, INSTALLED, is_applied).await.unwrap();
    let kube = kube_client(own.endpoints()).await.unwrap();
    let before = api(&kube, DEPLOYMENT, Some("cert-manager")).get("cert-manager").await.unwrap();

    client.delete_and_wait("support-service-instances", id, SOON).await.unwrap();
    let after = api(&kube, DEPLOYMENT, Some("cert-manager")).get("cert-manager").await.unwrap();
    assert_eq!((after.uid(), &after.data["spec"]), (before.uid(), &before.data["spec"]));
    // What has its label is taken for an orphan as soon as it changes.
    for kind in [CUSTOM_RESOURCE_DEFINITION, DEPLOYMENT, NAMESPACE] {
        let owned = objects(&kube, kind, &format!("{OWNER}=support-service-instance-{id}")).await.unwrap();
        assert!(owned.is_empty(), "{owned:#?}");
    }
    platform.stop().await;
    own.stop().await;
}
