//! Fields that others own: they are left to them, and whoever insists on one of ours is named.

use std::sync::atomic::{AtomicBool, Ordering};

use causeway_testkit::{
    Harness, SOON, add_workload_of, api, condition, config_map, eventually, harness,
    kinds::{CONFIG_MAP, DEPLOYMENT, Gvk, SERVICE_ACCOUNT},
    object_name,
    objects::{at, becomes},
};
use chrono::{DateTime, Utc};
use kube::{
    ResourceExt,
    api::{DynamicObject, ListParams},
};
use serde_json::{Value, json};

use crate::fixture::{meddle, our_writes};

const CLUSTER_ROLE: Gvk<'static> = ("rbac.authorization.k8s.io", "v1", "ClusterRole");
const WEBHOOKS: Gvk<'static> = ("admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration");

async fn ready(harness: &Harness, name: &str, manifests: &str) -> i64 {
    let id = add_workload_of(&harness.client, harness.runtime, name, manifests).await.unwrap();
    harness.client.until_ready("workload-instances", id, SOON).await.unwrap();
    id
}

/// Has a workload reconciled again some times, and waits until that has happened.
async fn looked_at(harness: &Harness, id: i64) {
    for _ in 0..3 {
        harness.client.patch("workload-instances", id, &json!({"Reconciled": false})).await.unwrap();
        harness.client.until("workload-instances", id, SOON, |record| record["Reconciled"] == true).await.unwrap();
    }
}

/// Writes of ours that change something.
async fn changes(harness: &Harness, name: &str) -> Vec<Value> {
    let writes = our_writes(&harness.endpoints.clusters[0], name).await;
    let is_real = |event: &Value| !event["requestURI"].as_str().unwrap_or_default().contains("dryRun");
    writes.into_iter().filter(|event| is_real(event) && event["responseStatus"]["code"].as_i64() < Some(300)).collect()
}

fn begun(event: &Value) -> DateTime<Utc> {
    event["requestReceivedTimestamp"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn whoever_insists_on_a_field_is_named_and_answered_ever_more_seldom() {
    let harness = harness().await;
    let (kube, name) = (harness.kube().await.unwrap(), harness.name("insists"));
    let id = ready(harness, &name, &config_map(&name, "ours")).await;
    let maps = api(&kube, CONFIG_MAP, Some(&object_name(&name, id)));
    let (stop, client) = (AtomicBool::new(false), &harness.client);
    let insist = async {
        while !stop.load(Ordering::Relaxed) {
            becomes(&maps, &name, "the value is ours", |map| {
                stop.load(Ordering::Relaxed) || map.data["data"]["key"] == "ours"
            })
            .await;
            meddle(&maps, &name, &json!({"data": {"key": "theirs"}})).await;
        }
    };
    let see = async {
        let contested =
            |record: &Value| condition(record, "Applied").is_some_and(|applied| applied["Reason"] == "FieldConflict");
        let record = client.until("workload-instances", id, SOON, contested).await.unwrap();
        let applied = condition(&record, "Applied").unwrap();
        let message = applied["Message"].as_str().unwrap();
        println!("{message}");
        for part in ["ConfigMap", &name, "data.key", "somebody", "Reconciled false"] {
            assert!(message.contains(part), "`{message}` does not say `{part}`");
        }
        // This is about time itself: the next correction comes ten seconds after the last one, and its writes are all there are.
        let before = changes(harness, &name).await.len();
        assert!(before < 15, "{before} writes before anything was said");
        let after = eventually("the next correction", async || {
            let all = changes(harness, &name).await;
            if all.len() > before { Ok(all) } else { Err(all.len()) }
        })
        .await;
        let [.., last, next] = &after[..] else { panic!("{after:?}") };
        let rest = begun(next) - begun(last);
        assert!(rest >= chrono::TimeDelta::seconds(9), "{rest}");
        stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(insist, see);
    client.patch("workload-instances", id, &json!({"Reconciled": false})).await.unwrap();
    becomes(&maps, &name, "the value is ours again", |map| map.data["data"]["key"] == "ours").await;
    client.until_ready("workload-instances", id, SOON).await.unwrap();
}

#[tokio::test]
async fn replicas_are_left_to_an_autoscaler_of_the_same_workload() {
    let harness = harness().await;
    let (kube, name) = (harness.kube().await.unwrap(), harness.name("scaled"));
    let deployment = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: example.invalid/web}]}
";
    let scaler = "
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  minReplicas: 5
  maxReplicas: 9
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]
";
    let id = ready(harness, &name, deployment).await;
    let namespace = object_name(&name, id);
    let deployments = api(&kube, DEPLOYMENT, Some(&namespace));
    let replicas = |object: &DynamicObject| at(object, "/spec/replicas").as_i64().unwrap_or_default();
    assert_eq!(replicas(&deployments.get("web").await.unwrap()), 3);
    let record = harness.client.get("workload-instances", id).await.unwrap();
    let body = json!({"YAMLDocument": format!("{deployment}{scaler}")});
    harness
        .client
        .patch("workload-definitions", record["WorkloadDefinitionID"].as_i64().unwrap(), &body)
        .await
        .unwrap();
    // The real autoscaler raises it to its minimum; until then what stood stands.
    let scaled = |object: &DynamicObject| {
        assert!(replicas(object) >= 3, "it shrank when the number was left to the autoscaler: {object:#?}");
        replicas(object) == 5
    };
    becomes(&deployments, "web", "the autoscaler has scaled it", scaled).await;
    looked_at(harness, id).await;
    harness.client.until_ready("workload-instances", id, SOON).await.unwrap();
    assert_eq!(replicas(&deployments.get("web").await.unwrap()), 5);
}

#[tokio::test]
async fn rules_of_an_aggregated_role_are_left_to_the_controller_manager() {
    let harness = harness().await;
    let (kube, name) = (harness.kube().await.unwrap(), harness.name("roles"));
    let manifests = format!(
        "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: {name}-all}}
aggregationRule: {{clusterRoleSelectors: [{{matchLabels: {{rig/{name}: \"true\"}}}}]}}
rules: []
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: {name}-one, labels: {{rig/{name}: \"true\"}}}}
rules: [{{apiGroups: [\"\"], resources: [pods], verbs: [get]}}]
"
    );
    let id = ready(harness, &name, &manifests).await;
    let (roles, all) = (api(&kube, CLUSTER_ROLE, None), format!("{name}-all"));
    let filled = |role: &DynamicObject| role.data["rules"].as_array().is_some_and(|rules| rules.len() == 1);
    becomes(&roles, &all, "the rules are aggregated", filled).await;
    looked_at(harness, id).await;
    let before = roles.get(&all).await.unwrap();
    looked_at(harness, id).await;
    let after = roles.get(&all).await.unwrap();
    assert!(filled(&after));
    assert_eq!(before.resource_version(), after.resource_version(), "nobody writes when nothing changes");
}

#[tokio::test]
async fn a_bundle_that_an_injector_writes_stays() {
    let harness = harness().await;
    let (kube, name) = (harness.kube().await.unwrap(), harness.name("injected"));
    let manifests = format!(
        "
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {{name: {name}, annotations: {{example.org/inject-ca-from: shop/cert}}}}
webhooks:
- name: never.example.org
  sideEffects: None
  admissionReviewVersions: [v1]
  clientConfig: {{url: \"https://127.0.0.1:1/\", caBundle: Cg==}}
  rules: [{{operations: [CREATE], apiGroups: [example.invalid], apiVersions: [v1], resources: [nothings]}}]
"
    );
    let id = ready(harness, &name, &manifests).await;
    let configurations = api(&kube, WEBHOOKS, None);
    let mut webhooks = configurations.get(&name).await.unwrap().data["webhooks"].clone();
    let bundle = harness_ca(harness);
    webhooks[0]["clientConfig"]["caBundle"] = json!(bundle);
    meddle(&configurations, &name, &json!({"webhooks": webhooks})).await;
    looked_at(harness, id).await;
    let after = configurations.get(&name).await.unwrap();
    assert_eq!(after.data["webhooks"][0]["clientConfig"]["caBundle"], json!(bundle));
    assert_eq!(
        configurations.list(&ListParams::default().fields(&format!("metadata.name={name}"))).await.unwrap().items.len(),
        1
    );
}

/// Any certificate, as a webhook configuration has it.
fn harness_ca(harness: &Harness) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(&harness.endpoints.clusters[0].ca)
}

#[tokio::test]
async fn pull_secrets_that_others_add_to_a_service_account_stay() {
    let harness = harness().await;
    let (kube, name) = (harness.kube().await.unwrap(), harness.name("account"));
    let account = |secret: &str| {
        format!(
            "apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: {name}}}\nimagePullSecrets: [{{name: {secret}}}]\n"
        )
    };
    let id = ready(harness, &name, &account("one")).await;
    let accounts = api(&kube, SERVICE_ACCOUNT, Some(&object_name(&name, id)));
    meddle(&accounts, &name, &json!({"imagePullSecrets": [{"name": "one"}, {"name": "theirs"}]})).await;
    looked_at(harness, id).await;
    let stands = accounts.get(&name).await.unwrap();
    assert_eq!(stands.data["imagePullSecrets"], json!([{"name": "one"}, {"name": "theirs"}]));
    // What the manifest no longer has goes, and who adds adds again.
    let record = harness.client.get("workload-instances", id).await.unwrap();
    let body = json!({"YAMLDocument": account("two")});
    harness
        .client
        .patch("workload-definitions", record["WorkloadDefinitionID"].as_i64().unwrap(), &body)
        .await
        .unwrap();
    let only = |account: &DynamicObject| account.data["imagePullSecrets"] == json!([{"name": "two"}]);
    becomes(&accounts, &name, "the new secret alone", only).await;
}
