//! The order in which the objects of a workload come and go: what others stand on first, what refuses others last, and the other way round.

use causeway_testkit::{
    INSTALLED, SOON, add_workload_of, api, condition, eventually, harness,
    kinds::{CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, DEPLOYMENT, SERVICE, SERVICE_ACCOUNT},
    object_name,
    objects::{becomes, object},
};
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::fixture::widgets;

/// A webhook without a server, and a policy that nothing fulfils, both in front of ConfigMaps and Deployments of one namespace.
fn guarded(namespace: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Namespace
metadata: {{name: {namespace}}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {{name: {namespace}}}
webhooks:
- name: guard.rig.example
  failurePolicy: Fail
  sideEffects: None
  admissionReviewVersions: [v1]
  timeoutSeconds: 2
  clientConfig: {{service: {{name: guard, namespace: {namespace}}}}}
  namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {namespace}}}}}
  rules:
  - {{operations: [CREATE, DELETE], apiGroups: [apps], apiVersions: [v1], resources: [deployments]}}
  - {{operations: [CREATE, DELETE], apiGroups: [''], apiVersions: [v1], resources: [configmaps]}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{name: {namespace}}}
spec:
  policyName: {namespace}
  validationActions: [Deny]
  matchResources: {{namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {namespace}}}}}}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{name: {namespace}}}
spec:
  matchConstraints:
    resourceRules: [{{operations: [CREATE, DELETE], apiGroups: [''], apiVersions: [v1], resources: [configmaps]}}]
  validations: [{{expression: 'false', message: nobody may}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: guard, namespace: {namespace}}}
spec:
  selector: {{matchLabels: {{app: guard}}}}
  template:
    metadata: {{labels: {{app: guard}}}}
    spec: {{containers: [{{name: guard, image: example.invalid/guard}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: guard, namespace: {namespace}}}
spec: {{selector: {{app: guard}}, ports: [{{port: 443}}]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: settings, namespace: {namespace}}}
"
    )
}

#[tokio::test]
async fn what_refuses_others_comes_last_and_goes_first() {
    let harness = harness().await;
    let (name, namespace) = (harness.name("guard"), harness.name("guarded"));
    let id = add_workload_of(&harness.client, harness.runtime, &name, &guarded(&namespace)).await.unwrap();
    harness.client.until_ready("workload-instances", id, SOON).await.unwrap();
    let maps = api(&harness.kube().await.unwrap(), CONFIG_MAP, Some(&namespace));
    // It stands in front of others now, also of the admin's.
    let late = object(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late"}}));
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    eventually("another ConfigMap is refused", async || match maps.create(&dry, &late).await {
        Ok(_) => Err("it was made".to_owned()),
        Err(error) if error.to_string().contains("denied") || error.to_string().contains("webhook") => Ok(()),
        Err(error) => Err(error.to_string()),
    })
    .await;
    harness.client.delete_and_wait("workload-instances", id, INSTALLED).await.unwrap();
}

/// An operator with its own kind, an object of it that waits for the operator, and a webhook without a server in front of it.
fn operated(group: &str, namespace: &str) -> String {
    let widgets = widgets(group);
    format!(
        "{widgets}---
apiVersion: v1
kind: Namespace
metadata: {{name: {namespace}}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: operator, namespace: {namespace}}}
---
apiVersion: v1
kind: Service
metadata: {{name: operator, namespace: {namespace}}}
spec: {{selector: {{app: operator}}, ports: [{{port: 443}}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: operator, namespace: {namespace}}}
spec:
  selector: {{matchLabels: {{app: operator}}}}
  template:
    metadata: {{labels: {{app: operator}}}}
    spec: {{serviceAccountName: operator, containers: [{{name: operator, image: example.invalid/operator}}]}}
---
apiVersion: {group}/v1
kind: Widget
metadata: {{name: w, namespace: {namespace}, finalizers: [{group}/clean]}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {{name: {namespace}}}
webhooks:
- name: operator.rig.example
  failurePolicy: Fail
  sideEffects: None
  admissionReviewVersions: [v1]
  timeoutSeconds: 2
  clientConfig: {{service: {{name: operator, namespace: {namespace}}}}}
  rules: [{{operations: [UPDATE], apiGroups: [{group}], apiVersions: [v1], resources: [widgets]}}]
"
    )
}

#[tokio::test]
async fn custom_resources_go_while_their_operator_still_runs() {
    let harness = harness().await;
    let (name, namespace) = (harness.name("operator"), harness.name("operated"));
    let group = format!("{namespace}.example");
    let id = add_workload_of(&harness.client, harness.runtime, &name, &operated(&group, &namespace)).await.unwrap();
    harness.client.until_ready("workload-instances", id, SOON).await.unwrap();
    harness.client.delete("workload-instances", id).await.unwrap();
    let waits = |record: &Value| {
        let held = condition(record, "Deleted").and_then(|deleted| deleted["Message"].as_str());
        held.is_some_and(|message| message.contains("Widget") && message.contains("/clean"))
    };
    harness.client.until("workload-instances", id, SOON, waits).await.unwrap();
    let kube = harness.kube().await.unwrap();
    for (kind, name, namespace) in [
        (DEPLOYMENT, "operator", Some(&*namespace)),
        (SERVICE_ACCOUNT, "operator", Some(&*namespace)),
        (SERVICE, "operator", Some(&*namespace)),
        (CUSTOM_RESOURCE_DEFINITION, &*format!("widgets.{group}"), None),
    ] {
        let still = api(&kube, kind, namespace).get(name).await.unwrap();
        assert!(still.metadata.deletion_timestamp.is_none(), "{kind:?} goes before the Widget is gone");
    }
    // The test is the operator. Its webhook would refuse this if it were still there; the API server may take a moment to see that it isn't.
    let widgets = api(&kube, (&group, "v1", "Widget"), Some(&namespace));
    let clean = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    eventually("the operator takes its finalizer off", async || {
        widgets.patch("w", &PatchParams::default(), &clean).await.map_err(|error| error.to_string())
    })
    .await;
    harness.client.until_gone("workload-instances", id, INSTALLED).await.unwrap();
}

#[tokio::test]
async fn what_does_not_need_a_refused_object_stands_without_it() {
    let harness = harness().await;
    let name = harness.name("refused-role");
    // It comes before all that has a namespace.
    let bad = format!(
        "{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {{name: {name}}}, rules: 7}}"
    );
    let good = "
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: good}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: good}
spec:
  selector: {matchLabels: {app: good}}
  template:
    metadata: {labels: {app: good}}
    spec: {containers: [{name: good, image: example.invalid/good}]}
";
    let id = add_workload_of(&harness.client, harness.runtime, &name, &(bad + good)).await.unwrap();
    let namespace = object_name(&name, id);
    let kube = harness.kube().await.unwrap();
    for kind in [CONFIG_MAP, DEPLOYMENT] {
        becomes(&api(&kube, kind, Some(&namespace)), "good", "it stands", |_| true).await;
    }
    harness.client.delete_and_wait("workload-instances", id, INSTALLED).await.unwrap();
}
