//! News about one object is not news about its cluster: whatever keeps one object from being written costs its own record only.

use causeway_rig::{ClusterEndpoints, Endpoints, OwnCluster, faults::Silence, tools::Tools};
use causeway_testkit::{
    ApiClient, ControlPlane, Harness, SOON, Setup, add_runtime, add_workload_of, api, condition, config_map,
    eventually, harness,
    kinds::{CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, Gvk, SECRET},
    kube_client, object_name, objects,
    records::unique_name,
};
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};

pub(crate) const API_SERVICE: Gvk<'static> = ("apiregistration.k8s.io", "v1", "APIService");
const WEBHOOKS: Gvk<'static> = ("admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration");

/// A control plane of one test with a workload that has done no harm.
struct Fixture {
    platform: ControlPlane,
    client: ApiClient,
    kube: kube::Client,
    runtime: i64,
    /// The workload instance beside the one that fails, and its definition.
    neighbour: (i64, i64),
    /// When the conditions of runtime and neighbour said last that the cluster became reachable.
    reachable_since: Vec<Value>,
}

impl Fixture {
    async fn on(cluster: &ClusterEndpoints, name: &str) -> Self {
        let endpoints = Endpoints::from_env().unwrap();
        let platform = ControlPlane::start(&endpoints, Setup::for_test(name)).await.unwrap();
        let client = platform.client();
        let runtime = add_runtime(&client, cluster, name).await.unwrap();
        let id = add_workload_of(&client, runtime, "neighbour", &config_map("beside", "0")).await.unwrap();
        let record = client.until_ready("workload-instances", id, SOON).await.unwrap();
        let neighbour = (id, record["WorkloadDefinitionID"].as_i64().unwrap());
        client
            .until("kubernetes-runtime-instances", runtime, SOON, |record| {
                condition(record, "ClusterReachable").is_some_and(|reachable| reachable["Status"] == "True")
            })
            .await
            .unwrap();
        let kube = kube_client(cluster).await.unwrap();
        let mut fixture = Self { platform, client, kube, runtime, neighbour, reachable_since: vec![] };
        fixture.reachable_since = fixture.reachable().await;
        fixture
    }

    /// ClusterReachable of the runtime and of the neighbour.
    async fn reachable(&self) -> Vec<Value> {
        let mut found = vec![];
        for (plural, id) in [("kubernetes-runtime-instances", self.runtime), ("workload-instances", self.neighbour.0)] {
            let record = self.client.get(plural, id).await.unwrap();
            let reachable = condition(&record, "ClusterReachable").unwrap();
            assert_eq!(reachable["Status"], "True", "{reachable:#}");
            found.push(reachable["LastTransitionTime"].clone());
        }
        found
    }

    async fn was_reachable_all_the_time(&self) {
        assert_eq!(self.reachable().await, self.reachable_since, "the cluster was called unreachable meanwhile");
    }

    /// A change of the neighbour gets into the cluster meanwhile. How fast is measured in `neighbour.rs`.
    async fn neighbour_follows(&self) {
        let body = json!({"YAMLDocument": config_map("beside", "1")});
        self.client.patch("workload-definitions", self.neighbour.1, &body).await.unwrap();
        let maps = api(&self.kube, CONFIG_MAP, Some(&object_name("neighbour", self.neighbour.0)));
        objects::becomes(&maps, "beside", "the neighbour's change", |map| map.data["data"]["key"] == "1").await;
    }

    /// Waits until a workload says that the cluster doesn't answer for one of its objects, and returns the sentence. It may say another one before: the API server
    /// itself takes a moment to notice what has come or gone.
    async fn until_unanswered(&self, id: i64, says: &str) -> String {
        let of = |record: &Value| {
            let applied = condition(record, "Applied").filter(|applied| applied["Status"] == "False")?;
            let message = applied["Message"].as_str().filter(|message| message.contains(says))?;
            (applied["Reason"] == "Unanswered").then(|| message.to_owned())
        };
        let record = self.client.until("workload-instances", id, SOON, |record| of(record).is_some()).await.unwrap();
        of(&record).unwrap()
    }
}

/// An object of [`add_api_without_server`]'s API.
pub(crate) const THING: &str = "{apiVersion: down.example.org/v1, kind: Thing, metadata: {name: thing}}\n";
/// The name of its API service.
pub(crate) const DOWN: &str = "v1.down.example.org";

/// Makes an aggregated API whose server is gone.
pub(crate) async fn add_api_without_server(kube: &kube::Client) {
    let service = json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": DOWN},
        "spec": {
            "group": "down.example.org", "version": "v1", "groupPriorityMinimum": 1000, "versionPriority": 10,
            "insecureSkipTLSVerify": true, "service": {"namespace": "default", "name": "nobody"},
        },
    });
    objects::apply(kube, "admin", &service).await.unwrap();
    let is_down = |service: &kube::api::DynamicObject| {
        let conditions = service.data["status"]["conditions"].as_array();
        conditions.is_some_and(|all| all.iter().any(|one| one["type"] == "Available" && one["status"] == "False"))
    };
    objects::becomes(&api(kube, API_SERVICE, None), DOWN, "its server is gone", is_down).await;
}

#[tokio::test]
async fn an_aggregated_api_that_is_down_concerns_its_own_objects_only() {
    let dir = Endpoints::from_env().unwrap().run_dir.join("own-aggregated");
    let own = OwnCluster::start(&Tools::find().unwrap(), &dir).await.unwrap();
    let fixture = Fixture::on(own.endpoints(), "aggregated").await;
    let services = api(&fixture.kube, API_SERVICE, None);
    add_api_without_server(&fixture.kube).await;
    let manifests = format!("{THING}---\n{}", config_map("kept", "1"));
    let id = add_workload_of(&fixture.client, fixture.runtime, "half", &manifests).await.unwrap();
    let message = fixture.until_unanswered(id, "Thing").await;
    assert!(message.contains("down.example.org"), "{message}");
    let maps = api(&fixture.kube, CONFIG_MAP, Some(&object_name("half", id)));
    objects::becomes(&maps, "kept", "the other object of the workload stands", |_| true).await;
    fixture.neighbour_follows().await;
    fixture.was_reachable_all_the_time().await;

    // When something answers for the kind, the object is made.
    services.delete(DOWN, &DeleteParams::default()).await.unwrap();
    let kind = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.down.example.org"},
        "spec": {
            "group": "down.example.org", "scope": "Namespaced", "names": {"plural": "things", "singular": "thing", "kind": "Thing"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}],
        },
    });
    objects::apply(&fixture.kube, "admin", &kind).await.unwrap();
    let definitions = api(&fixture.kube, CUSTOM_RESOURCE_DEFINITION, None);
    objects::becomes(&definitions, "things.down.example.org", "the definition stands", |_| true).await;
    fixture.client.patch("workload-instances", id, &json!({"Reconciled": false})).await.unwrap();
    fixture.client.until_ready("workload-instances", id, SOON).await.unwrap();
    fixture.platform.stop().await;
    own.stop().await;
}

/// A webhook of ConfigMaps with a label. `server` is its address and the authority of its certificate.
pub(crate) fn webhook(server: (&str, &str), name: &str, label: (&str, &str), seconds: u32, policy: &str) -> Value {
    json!({
        "name": name, "sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": seconds,
        "failurePolicy": policy, "objectSelector": {"matchLabels": {label.0: label.1}},
        "clientConfig": {"url": server.0, "caBundle": server.1},
        "rules": [{"operations": ["CREATE", "UPDATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}],
    })
}

pub(crate) fn labelled(name: &str, label: (&str, &str)) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, labels: {{{}: {}}}}}\n", label.0, label.1)
}

#[tokio::test]
async fn admission_webhooks_that_hang_concern_their_own_objects_only() {
    let endpoints = Endpoints::from_env().unwrap();
    let cluster = endpoints.clusters.get(1).expect("run the rig with --extra-clusters 1");
    let (fixture, name) = (Fixture::on(cluster, "webhooks").await, unique_name("hangs"));
    let silence = Silence::start(&endpoints.run_dir.join(&name)).await.unwrap();
    // One takes longer than most requests may, and is passed over then; two of the others are longer than the API server waits.
    let (slow, never) = ((name.as_str(), "slow"), (name.as_str(), "never"));
    let server = (silence.url(), silence.ca_bundle());
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration", "metadata": {"name": name},
        "webhooks": [
            webhook(server, "slow.example.org", slow, 18, "Ignore"),
            webhook(server, "first.example.org", never, 20, "Ignore"),
            webhook(server, "second.example.org", never, 20, "Fail"),
        ],
    });
    objects::apply(&fixture.kube, "admin", &configuration).await.unwrap();
    let both = format!("{}---\n{}", labelled("hangs", never), config_map("kept", "1"));
    let hanging = add_workload_of(&fixture.client, fixture.runtime, "never", &both).await.unwrap();
    let slow = add_workload_of(&fixture.client, fixture.runtime, "slow", &labelled("waits", slow)).await.unwrap();
    // A configuration is in force a moment after it was made: both writes hang from here on.
    eventually("both objects hang", async || if silence.calls() >= 2 { Ok(()) } else { Err(silence.calls()) }).await;
    fixture.neighbour_follows().await;
    fixture.client.until_ready("workload-instances", slow, SOON).await.unwrap();
    let message = fixture.until_unanswered(hanging, "ConfigMap").await;
    assert!(message.contains("hangs") && message.contains("webhook"), "{message}");
    let maps = api(&fixture.kube, CONFIG_MAP, Some(&object_name("never", hanging)));
    objects::becomes(&maps, "kept", "the other object of the workload stands", |_| true).await;
    fixture.was_reachable_all_the_time().await;

    // It rests from its failure until a person asks.
    api(&fixture.kube, WEBHOOKS, None).delete(&name, &DeleteParams::default()).await.unwrap();
    fixture.client.patch("workload-instances", hanging, &json!({"Reconciled": false})).await.unwrap();
    fixture.client.until_ready("workload-instances", hanging, SOON).await.unwrap();
    fixture.platform.stop().await;
}

/// Waits until the workload says that a ConfigMap is refused for this reason, while its other object stands.
async fn refused(harness: &Harness, name: &str, id: i64, says: &str) {
    let refused = |record: &Value| {
        condition(record, "Applied").is_some_and(|applied| {
            let message = applied["Message"].as_str().unwrap_or_default();
            applied["Reason"] == "Refused" && message.contains("ConfigMap") && message.contains(says)
        })
    };
    harness.client.until("workload-instances", id, SOON, refused).await.unwrap();
    let secrets = api(&harness.kube().await.unwrap(), SECRET, Some(&object_name(name, id)));
    objects::becomes(&secrets, "kept", "the other object of the workload stands", |_| true).await;
    let runtime = harness.client.get("kubernetes-runtime-instances", harness.runtime).await.unwrap();
    assert_eq!(condition(&runtime, "ClusterReachable").unwrap()["Status"], "True");
}

const BESIDE: &str = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: kept}\nstringData: {key: text}\n";

#[tokio::test]
async fn a_quota_refuses_its_own_objects_only() {
    let harness = harness().await;
    let name = harness.name("quota");
    let quota = "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: none}\nspec: {hard: {configmaps: '0'}}\n";
    let id = add_workload_of(&harness.client, harness.runtime, &name, quota).await.unwrap();
    harness.client.until_ready("workload-instances", id, SOON).await.unwrap();
    let quotas = api(&harness.kube().await.unwrap(), ("", "v1", "ResourceQuota"), Some(&object_name(&name, id)));
    let in_force = |quota: &kube::api::DynamicObject| quota.data["status"]["used"]["configmaps"].is_string();
    objects::becomes(&quotas, "none", "the quota is in force", in_force).await;
    let record = harness.client.get("workload-instances", id).await.unwrap();
    let body = json!({"YAMLDocument": format!("{quota}---\n{}{BESIDE}", config_map("one", "1"))});
    harness
        .client
        .patch("workload-definitions", record["WorkloadDefinitionID"].as_i64().unwrap(), &body)
        .await
        .unwrap();
    refused(harness, &name, id, "exceeded quota: none").await;
}

#[tokio::test]
async fn an_admission_policy_refuses_its_own_objects_only() {
    let harness = harness().await;
    let (kube, name) = (harness.kube().await.unwrap(), harness.name("policy"));
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "objectSelector": {"matchLabels": {name.as_str(): "denied"}},
                "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}],
            },
            "validations": [{"expression": "false", "message": "such maps are not wanted here"}],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    });
    objects::apply(&kube, "admin", &policy).await.unwrap();
    objects::apply(&kube, "admin", &binding).await.unwrap();
    let maps = api(&kube, CONFIG_MAP, Some("default"));
    let probe = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {name.as_str(): "denied"}}});
    eventually("the policy is in force", async || {
        let made =
            maps.create(&PostParams { dry_run: true, ..PostParams::default() }, &objects::object(probe.clone())).await;
        if made.is_err() { Ok(()) } else { Err("it is not") }
    })
    .await;
    let manifests = format!("{}{BESIDE}", labelled("one", (&name, "denied")));
    let id = add_workload_of(&harness.client, harness.runtime, &name, &manifests).await.unwrap();
    refused(harness, &name, id, "such maps are not wanted here").await;
    let policies = api(&kube, ("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicyBinding"), None);
    policies.delete(&name, &DeleteParams::default()).await.unwrap();
}
