//! Manifests as people have them: exported from other clusters, rendered by Helm, saved on Windows. The real API server shows what became of them.

use causeway_testkit::{
    INSTALLED, SOON, add_workload_of, api, condition, config_map, harness, id_of,
    kinds::{CONFIG_MAP, DEPLOYMENT, Gvk, SECRET},
    object_name,
    objects::at,
};
use kube::{ResourceExt, api::ListParams};
use serde_json::json;

use crate::fixture::our_writes;

const POD: Gvk<'static> = ("", "v1", "Pod");
const JOB: Gvk<'static> = ("batch", "v1", "Job");
const ROLE: Gvk<'static> = ("rbac.authorization.k8s.io", "v1", "ClusterRole");

/// With a byte order mark before two documents. The Secret's only key is `key`.
fn document(map: &str, key: &str) -> String {
    format!(
        "\u{feff}apiVersion: v1
kind: ConfigMap
metadata:
  name: {map}
  uid: 00000000-0000-0000-0000-000000000002
  resourceVersion: '7'
  ownerReferences:
  - {{apiVersion: apps/v1, kind: ReplicaSet, name: gone, uid: 00000000-0000-0000-0000-000000000001}}
data: {{enabled: \"yes\", plain: 'off'}}
---
\u{feff}apiVersion: v1
kind: Pod
metadata: {{name: words}}
spec:
  hostNetwork: yes
  automountServiceAccountToken: off
  containers: [{{name: words, image: example.invalid/words}}]
  volumes: [{{name: settings, configMap: {{name: {map}, defaultMode: 0755}}}}]
---
apiVersion: v1
kind: Secret
metadata: {{name: password}}
stringData: {{{key}: secret}}
---
apiVersion: batch/v1
kind: Job
metadata: {{name: drop-data, annotations: {{helm.sh/hook: pre-delete}}}}
spec: {{template: {{spec: {{restartPolicy: Never, containers: [{{name: drop, image: example.invalid/drop}}]}}}}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: smoke, annotations: {{helm.sh/hook: test}}}}
spec: {{containers: [{{name: smoke, image: example.invalid/smoke}}]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: farewell, annotations: {{argocd.argoproj.io/hook: PostDelete}}}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: server}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: server}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}}
subjects: [{{kind: ServiceAccount, name: server, namespace: argocd}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: resolver}}
spec:
  selector: {{matchLabels: {{app: resolver}}}}
  template:
    metadata: {{labels: {{app: resolver}}}}
    spec:
      containers:
      - name: resolver
        image: example.invalid/resolver
        ports: [{{containerPort: 53, protocol: UDP}}, {{containerPort: 53, protocol: TCP}}]
"
    )
}

#[tokio::test]
async fn manifests_mean_what_they_mean_to_kubectl() {
    let harness = harness().await;
    let client = &harness.client;
    let (name, map, role) = (harness.name("stream"), harness.name("exported"), harness.name("probe"));
    let body = json!({"Name": name, "YAMLDocument": document(&map, "old")});
    let definition = id_of(&client.create("workload-definitions", &body).await.unwrap()).unwrap();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": role}, "rules": []},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "of-list"}},
    ]});
    let resources = json!({"WorkloadDefinitionID": definition, "JSONDefinition": list});
    client.create("workload-resource-definitions", &resources).await.unwrap();
    let body =
        json!({"Name": name, "KubernetesRuntimeInstanceID": harness.runtime, "WorkloadDefinitionID": definition});
    let id = id_of(&client.create("workload-instances", &body).await.unwrap()).unwrap();
    let record = client.until_ready("workload-instances", id, SOON).await.unwrap();

    let kube = harness.kube().await.unwrap();
    let namespace = object_name(&name, id);
    let here = |kind| api(&kube, kind, Some(&namespace));
    let (maps, pods, secrets, roles) = (here(CONFIG_MAP), here(POD), here(SECRET), api(&kube, ROLE, None));
    let exported = maps.get(&map).await.unwrap();
    assert_eq!(exported.metadata.owner_references, None);
    assert_eq!(exported.data["data"], json!({"enabled": "yes", "plain": "off"}));
    let pod = pods.get("words").await.unwrap();
    assert_eq!(at(&pod, "/spec/hostNetwork"), true);
    assert_eq!(at(&pod, "/spec/automountServiceAccountToken"), false);
    assert_eq!(at(&pod, "/spec/volumes/0/configMap/defaultMode"), 0o755);
    // One number in two protocols is two ports: what applies them knows them apart by both.
    let resolver = here(DEPLOYMENT).get("resolver").await.unwrap();
    let ports = json!([{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53, "protocol": "TCP"}]);
    assert_eq!(*at(&resolver, "/spec/template/spec/containers/0/ports"), ports);
    maps.get("of-list").await.unwrap();
    assert_eq!(roles.get(&role).await.unwrap().metadata.namespace, None);
    // Hooks of other moments are left out, and named. So is a subject that means another ServiceAccount.
    assert!(here(JOB).get_opt("drop-data").await.unwrap().is_none());
    assert!(pods.get_opt("smoke").await.unwrap().is_none() && maps.get_opt("farewell").await.unwrap().is_none());
    let message = condition(&record, "ResourcesReady").unwrap()["Message"].as_str().unwrap().to_owned();
    for part in [
        format!("Job {namespace}/drop-data (helm.sh/hook: pre-delete)"),
        format!("Pod {namespace}/smoke (helm.sh/hook: test)"),
        format!("ConfigMap {namespace}/farewell (argocd.argoproj.io/hook: PostDelete)"),
        format!("RoleBinding {namespace}/server names ServiceAccount argocd/server"),
    ] {
        assert!(message.contains(&part), "`{message}` does not name {part}");
    }

    // A key that goes out of stringData goes out of the Secret. Meanwhile nobody has collected the exported object.
    let change = json!({"YAMLDocument": document(&map, "new")});
    let before = record["Generation"].as_i64().unwrap();
    client.patch("workload-definitions", definition, &change).await.unwrap();
    let is_changed = |record: &serde_json::Value| record["ObservedGeneration"].as_i64().unwrap_or_default() > before;
    client.until("workload-instances", id, SOON, is_changed).await.unwrap();
    assert_eq!(secrets.get("password").await.unwrap().data["data"], json!({"new": "c2VjcmV0"}));
    assert_eq!(maps.get(&map).await.unwrap().metadata.uid, exported.metadata.uid);
    let written = our_writes(&harness.endpoints.clusters[0], &map).await;
    let made = written.iter().filter(|event| event["responseStatus"]["code"] == 201).count();
    assert_eq!(made, 1, "{written:#?}");

    client.delete_and_wait("workload-instances", id, INSTALLED).await.unwrap();
    assert!(roles.get_opt(&role).await.unwrap().is_none());
}

/// As long as the manifests of some operators, which are definitions with schemas for the most part.
#[tokio::test]
async fn manifests_of_five_megabytes_are_brought_whole() {
    let harness = harness().await;
    let (client, name) = (&harness.client, harness.name("long"));
    let map = |n: usize| config_map(&format!("part-{n}"), &"a line of a schema, ".repeat(6_000));
    let text = (0..45).map(map).collect::<Vec<_>>().join("---\n");
    assert!(text.len() > 5_000_000);
    let id = add_workload_of(client, harness.runtime, &name, &text).await.unwrap();
    client.until_ready("workload-instances", id, SOON).await.unwrap();
    let maps = api(&harness.kube().await.unwrap(), CONFIG_MAP, Some(&object_name(&name, id)));
    let listed = maps.list(&ListParams::default()).await.unwrap();
    assert_eq!(listed.iter().filter(|map| map.name_any().starts_with("part-")).count(), 45);
    client.delete_and_wait("workload-instances", id, INSTALLED).await.unwrap();
}
