//! Deletions that something holds up, or after which something stays: they end, or say why not, and tell what stays.

use causeway_testkit::{
    Harness, INSTALLED, SOON, add_workload_of, api, condition, config_map, eventually, harness,
    kinds::{CONFIG_MAP, Gvk, NAMESPACE, SECRET, SERVICE_ACCOUNT},
    object_name,
    objects::{at, becomes, goes, object},
};
use kube::{
    Api,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

const ROLE: Gvk<'static> = ("rbac.authorization.k8s.io", "v1", "ClusterRole");
const ROLE_BINDING: Gvk<'static> = ("rbac.authorization.k8s.io", "v1", "RoleBinding");
const CLAIM: Gvk<'static> = ("", "v1", "PersistentVolumeClaim");

/// A workload of one test, whose namespace others put objects into.
struct Workload {
    harness: &'static Harness,
    kube: kube::Client,
    id: i64,
    namespace: String,
}

impl Workload {
    async fn ready(what: &str, manifests: &str) -> Self {
        let workload = Self::begun(what, manifests).await;
        workload.harness.client.until_ready("workload-instances", workload.id, SOON).await.unwrap();
        workload
    }

    async fn begun(what: &str, manifests: &str) -> Self {
        let harness = harness().await;
        let name = harness.name(what);
        let id = add_workload_of(&harness.client, harness.runtime, &name, manifests).await.unwrap();
        let namespace = object_name(&name, id);
        Self { harness, kube: harness.kube().await.unwrap(), id, namespace }
    }

    fn here(&self, kind: Gvk<'static>) -> Api<DynamicObject> {
        api(&self.kube, kind, Some(&self.namespace))
    }

    fn namespaces(&self) -> Api<DynamicObject> {
        api(&self.kube, NAMESPACE, None)
    }

    /// Somebody else makes an object in the namespace.
    async fn add(&self, kind: Gvk<'static>, mut manifest: Value) -> DynamicObject {
        let (group, version, name) = kind;
        manifest["apiVersion"] =
            json!(if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") });
        manifest["kind"] = json!(name);
        self.here(kind).create(&PostParams::default(), &object(manifest)).await.unwrap()
    }

    async fn delete(&self) {
        self.harness.client.delete("workload-instances", self.id).await.unwrap();
    }

    async fn delete_and_wait(&self) {
        self.harness.client.delete_and_wait("workload-instances", self.id, SOON).await.unwrap();
    }

    async fn until_gone(&self) {
        self.harness.client.until_gone("workload-instances", self.id, INSTALLED).await.unwrap();
    }

    /// Waits until condition Deleted says all of this.
    async fn until_says(&self, parts: &[&str]) {
        let says = |record: &Value| {
            let held = condition(record, "Deleted").and_then(|deleted| deleted["Message"].as_str());
            held.is_some_and(|message| parts.iter().all(|part| message.contains(part)))
        };
        self.harness.client.until("workload-instances", self.id, SOON, says).await.unwrap();
    }

    /// What the events of the record say about objects that stay. They outlive it.
    async fn left(&self) -> String {
        let query = format!("objectid={}", self.id);
        let events = self.harness.client.list("events-join-attached-object-references", &query).await.unwrap();
        let left = events.iter().filter(|event| event["Reason"] == "ObjectsLeft");
        left.map(|event| event["Note"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join("\n")
    }

    async fn assert_left(&self, parts: &[&str]) {
        let left = self.left().await;
        for part in parts {
            assert!(left.contains(part), "`{left}` does not name {part}");
        }
    }
}

#[tokio::test]
async fn what_platforms_put_into_every_namespace_goes_with_it() {
    let workload = Workload::ready("by-products", &config_map("ours", "1")).await;
    for name in ["istio-ca-root-cert", "openshift-service-ca.crt"] {
        workload.add(CONFIG_MAP, json!({"metadata": {"name": name}})).await;
    }
    for name in ["builder", "deployer"] {
        workload.add(SERVICE_ACCOUNT, json!({"metadata": {"name": name}})).await;
        let annotations = json!({"kubernetes.io/service-account.name": name});
        let secret = json!({"metadata": {"name": format!("{name}-dockercfg-x"), "annotations": annotations}});
        workload.add(SECRET, secret).await;
    }
    let deployers = json!({
        "metadata": {"name": "system:deployers"}, "subjects": [],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
    });
    workload.add(ROLE_BINDING, deployers).await;
    workload.delete_and_wait().await;
    goes(&workload.namespaces(), &workload.namespace, "the namespace is gone").await;
    assert_eq!(workload.left().await, "");
}

#[tokio::test]
async fn what_stays_on_purpose_is_named_before_the_record_goes() {
    let manifests = "
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: example.invalid/db}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: kept, annotations: {helm.sh/resource-policy: keep}}
";
    let workload = Workload::begun("stays", manifests).await;
    let claim = "data-db-0";
    becomes(&workload.here(CLAIM), claim, "the StatefulSet has claimed its volume", |_| true).await;
    becomes(&workload.here(CONFIG_MAP), "kept", "it stands", |_| true).await;
    workload.delete_and_wait().await;
    let space = &workload.namespace;
    let (claimed, kept) = (format!("PersistentVolumeClaim {space}/{claim}"), format!("ConfigMap {space}/kept"));
    workload.assert_left(&[&claimed, &kept, &format!("Namespace {space}")]).await;
    for (kind, name) in [(CLAIM, claim), (CONFIG_MAP, "kept")] {
        assert!(workload.here(kind).get(name).await.unwrap().metadata.deletion_timestamp.is_none());
    }
    workload.namespaces().delete(space, &DeleteParams::default()).await.unwrap();
}

#[tokio::test]
async fn a_namespace_in_which_another_record_has_objects_is_left_to_it() {
    let team = harness().await.name("team");
    let of_team =
        |name: &str| format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}, namespace: {team}}}}}");
    let first = format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {team}}}}}\n---\n{}", of_team("first"));
    let first = Workload::ready("team-owner", &first).await;
    let second = Workload::ready("team-guest", &of_team("second")).await;
    first.delete_and_wait().await;
    first.assert_left(&[&format!("Namespace {team}"), &format!("workload-instance-{}", second.id)]).await;
    let maps = api(&first.kube, CONFIG_MAP, Some(&team));
    assert!(maps.get_opt("first").await.unwrap().is_none(), "its own object went");
    assert!(maps.get("second").await.unwrap().metadata.deletion_timestamp.is_none());
    first.harness.client.until_ready("workload-instances", second.id, SOON).await.unwrap();
    second.delete_and_wait().await;
    first.namespaces().delete(&team, &DeleteParams::default()).await.unwrap();
}

#[tokio::test]
async fn a_namespace_waits_for_another_record_that_is_going_too() {
    let team = harness().await.name("both-go");
    let map =
        |more: &str| format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: guest, namespace: {team}{more}}}}}");
    let first =
        Workload::ready("going-owner", &format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {team}}}}}"))
            .await;
    let second = Workload::ready("going-guest", &map(", finalizers: [rig.example/hold]")).await;
    second.delete().await;
    second.until_says(&["rig.example/hold"]).await;
    first.delete().await;
    first.until_says(&[&format!("ConfigMap {team}/guest")]).await;
    let maps = api(&first.kube, CONFIG_MAP, Some(&team));
    let clean = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    maps.patch("guest", &PatchParams::default(), &clean).await.unwrap();
    second.until_gone().await;
    first.until_gone().await;
    goes(&first.namespaces(), &team, "the namespace is gone").await;
    assert_eq!(first.left().await, "");
}

#[tokio::test]
async fn what_a_living_owner_elsewhere_keeps_stays_and_is_named() {
    let workload = Workload::ready("granted", &config_map("ours", "1")).await;
    let roles = api(&workload.kube, ROLE, None);
    let role = object(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": workload.namespace}, "rules": [],
    }));
    let role = roles.create(&PostParams::default(), &role).await.unwrap();
    let owner = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "name": workload.namespace,
        "uid": role.metadata.uid,
    });
    let grant = json!({
        "metadata": {"name": "grant", "ownerReferences": [owner]}, "subjects": [],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
    });
    workload.add(ROLE_BINDING, grant).await;
    workload.delete_and_wait().await;
    let (space, binding) = (&workload.namespace, format!("RoleBinding {}/grant", workload.namespace));
    workload.assert_left(&[&binding, &format!("ClusterRole {space}")]).await;
    roles.delete(space, &DeleteParams::default()).await.unwrap();
    workload.namespaces().delete(space, &DeleteParams::default()).await.unwrap();
}

#[tokio::test]
async fn a_finalizer_that_nobody_takes_off_is_named_and_a_person_ends_the_wait() {
    let manifest = "{apiVersion: v1, kind: ConfigMap, metadata: {name: held, finalizers: [rig.example/gone]}}";
    let workload = Workload::ready("held", manifest).await;
    let held = format!("ConfigMap {}/held", workload.namespace);
    workload.delete().await;
    workload.until_says(&[&held, "finalizer rig.example/gone", "send Reconciled false"]).await;
    let client = &workload.harness.client;
    client.patch("workload-instances", workload.id, &json!({"Reconciled": false})).await.unwrap();
    workload.until_gone().await;
    workload.assert_left(&[&held, "rig.example/gone"]).await;
    // All was asked for: the rest is the cluster's.
    let maps = workload.here(CONFIG_MAP);
    assert!(maps.get("held").await.unwrap().metadata.deletion_timestamp.is_some());
    let space = workload.namespaces().get(&workload.namespace).await.unwrap();
    assert!(space.metadata.deletion_timestamp.is_some());
    let clean = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    maps.patch("held", &PatchParams::default(), &clean).await.unwrap();
    goes(&workload.namespaces(), &workload.namespace, "the namespace is gone").await;
}

/// The namespace itself hangs: Kubernetes knows why.
#[tokio::test]
async fn a_namespace_that_hangs_says_what_is_left_in_it() {
    let workload = Workload::ready("hangs", &config_map("ours", "1")).await;
    let held = json!({"metadata": {"name": "theirs", "finalizers": ["rig.example/theirs"]}});
    workload.add(CONFIG_MAP, held).await;
    workload.namespaces().delete(&workload.namespace, &DeleteParams::default()).await.unwrap();
    eventually("Kubernetes says what is left", async || {
        let space = workload.namespaces().get(&workload.namespace).await.map_err(|error| error.to_string())?;
        let said = at(&space, "/status/conditions").to_string();
        if said.contains("rig.example/theirs") { Ok(()) } else { Err(said) }
    })
    .await;
    workload.delete().await;
    workload.until_says(&[&format!("Namespace {}", workload.namespace), "rig.example/theirs"]).await;
    let maps = workload.here(CONFIG_MAP);
    let clean = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    maps.patch("theirs", &PatchParams::default(), &clean).await.unwrap();
    workload.until_gone().await;
    let left = workload.namespaces().list(&ListParams::default()).await.unwrap();
    assert!(left.iter().all(|space| space.metadata.name.as_deref() != Some(&workload.namespace)));
}
