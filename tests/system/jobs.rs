//! Jobs: each runs once for its manifest, whether or not it is still there.

use causeway_rig::Endpoints;
use causeway_testkit::{
    ApiClient, ControlPlane, SOON, Setup, add_runtime, add_workload_of, api, condition,
    kinds::Gvk,
    kube_client, object_name,
    objects::{becomes, goes},
    records::unique_name,
};
use kube::{
    Api, ResourceExt,
    api::{DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::fixture::our_writes;

const JOB: Gvk<'static> = ("batch", "v1", "Job");

/// A control plane of one test on the bare cluster, where a Job ends when the test says so.
struct Fixture {
    platform: ControlPlane,
    client: ApiClient,
    name: String,
    id: i64,
    jobs: Api<DynamicObject>,
}

fn job(name: &str, image: &str, more: &str) -> String {
    format!(
        "
apiVersion: batch/v1
kind: Job
metadata: {{name: {name}}}
spec:
  {more}
  template:
    spec:
      restartPolicy: Never
      containers: [{{name: run, image: example.invalid/{image}}}]
"
    )
}

impl Fixture {
    async fn with(what: &str, more: &str) -> Self {
        let endpoints = Endpoints::from_env().unwrap();
        let cluster = endpoints.clusters.get(1).expect("run the rig with --extra-clusters 1");
        let platform = ControlPlane::start(&endpoints, Setup::for_test(what)).await.unwrap();
        let (client, name) = (platform.client(), unique_name("job"));
        let runtime = add_runtime(&client, cluster, what).await.unwrap();
        let id = add_workload_of(&client, runtime, &name, &job(&name, "one", more)).await.unwrap();
        let jobs = api(&kube_client(cluster).await.unwrap(), JOB, Some(&object_name(&name, id)));
        Self { platform, client, name, id, jobs }
    }

    /// Waits until the Job stands, and is on record: one that ends before runs again.
    async fn until_begun(&self) -> DynamicObject {
        let job = becomes(&self.jobs, &self.name, "the Job stands", |_| true).await;
        self.until_noted().await;
        job
    }

    async fn change(&self, manifests: &str) {
        let record = self.client.get("workload-instances", self.id).await.unwrap();
        let definition = record["WorkloadDefinitionID"].as_i64().unwrap();
        self.client.patch("workload-definitions", definition, &json!({"YAMLDocument": manifests})).await.unwrap();
    }

    async fn until_ready(&self) {
        self.client.until_ready("workload-instances", self.id, SOON).await.unwrap();
    }

    /// The Job's Pod ends so.
    async fn end(&self, phase: &str) {
        let pods = api(&self.jobs.clone().into_client(), ("", "v1", "Pod"), self.jobs.namespace());
        let selector = kube::api::ListParams::default().labels(&format!("batch.kubernetes.io/job-name={}", self.name));
        let pod = causeway_testkit::eventually("the Job has a Pod", async || {
            let found = pods.list(&selector).await.unwrap().items;
            found.into_iter().find(|pod| pod.data["status"]["phase"] == "Pending").ok_or("none")
        })
        .await;
        let status = json!({"status": {"phase": phase}});
        pods.patch_status(&pod.name_any(), &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
    }

    /// Waits until the log shows that the Job was made so often: it is written a moment after the Job stands.
    async fn until_made(&self, times: usize) {
        causeway_testkit::until("the Job was made", async || self.made().await >= times).await;
        assert_eq!(self.made().await, times);
    }

    /// How often the Job was made.
    async fn made(&self) -> usize {
        let endpoints = Endpoints::from_env().unwrap();
        let writes = our_writes(&endpoints.clusters[1], &format!("/jobs/{}?", self.name)).await;
        writes.iter().filter(|event| event["responseStatus"]["code"] == 201).count()
    }

    /// Has the record reconciled again, and waits until that has happened.
    async fn looked_at(&self) {
        for _ in 0..3 {
            self.client.patch("workload-instances", self.id, &json!({"Reconciled": false})).await.unwrap();
            self.until_noted().await;
        }
    }

    /// Waits until what a worker made is on record. A worker that ends before that can't know that it made a Job.
    async fn until_noted(&self) {
        let is_noted = |record: &Value| record["Reconciled"] == true;
        self.client.until("workload-instances", self.id, SOON, is_noted).await.unwrap();
    }
}

#[tokio::test]
async fn a_job_with_a_time_to_live_runs_once_for_each_manifest() {
    let mut fixture = Fixture::with("job_ttl", "ttlSecondsAfterFinished: 1").await;
    fixture.until_begun().await;
    fixture.end("Succeeded").await;
    goes(&fixture.jobs, &fixture.name, "its time to live is over").await;
    fixture.until_ready().await;
    fixture.looked_at().await;
    assert_eq!(fixture.made().await, 1);
    // Another worker knows it too, from the inventory.
    fixture.platform.stop_workers().await;
    fixture.platform.add_worker().await.unwrap();
    fixture.looked_at().await;
    fixture.until_ready().await;
    assert_eq!(fixture.made().await, 1);

    fixture.change(&job(&fixture.name, "two", "ttlSecondsAfterFinished: 1")).await;
    becomes(&fixture.jobs, &fixture.name, "a changed manifest runs", |_| true).await;
    fixture.until_made(2).await;
    fixture.until_noted().await;
    // It ends and goes while no worker is there to see it.
    fixture.platform.stop_workers().await;
    fixture.end("Succeeded").await;
    goes(&fixture.jobs, &fixture.name, "its time to live is over").await;
    fixture.platform.add_worker().await.unwrap();
    fixture.looked_at().await;
    fixture.until_ready().await;
    assert_eq!(fixture.made().await, 2);
    fixture.platform.stop().await;
}

#[tokio::test]
async fn a_job_that_failed_and_went_is_not_run_again_and_says_so() {
    let fixture = Fixture::with("job_failed", "ttlSecondsAfterFinished: 1\n  backoffLimit: 0").await;
    fixture.until_begun().await;
    fixture.end("Failed").await;
    goes(&fixture.jobs, &fixture.name, "its time to live is over").await;
    let failed = |record: &Value| {
        condition(record, "ResourcesReady").is_some_and(|ready| {
            ready["Reason"] == "JobFailed"
                && ready["Message"].as_str().unwrap_or_default().contains("change its manifest")
        })
    };
    fixture.client.until("workload-instances", fixture.id, SOON, failed).await.unwrap();
    fixture.looked_at().await;
    assert_eq!(fixture.made().await, 1);
    fixture.platform.stop().await;
}

#[tokio::test]
async fn a_job_whose_template_changes_is_replaced_when_it_has_ended() {
    let fixture = Fixture::with("job_changed", "backoffLimit: 0").await;
    let first = fixture.until_begun().await;
    fixture.change(&job(&fixture.name, "two", "backoffLimit: 0")).await;
    let says = |record: &Value| {
        condition(record, "Applied").is_some_and(|applied| {
            let message = applied["Message"].as_str().unwrap_or_default();
            ["spec.template", "while it runs", "delete it"].iter().all(|part| message.contains(part))
        })
    };
    fixture.client.until("workload-instances", fixture.id, SOON, says).await.unwrap();
    assert_eq!(fixture.jobs.get(&fixture.name).await.unwrap().uid(), first.uid(), "it goes on");
    fixture.end("Succeeded").await;
    let is_new = |job: &DynamicObject| job.uid() != first.uid();
    becomes(&fixture.jobs, &fixture.name, "the new Job", is_new).await;
    fixture.end("Succeeded").await;
    fixture.until_ready().await;
    assert_eq!(fixture.made().await, 2);
    fixture.platform.stop().await;
}
