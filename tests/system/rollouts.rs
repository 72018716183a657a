//! What never gets further by itself says so, instead of rolling out for ever.

use causeway_testkit::{
    Harness, SOON, add_workload_of, api, condition, harness,
    kinds::{DEPLOYMENT, Gvk},
    object_name,
};
use kube::api::{DeleteParams, ListParams};
use serde_json::{Value, json};

const POD: Gvk<'static> = ("", "v1", "Pod");

fn stateful_set(image: &str, strategy: &str) -> String {
    format!(
        "
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: db}}
spec:
  replicas: 2
  serviceName: db
  podManagementPolicy: Parallel
  updateStrategy: {strategy}
  selector: {{matchLabels: {{app: db}}}}
  template:
    metadata: {{labels: {{app: db}}}}
    spec: {{terminationGracePeriodSeconds: 0, containers: [{{name: db, image: example.invalid/{image}}}]}}
"
    )
}

fn deployment(image: &str, paused: bool) -> String {
    format!(
        "
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  paused: {paused}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: web, image: example.invalid/{image}}}]}}
"
    )
}

struct Fixture {
    harness: &'static Harness,
    name: String,
    id: i64,
}

impl Fixture {
    async fn ready(what: &str, manifests: &str) -> Self {
        let harness = harness().await;
        let name = harness.name(what);
        let id = add_workload_of(&harness.client, harness.runtime, &name, manifests).await.unwrap();
        let fixture = Self { harness, name, id };
        fixture.until_ready().await;
        fixture
    }

    async fn until_ready(&self) -> Value {
        self.harness.client.until_ready("workload-instances", self.id, SOON).await.unwrap()
    }

    async fn change(&self, manifests: &str) {
        let record = self.harness.client.get("workload-instances", self.id).await.unwrap();
        let definition = record["WorkloadDefinitionID"].as_i64().unwrap();
        self.harness
            .client
            .patch("workload-definitions", definition, &json!({"YAMLDocument": manifests}))
            .await
            .unwrap();
    }

    async fn until_says(&self, reason: &str, part: &str) {
        let says = |record: &Value| {
            condition(record, "ResourcesReady").is_some_and(|ready| {
                ready["Reason"] == reason && ready["Message"].as_str().unwrap_or_default().contains(part)
            })
        };
        self.harness.client.until("workload-instances", self.id, SOON, says).await.unwrap();
    }
}

#[tokio::test]
async fn a_stateful_set_whose_pods_change_when_they_are_deleted() {
    let fixture = Fixture::ready("ondelete", &stateful_set("one", "{type: OnDelete}")).await;
    fixture.change(&stateful_set("two", "{type: OnDelete}")).await;
    fixture.until_says("OnDelete", "0 of 2 Pods of StatefulSet").await;
    let pods = api(&fixture.harness.kube().await.unwrap(), POD, Some(&object_name(&fixture.name, fixture.id)));
    pods.delete_collection(&DeleteParams::default(), &ListParams::default()).await.unwrap();
    fixture.until_ready().await;
}

#[tokio::test]
async fn a_stateful_set_keeps_the_pods_below_its_partition() {
    let strategy = "{rollingUpdate: {partition: 1}}";
    let fixture = Fixture::ready("partition", &stateful_set("one", strategy)).await;
    fixture.change(&stateful_set("two", strategy)).await;
    let keeps = |record: &Value| {
        condition(record, "ResourcesReady").is_some_and(|ready| {
            ready["Status"] == "True" && ready["Message"].as_str().unwrap_or_default().contains("keeps 1 of 2 Pods")
        })
    };
    fixture.harness.client.until("workload-instances", fixture.id, SOON, keeps).await.unwrap();
    fixture.change(&stateful_set("two", "{rollingUpdate: {partition: 0}}")).await;
    let all = |record: &Value| {
        condition(record, "ResourcesReady").is_some_and(|ready| {
            ready["Status"] == "True" && !ready["Message"].as_str().unwrap_or_default().contains("keeps")
        })
    };
    fixture.harness.client.until("workload-instances", fixture.id, SOON, all).await.unwrap();
}

#[tokio::test]
async fn a_deployment_that_is_paused() {
    let fixture = Fixture::ready("paused", &deployment("one", false)).await;
    fixture.change(&deployment("two", true)).await;
    fixture.until_says("Paused", "set its spec.paused to false").await;
    fixture.change(&deployment("two", false)).await;
    fixture.until_ready().await;
}

#[tokio::test]
async fn a_strategy_that_changes_leaves_no_settings_of_the_one_before() {
    let rolling = deployment("one", false);
    let recreated = rolling.replace("paused: false", "strategy: {type: Recreate}");
    let fixture = Fixture::ready("strategy", &rolling).await;
    fixture.change(&recreated).await;
    fixture.until_ready().await;
    let deployments =
        api(&fixture.harness.kube().await.unwrap(), DEPLOYMENT, Some(&object_name(&fixture.name, fixture.id)));
    let after = deployments.get("web").await.unwrap();
    assert_eq!(after.data["spec"]["strategy"], json!({"type": "Recreate"}));
    fixture.change(&stateful_set("one", "{rollingUpdate: {partition: 1}}")).await;
    fixture.until_ready().await;
    fixture.change(&stateful_set("one", "{type: OnDelete}")).await;
    fixture.until_ready().await;
}
