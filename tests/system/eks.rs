//! Clusters of EKS: workers sign in with tokens that they make from an AWS account. The API server is a real one; who is asked about tokens, and STS, are
//! strict stand-ins.

use std::{path::PathBuf, time::Duration};

use causeway_rig::{ClusterEndpoints, Endpoints, OwnCluster, tools::Tools};
use causeway_sts::{AccessEntry, Sts, Trust};
use causeway_testkit::{
    ApiClient, ControlPlane, Kubectl, SOON, Setup, add_workload_of, api, condition, config_map, eventually, id_of,
    kinds::CONFIG_MAP,
    kube_client, object_name,
    objects::{apply, at, becomes},
    unique_name,
};
use serde_json::{Value, json};
use tokio::time::Instant;

/// The rights that the chart gives to its workers.
const RIGHTS: &str = include_str!("../../deploy/chart/rights.yaml");
/// The name of the cluster in EKS, the group in Kubernetes that its access entries name, and the user.
const CLUSTER: &str = "shop";
const GROUP: &str = "causeway-workers";
const USER: &str = "causeway-of-eks";
/// After a token was made so long ago, another one is made when it is refused.
const REFUSED_AFTER: Duration = Duration::from_secs(6);
/// Who signs.
const BY_KEY: &str = "arn:aws:iam::123456789012:user/workers";
const BASE: &str = "arn:aws:iam::123456789012:user/base";
const BY_ROLE: &str = "arn:aws:iam::123456789012:role/eks";
const BY_WEB_IDENTITY: &str = "arn:aws:iam::123456789012:role/workers-themselves";
const WEB_IDENTITY: &str = "header.web-identity-of-a-pod.signature";

/// A control plane, a cluster of EKS, and the records for it: a definition that names an account by the name of all of them, a runtime without an address.
struct Fixture {
    sts: Sts,
    own: OwnCluster,
    platform: ControlPlane,
    client: ApiClient,
    kubectl: Kubectl,
    name: String,
    definition: i64,
    runtime: i64,
    folder: PathBuf,
}

impl Fixture {
    async fn new(what: &str) -> Self {
        let endpoints = Endpoints::from_env().unwrap();
        let sts = Sts::start().await.unwrap();
        for (id, secret, arn) in [("AKIAWORKERS", "s3cret-of-workers", BY_KEY), ("AKIABASE", "s3cret-of-base", BASE)] {
            sts.add_key(id, secret, arn);
        }
        sts.add_role(BY_ROLE, Trust::Principal { arn: BASE.into(), external_id: Some("ours".into()) });
        sts.add_role(BY_WEB_IDENTITY, Trust::WebIdentity(WEB_IDENTITY.into()));
        for arn in [BY_KEY, BY_ROLE, BY_WEB_IDENTITY] {
            sts.add_entry(CLUSTER, AccessEntry { arn: arn.into(), user: USER.into(), groups: vec![GROUP.into()] });
        }
        let folder = endpoints.run_dir.join(format!("own-{what}"));
        let webhook = sts.webhook_config(CLUSTER);
        let own = OwnCluster::start_with_token_webhook(&Tools::find().unwrap(), &folder, &webhook).await.unwrap();
        give_rights(own.endpoints()).await;
        let bundles = folder.join("no-bundles");
        std::fs::create_dir(&bundles).unwrap();
        let environment =
            [("AWS_ENDPOINT_URL_STS", sts.url()), ("RUST_LOG", "debug,aws_sigv4=trace,aws_config=trace".into())];
        let environment = environment.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let setup = Setup { environment, bundles: Some(bundles), ..Setup::for_test(what) };
        let platform = ControlPlane::start(&endpoints, setup).await.unwrap();
        let (client, name) = (platform.client(), unique_name(what));
        let of = json!({"Name": name, "InfraProvider": "eks", "InfraProviderAccountName": name});
        let definition = id_of(&client.create("kubernetes-runtime-definitions", &of).await.unwrap()).unwrap();
        let runtime = json!({"Name": name, "Location": "Local", "KubernetesRuntimeDefinitionID": definition});
        let runtime = id_of(&client.create("kubernetes-runtime-instances", &runtime).await.unwrap()).unwrap();
        let kubectl = Kubectl::new(&endpoints, own.endpoints()).unwrap();
        Self { sts, own, platform, client, kubectl, name, definition, runtime, folder }
    }

    /// An account of this name that may be used for the runtime.
    async fn account(&self, name: &str, more: Value) -> i64 {
        let mut body = json!({
            "Name": name, "AccountID": "123456789012", "DefaultRegion": "eu-central-1",
            "KubernetesRuntimeInstanceIDs": [self.runtime],
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        id_of(&self.client.create("aws-accounts", &body).await.unwrap()).unwrap()
    }

    fn address(&self, cluster: &str) -> Value {
        let ClusterEndpoints { server, ca, .. } = self.own.endpoints();
        json!({"APIEndpoint": server, "CACertificate": ca, "EKSClusterName": cluster})
    }

    async fn change_runtime(&self, change: &Value) {
        self.client.patch("kubernetes-runtime-instances", self.runtime, change).await.unwrap();
    }

    async fn until_reachable(&self) {
        self.client.until_ready("kubernetes-runtime-instances", self.runtime, SOON).await.unwrap();
    }

    /// Waits until the cluster can't be reached for this reason, in these words, and in none that differ with each attempt.
    async fn until_unreachable(&self, reason: &str, parts: &[&str]) {
        let says = |record: &Value| {
            condition(record, "ClusterReachable").is_some_and(|one| {
                let message = one["Message"].as_str().unwrap_or_default();
                let is_said = parts.iter().all(|part| message.contains(part)) && !message.contains("request_id");
                one["Status"] == "False" && one["Reason"] == reason && is_said
            })
        };
        self.client.until("kubernetes-runtime-instances", self.runtime, SOON, says).await.unwrap();
    }

    /// Has a workload say this in the cluster.
    async fn say(&self, workload: i64, text: &str) {
        let workload = self.client.get("workload-instances", workload).await.unwrap();
        let of = workload["WorkloadDefinitionID"].as_i64().unwrap();
        let change = json!({"YAMLDocument": config_map("settings", text)});
        self.client.patch("workload-definitions", of, &change).await.unwrap();
    }

    async fn until_said(&self, workload: i64, text: &str) {
        let kube = kube_client(self.own.endpoints()).await.unwrap();
        let maps = api(&kube, CONFIG_MAP, Some(&object_name("settings", workload)));
        becomes(&maps, "settings", "it says it", |map| at(map, "/data/key") == text).await;
    }

    /// How often ConfigMaps of all namespaces were listed, as a worker does that knows nothing of them.
    async fn lists(&self) -> Vec<String> {
        let metrics = String::from_utf8(self.kubectl.run(&["get", "--raw", "/metrics"]).await.unwrap()).unwrap();
        let counts = metrics.lines().filter(|line| {
            line.starts_with("apiserver_request_total{")
                && line.contains("resource=\"configmaps\"")
                && line.contains("scope=\"cluster\"")
                && line.contains("verb=\"LIST\"")
        });
        let mut counts: Vec<_> = counts.map(str::to_owned).collect();
        counts.sort();
        assert!(!counts.is_empty(), "the API server counts them otherwise");
        counts
    }

    fn logs(&self) -> String {
        let programs = self.platform.workers().iter().chain([self.platform.api()]);
        programs.map(|program| program.log().unwrap()).collect()
    }

    /// Ends all, once no log has a secret.
    async fn stop(self) {
        let (logs, secrets) = (self.logs(), self.sts.secrets());
        assert!(logs.contains("causeway_workers") && secrets.len() > 2, "there is something to look at");
        for secret in secrets.iter().map(String::as_str).chain([WEB_IDENTITY, "k8s-aws-v1."]) {
            let line = logs.lines().find(|line| line.contains(secret));
            assert!(line.is_none(), "{secret} is in a log: {}", line.unwrap_or_default());
        }
        self.platform.stop().await;
        self.own.stop().await;
    }
}

/// What an admin of a cluster does for the group that access entries name.
async fn give_rights(cluster: &ClusterEndpoints) {
    let (kube, rules) = (kube_client(cluster).await.unwrap(), serde_yaml_ng::from_str::<Value>(RIGHTS).unwrap());
    let (group, metadata) = ("rbac.authorization.k8s.io", json!({"name": GROUP}));
    let role =
        json!({"apiVersion": format!("{group}/v1"), "kind": "ClusterRole", "metadata": metadata, "rules": rules});
    let binding = json!({
        "apiVersion": format!("{group}/v1"), "kind": "ClusterRoleBinding", "metadata": metadata,
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": GROUP},
        "subjects": [{"apiGroup": group, "kind": "Group", "name": GROUP}],
    });
    for object in [role, binding] {
        apply(&kube, "admin", &object).await.unwrap();
    }
}

#[tokio::test]
async fn a_cluster_of_eks_is_reached_with_tokens_that_are_made_anew() {
    let fixture = Fixture::new("eks").await;
    let (client, runtime) = (&fixture.client, fixture.runtime);
    // 1. Nobody has said that an account may be used for it.
    let path = format!("/v0/kubernetes-runtime-instances/{runtime}");
    let refused = async |why: &str| {
        let answer = client.send(http::Method::PATCH, &path, Some(&fixture.address(CLUSTER))).await.unwrap();
        answer.refused(400, why).because("InvalidField", &["EKSClusterName"]);
    };
    refused("there is no aws account").await;
    let keys = json!({"AccessKeyID": "AKIAWORKERS", "SecretAccessKey": "s3cret-of-workers"});
    let account = fixture.account(&fixture.name, keys).await;
    let allow = async |runtimes: Value| {
        client.patch("aws-accounts", account, &json!({"KubernetesRuntimeInstanceIDs": runtimes})).await.unwrap();
    };
    allow(json!([])).await;
    refused("an admin adds the runtime").await;
    allow(json!([runtime])).await;
    // 2. Another name than the cluster's.
    fixture.change_runtime(&fixture.address("web")).await;
    let parts = ["EKS cluster web", "access key AKIAWORKERS", "EKSClusterName", "access entry"];
    fixture.until_unreachable("Unauthorized", &parts).await;
    assert!(fixture.sts.refusals().iter().all(|why| why.contains("for cluster shop")), "{:?}", fixture.sts.refusals());
    // 3. Its own.
    fixture.change_runtime(&json!({"EKSClusterName": CLUSTER})).await;
    fixture.until_reachable().await;
    let workload = add_workload_of(client, runtime, "settings", &config_map("settings", "first")).await.unwrap();
    client.until_ready("workload-instances", workload, SOON).await.unwrap();
    fixture.until_said(workload, "first").await;
    // 4. A token ends: another one is made, and what was known of the cluster stays.
    // Controllers of the cluster itself list them, too, when they start.
    let (mut since, mut lists) = (Instant::now(), fixture.lists().await);
    eventually("the token is old enough, and nobody has listed ConfigMaps since", async || {
        let now = fixture.lists().await;
        if now != lists {
            (since, lists) = (Instant::now(), now);
        }
        if since.elapsed() > REFUSED_AFTER { Ok(()) } else { Err(lists.clone()) }
    })
    .await;
    let breaks = || fixture.logs().matches("\"unavailable\"").count();
    let (taken, broken) = (fixture.sts.taken().len(), breaks());
    assert!(broken > 0, "it was unreachable before");
    fixture.sts.forget_tokens();
    let mut number = 0;
    eventually("another token is made", async || {
        number += 1;
        let text = format!("number {number}");
        fixture.say(workload, &text).await;
        fixture.until_said(workload, &text).await;
        if fixture.sts.taken().len() > taken { Ok(()) } else { Err(fixture.sts.taken()) }
    })
    .await;
    client.until_ready("workload-instances", workload, SOON).await.unwrap();
    assert!(fixture.sts.refusals().iter().any(|why| why == "the token has ended"), "the old one was refused");
    assert_eq!(fixture.lists().await, lists, "nothing was read anew");
    assert_eq!(breaks(), broken, "it was reachable all the time");
    // 5. The account doesn't name the runtime any more.
    allow(json!([])).await;
    fixture.until_unreachable("AwsAccountNotAllowed", &["an admin adds the runtime"]).await;
    fixture.say(workload, "unheard").await;
    let waits = |record: &Value| condition(record, "ClusterReachable").is_some_and(|one| one["Status"] == "False");
    client.until("workload-instances", workload, SOON, waits).await.unwrap();
    fixture.until_said(workload, &format!("number {number}")).await;
    // It can be paused and changed all the same.
    fixture.change_runtime(&json!({"InterruptReconciliation": true})).await;
    fixture.change_runtime(&json!({"InterruptReconciliation": false})).await;
    allow(json!([runtime])).await;
    fixture.until_said(workload, "unheard").await;
    client.delete_and_wait("workload-instances", workload, SOON).await.unwrap();
    fixture.stop().await;
}

#[tokio::test]
async fn every_way_to_sign_in_to_aws_reaches_a_cluster() {
    let mut fixture = Fixture::new("eks_ways").await;
    let keys = json!({"AccessKeyID": "AKIAWORKERS", "SecretAccessKey": "s3cret-of-workers"});
    fixture.account(&fixture.name, keys).await;
    fixture.change_runtime(&fixture.address(CLUSTER)).await;
    fixture.until_reachable().await;
    // 1. A role with an external id, and first with another one.
    let role = json!({
        "AccessKeyID": "AKIABASE", "SecretAccessKey": "s3cret-of-base", "RoleArn": BY_ROLE, "ExternalId": "theirs",
    });
    let by_role = fixture.account("by-role", role).await;
    let take = async |fixture: &Fixture, account: &str| {
        let change = json!({"InfraProviderAccountName": account});
        fixture.client.patch("kubernetes-runtime-definitions", fixture.definition, &change).await.unwrap();
    };
    take(&fixture, "by-role").await;
    fixture.until_unreachable("NoToken", &["AccessDenied", "external id of the AWS account"]).await;
    fixture.client.patch("aws-accounts", by_role, &json!({"ExternalId": "ours"})).await.unwrap();
    fixture.until_reachable().await;
    assert!(fixture.sts.taken().contains(&BY_ROLE.to_owned()), "{:?}", fixture.sts.taken());
    // 2. The workers' own identity: a token that their pods find in a file.
    fixture.account("themselves", json!({})).await;
    let file = fixture.folder.join("web-identity");
    std::fs::write(&file, WEB_IDENTITY).unwrap();
    let environment = [
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_str().unwrap()),
        ("AWS_ROLE_ARN", BY_WEB_IDENTITY),
        ("AWS_REGION", "eu-central-1"),
    ];
    fixture.platform.end_worker(0).await;
    fixture.platform.add_worker_with(&environment.map(|(name, value)| (name.into(), value.into()))).await.unwrap();
    take(&fixture, "themselves").await;
    fixture.until_reachable().await;
    eventually("it signs as the role of the workers", async || {
        let taken = fixture.sts.taken();
        if taken.contains(&BY_WEB_IDENTITY.to_owned()) { Ok(()) } else { Err(taken) }
    })
    .await;
    fixture.stop().await;
}
