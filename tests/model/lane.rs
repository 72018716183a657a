//! A control plane that plays one sequence after the other: API, workers, database, NATS, hosted zone and the way to each cluster are its own, so
//! that what dies in a sequence dies for that sequence alone.

use std::{collections::BTreeMap, fs, time::Duration};

use anyhow::{Context, Result};
use causeway_rig::{
    Access, ClusterEndpoints, Endpoints, Nats,
    faults::{Answers, Proxy},
};
use causeway_testkit::{ApiClient, ControlPlane, Setup, add_runtime, api, objects::apply};
use kube::{
    Api,
    api::{DynamicObject, PostParams},
};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::{
    harness::{ADMIN, Cluster, Harness},
    ongoing::Ongoing,
    sequence::Noun,
    world::{Handle, World},
    zones::Zones,
};

/// How long a lease lasts here: short, because sequences wait for its end.
pub(crate) const LEASE: Duration = Duration::from_secs(4);
/// Workers at the beginning of each sequence.
pub(crate) const WORKERS: usize = 2;

/// A control plane and what it was asked for.
pub(crate) struct Lane {
    pub(crate) endpoints: Endpoints,
    pub(crate) platform: ControlPlane,
    pub(crate) client: ApiClient,
    pub(crate) nats: Nats,
    /// Its database's name, which is also its prefix in NATS.
    pub(crate) database: String,
    /// The control plane's id, in every label.
    pub(crate) identity: String,
    /// The user whom its workers are in clusters.
    pub(crate) user: String,
    /// By the number that steps give the clusters.
    pub(crate) ways: Vec<Way>,
    /// The domain of its zones.
    pub(crate) domain: String,
    pub(crate) zones: Zones,
    /// Somebody else's objects, each in a namespace of its own, by cluster.
    pub(crate) bystanders: Vec<Vec<DynamicObject>>,
    /// The port of a webhook that never answers.
    pub(crate) silent: u16,
    /// The sequence's records.
    pub(crate) world: World,
    /// Their ids, of those that are gone too.
    pub(crate) ids: BTreeMap<Handle, (Noun, i64)>,
    pub(crate) ongoing: Vec<Ongoing>,
    /// Objects of ours whose labels somebody took off or changed: how to reach them, name and uid.
    pub(crate) taken: Vec<(Api<DynamicObject>, String, String)>,
    /// Namespaces in which somebody else had an object, by cluster.
    pub(crate) squatted: Vec<(u8, String)>,
    /// Counts sequences, for names.
    pub(crate) sequence: usize,
    pub(crate) log: Log,
}

/// The way to a cluster.
pub(crate) struct Way {
    pub(crate) cluster: Cluster,
    pub(crate) proxy: Proxy,
    pub(crate) answers: Answers,
    /// The runtime instance.
    pub(crate) runtime: i64,
}

/// What was done in a sequence, and when.
pub(crate) struct Log {
    begun: tokio::time::Instant,
    lines: Vec<String>,
}

impl Lane {
    /// Started, with both clusters on record and nothing else.
    pub(crate) async fn start(harness: &Harness) -> Result<Self> {
        let endpoints = harness.endpoints.clone();
        let worker_arguments = ["--lease-ttl", &format!("{}s", LEASE.as_secs()), "--scan-interval", "2s"];
        let setup = Setup {
            workers: WORKERS,
            worker_arguments: worker_arguments.map(str::to_owned).to_vec(),
            bundles: Some(harness.bundles.clone()),
            ..Setup::for_test("model")
        };
        let database = setup.name.clone();
        let dir = endpoints.run_dir.join(&database);
        let nats = Nats::start(&harness.tools, &dir.join("logs")).await?;
        let platform = ControlPlane::start(&endpoints, Setup { nats_url: Some(nats.url()), ..setup }).await?;
        let client = platform.client();
        let identity: String = sqlx::query_scalar("SELECT id FROM control_plane")
            .fetch_one(&mut PgConnection::connect(&platform.database_url()).await?)
            .await?;
        let domain = format!("{identity}.model.example");
        let zones = Zones::create(&endpoints, &domain).await?;
        let user = format!("model-{identity}");
        let (mut ways, mut bystanders) = (vec![], vec![]);
        for cluster in &harness.clusters {
            let name = format!("{user}-{}", cluster.endpoints.name);
            let as_worker = log_in(cluster, &user, &dir).await?;
            let answers = Answers::before(&as_worker, &dir.join(&name)).await?;
            let proxy = harness.network.proxy(&name, port(&answers.cluster().server)?).await?;
            let server = format!("https://127.0.0.1:{}", proxy.port());
            let through = ClusterEndpoints { server, ..answers.cluster().clone() };
            let runtime = add_runtime(&client, &through, &cluster.endpoints.name).await?;
            bystanders.push(bystand(cluster, &identity).await?);
            ways.push(Way { cluster: cluster.clone(), proxy, answers, runtime });
        }
        Ok(Self {
            endpoints,
            platform,
            client,
            nats,
            database,
            identity,
            user: format!("system:serviceaccount:default:{user}"),
            ways,
            domain,
            zones,
            bystanders,
            silent: harness.silent,
            world: World::default(),
            ids: BTreeMap::new(),
            ongoing: vec![],
            taken: vec![],
            squatted: vec![],
            sequence: 0,
            log: Log::begin(),
        })
    }

    /// Takes the clusters off the record, and everything else with them, and ends.
    pub(crate) async fn end(self) -> Result<()> {
        for way in &self.ways {
            self.client.delete("kubernetes-runtime-instances", way.runtime).await?;
        }
        for way in &self.ways {
            self.client.until_gone("kubernetes-runtime-instances", way.runtime, causeway_testkit::SOON).await?;
        }
        self.abandon().await;
        Ok(())
    }

    /// Ends at once and leaves everything as it is.
    pub(crate) async fn abandon(self) {
        self.platform.stop().await;
        self.nats.stop().await;
    }

    /// The id of a record that was asked for.
    pub(crate) fn id(&self, handle: Handle) -> Result<i64> {
        self.ids.get(&handle).map(|(_, id)| *id).with_context(|| format!("record {handle} was never made"))
    }

    /// The id that a hint or a label would name, by kind.
    pub(crate) fn known_ids(&self) -> Vec<(String, i64)> {
        let kind = |noun: &Noun| match noun {
            Noun::WorkloadDefinition => "WorkloadDefinition",
            Noun::Workload => "WorkloadInstance",
            Noun::Domain => "DomainNameDefinition",
            Noun::GatewayDefinition => "GatewayDefinition",
            Noun::Gateway => "GatewayInstance",
            Noun::Name => "DomainNameInstance",
        };
        self.ids.values().map(|(noun, id)| (kind(noun).to_owned(), *id)).collect()
    }
}

impl Log {
    pub(crate) fn begin() -> Self {
        Self { begun: tokio::time::Instant::now(), lines: vec![] }
    }

    pub(crate) fn note(&mut self, what: impl std::fmt::Display) {
        self.lines.push(format!("  {:>7.3} s {what}", self.begun.elapsed().as_secs_f64()));
    }

    pub(crate) fn text(&self) -> String {
        self.lines.join("\n")
    }
}

fn port(url: &str) -> Result<u16> {
    url.rsplit(':').next().and_then(|port| port.parse().ok()).with_context(|| format!("{url} has no port"))
}

/// A user of the cluster that is this lane's alone, who may do everything: the audit log shows which lane wrote.
async fn log_in(cluster: &Cluster, user: &str, dir: &std::path::Path) -> Result<ClusterEndpoints> {
    let account =
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": user, "namespace": "default"}});
    apply(&cluster.kube, ADMIN, &account).await?;
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": user},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": user, "namespace": "default"}],
    });
    apply(&cluster.kube, ADMIN, &binding).await?;
    let path = format!("/api/v1/namespaces/default/serviceaccounts/{user}/token");
    let asked =
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 86400}});
    let request =
        http::Request::post(path).header("Content-Type", "application/json").body(serde_json::to_vec(&asked)?)?;
    let given: Value = cluster.kube.request(request).await?;
    let cluster = &cluster.endpoints;
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "it",
        "clusters": [{"name": "it", "cluster": {"server": cluster.server, "certificate-authority-data": encode(&cluster.ca)}}],
        "users": [{"name": "it", "user": {"token": given["status"]["token"]}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
    });
    fs::create_dir_all(dir)?;
    let path = dir.join(format!("{}.kubeconfig", cluster.name));
    fs::write(&path, kubeconfig.to_string())?;
    Ok(ClusterEndpoints { causeway: Access { kubeconfig: path, ..cluster.causeway.clone() }, ..cluster.clone() })
}

fn encode(text: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(text)
}

/// Somebody else's objects of kinds that we make too.
async fn bystand(cluster: &Cluster, identity: &str) -> Result<Vec<DynamicObject>> {
    let name = format!("bystander-{identity}");
    let at = json!({"name": name, "namespace": name});
    let rule = json!({"backendRefs": [{"name": name, "port": 80}]});
    let manifests = [
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": at, "data": {"mine": "yes"}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": at, "spec": {"ports": [{"port": 80}]}}),
        json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": at, "spec": {"rules": [rule]}}),
    ];
    let mut made = vec![];
    for manifest in manifests {
        let object: DynamicObject = serde_json::from_value(manifest)?;
        made.push(bystander_api(cluster, &object)?.create(&PostParams::default(), &object).await?);
    }
    Ok(made)
}

/// The API of a bystander's kind and namespace.
pub(crate) fn bystander_api(cluster: &Cluster, object: &DynamicObject) -> Result<Api<DynamicObject>> {
    let types = object.types.as_ref().context("an object without a kind")?;
    let (group, version) = types.api_version.rsplit_once('/').unwrap_or(("", &types.api_version));
    Ok(api(&cluster.kube, (group, version, &types.kind), object.metadata.namespace.as_deref()))
}
