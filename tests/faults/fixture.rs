//! A control plane of one test with workloads in a bare cluster, and the check that all of it is as recorded.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use anyhow::{Result, bail, ensure};
use causeway_records::inventory::Inventory;
use causeway_rig::{ClusterEndpoints, Endpoints};
use causeway_testkit::{
    ApiClient, ControlPlane, INSTALLED, SOON, Setup, add_runtime, api, eventually, id_of,
    kinds::{CONFIG_MAP, CONTROL_PLANE, NAMESPACE, OWNER},
    kube_client, object_name, within,
};
use kube::{
    Api, ResourceExt,
    api::{DynamicObject, ListParams, PostParams},
};
use serde_json::json;
use sqlx::{Connection, PgConnection, types::Json};
use uuid::Uuid;

/// How long a lease lasts here: short, because tests wait for its end.
pub(crate) const LEASE: Duration = Duration::from_secs(5);

/// ConfigMaps by name, each with one value.
pub(crate) type Maps = BTreeMap<String, String>;

/// Maps named `a`, `b` and so on that all hold this value.
pub(crate) fn maps(names: &[&str], value: &str) -> Maps {
    names.iter().map(|name| ((*name).to_owned(), value.to_owned())).collect()
}

/// What was asked for with one workload.
pub(crate) struct Workload {
    pub(crate) name: String,
    pub(crate) definition: i64,
    pub(crate) maps: Maps,
}

/// The control plane, its cluster, and what it was asked for.
pub(crate) struct Fixture {
    pub(crate) endpoints: Endpoints,
    pub(crate) platform: ControlPlane,
    pub(crate) client: ApiClient,
    pub(crate) kube: kube::Client,
    pub(crate) runtime: i64,
    /// The control plane's id, in every label.
    pub(crate) identity: String,
    /// By the id of the workload instance.
    pub(crate) workloads: BTreeMap<i64, Workload>,
    /// Instances whose deletion was asked for, by name and id.
    pub(crate) deleted: Vec<(String, i64)>,
    /// Somebody else's object, as it was before everything.
    bystander: DynamicObject,
}

/// How tests of failures start their control planes: short leases, and no bundles, which workloads don't need.
pub(crate) fn setup(name: &str) -> Setup {
    let endpoints = Endpoints::from_env().unwrap();
    let bundles = endpoints.run_dir.join("no-bundles");
    std::fs::create_dir_all(&bundles).unwrap();
    let worker_arguments = ["--lease-ttl", &format!("{}s", LEASE.as_secs()), "--scan-interval", "1s"];
    let worker_arguments = worker_arguments.map(str::to_owned).to_vec();
    Setup { worker_arguments, bundles: Some(bundles), ..Setup::for_test(name) }
}

/// A folder for the files of servers of one test, which is new in each round of a soak.
pub(crate) fn own_folder(endpoints: &Endpoints, what: &str) -> PathBuf {
    endpoints.run_dir.join(format!("{what}-{}", &Uuid::new_v4().simple().to_string()[..8]))
}

/// The rig's bare cluster.
pub(crate) fn bare_cluster(endpoints: &Endpoints) -> &ClusterEndpoints {
    endpoints.clusters.get(1).expect("run the rig with --extra-clusters 1")
}

impl Fixture {
    /// Everything started, no workload yet.
    pub(crate) async fn start(name: &str) -> Self {
        let endpoints = Endpoints::from_env().unwrap();
        let cluster = bare_cluster(&endpoints).clone();
        Self::on(endpoints, &cluster, setup(name)).await
    }

    /// The same with another setup, and a cluster that is reached in another way.
    pub(crate) async fn on(endpoints: Endpoints, cluster: &ClusterEndpoints, setup: Setup) -> Self {
        let platform = ControlPlane::start(&endpoints, setup).await.unwrap();
        Self::of(endpoints, platform, cluster).await
    }

    /// Around a control plane that runs already.
    pub(crate) async fn of(endpoints: Endpoints, platform: ControlPlane, cluster: &ClusterEndpoints) -> Self {
        let (client, kube) = (platform.client(), kube_client(cluster).await.unwrap());
        let mut database = PgConnection::connect(&platform.database_url()).await.unwrap();
        let identity: String =
            sqlx::query_scalar("SELECT id FROM control_plane").fetch_one(&mut database).await.unwrap();
        let bystander = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("bystander-{identity}")},
            "data": {"mine": "yes"},
        });
        let bystander = serde_json::from_value(bystander).unwrap();
        let bystander =
            api(&kube, CONFIG_MAP, Some("default")).create(&PostParams::default(), &bystander).await.unwrap();
        let runtime = add_runtime(&client, cluster, "cluster").await.unwrap();
        let (workloads, deleted) = (BTreeMap::new(), vec![]);
        Self { endpoints, platform, client, kube, runtime, identity, workloads, deleted, bystander }
    }

    pub(crate) async fn database(&self) -> PgConnection {
        PgConnection::connect(&self.platform.database_url()).await.unwrap()
    }

    /// Asks for a workload and doesn't wait. Its id.
    pub(crate) async fn add(&mut self, name: &str, maps: Maps) -> i64 {
        let name = format!("{name}-{}", self.identity);
        let body = json!({"Name": name, "YAMLDocument": manifests(&maps)});
        let definition = id_of(&self.client.create("workload-definitions", &body).await.unwrap()).unwrap();
        let body =
            json!({"Name": name, "KubernetesRuntimeInstanceID": self.runtime, "WorkloadDefinitionID": definition});
        let id = id_of(&self.client.create("workload-instances", &body).await.unwrap()).unwrap();
        self.workloads.insert(id, Workload { name, definition, maps });
        id
    }

    /// Asks for other maps and doesn't wait.
    pub(crate) async fn change(&mut self, id: i64, maps: Maps) {
        let workload = self.workloads.get_mut(&id).unwrap();
        let body = json!({"YAMLDocument": manifests(&maps)});
        self.client.patch("workload-definitions", workload.definition, &body).await.unwrap();
        workload.maps = maps;
    }

    /// Asks for the deletion and doesn't wait.
    pub(crate) async fn delete(&mut self, id: i64) {
        self.client.delete("workload-instances", id).await.unwrap();
        let workload = self.workloads.remove(&id).unwrap();
        self.deleted.push((workload.name, id));
    }

    pub(crate) async fn until_ready(&self, id: i64) {
        self.client.until_ready("workload-instances", id, SOON).await.unwrap();
    }

    /// Waits until everything is as asked for: in the API, in the cluster, in the inventories, and that the bystander is unchanged. Rests between attempts
    /// add up after a failure, and a busy cluster takes long to delete a namespace.
    pub(crate) async fn until_as_recorded(&self) {
        for id in self.workloads.keys() {
            self.client.until_ready("workload-instances", *id, INSTALLED).await.unwrap();
        }
        for (_, id) in &self.deleted {
            self.client.until_gone("workload-instances", *id, INSTALLED).await.unwrap();
        }
        within(INSTALLED, "the cluster is as recorded", async || {
            self.is_as_recorded().await.map_err(|error| format!("{error:#}"))
        })
        .await;
        let bystander = api(&self.kube, CONFIG_MAP, Some("default")).get(&self.bystander.name_any()).await.unwrap();
        assert_eq!(bystander.resource_version(), self.bystander.resource_version(), "somebody else's object changed");
    }

    async fn is_as_recorded(&self) -> Result<()> {
        let mut wanted = BTreeSet::new();
        for (id, workload) in &self.workloads {
            let namespace = object_name(&workload.name, *id);
            for (name, value) in &workload.maps {
                let found = self.maps_of(*id).get_opt(name).await?;
                let data = found.as_ref().map(|map| &map.data["data"]["key"]);
                ensure!(data == Some(&json!(value)), "{namespace}/{name} is {data:?} instead of {value}");
            }
            wanted.extend(workload.maps.keys().map(|name| format!("{namespace}/{name}")));
            wanted.insert(namespace);
        }
        let ours = ListParams::default().labels(&format!("{CONTROL_PLANE}={}", self.identity));
        let (mut standing, mut uids) = (BTreeSet::new(), BTreeMap::<i64, BTreeSet<String>>::new());
        for kind in [NAMESPACE, CONFIG_MAP] {
            for object in api(&self.kube, kind, None).list(&ours).await? {
                let namespace = object.namespace().map(|namespace| format!("{namespace}/")).unwrap_or_default();
                standing.insert(format!("{namespace}{}", object.name_any()));
                let owner = object.labels().get(OWNER).and_then(|owner| owner.rsplit_once('-')?.1.parse().ok());
                uids.entry(owner.unwrap_or_default()).or_default().insert(object.uid().unwrap_or_default());
            }
        }
        ensure!(standing == wanted, "{standing:?} stand instead of {wanted:?}");
        for (id, inventory) in self.inventories().await? {
            let known: BTreeSet<_> = inventory.into_iter().filter_map(|entry| entry.uid).collect();
            let stand = uids.remove(&id).unwrap_or_default();
            ensure!(known == stand, "workload instance {id} remembers {known:?}, and {stand:?} stand");
        }
        Ok(())
    }

    async fn inventories(&self) -> Result<Vec<(i64, Inventory)>> {
        let text = "SELECT id, inventory FROM reconciliations WHERE kind = 'WorkloadInstance' AND gone_at IS NULL";
        let mut database = self.database().await;
        let rows: Vec<(i64, Json<Inventory>)> = sqlx::query_as(text).fetch_all(&mut database).await?;
        if rows.len() != self.workloads.len() {
            bail!("{} workload instances are on record instead of {}", rows.len(), self.workloads.len());
        }
        Ok(rows.into_iter().map(|(id, inventory)| (id, inventory.0)).collect())
    }

    /// The ConfigMaps of a workload, deleted or not.
    pub(crate) fn maps_of(&self, id: i64) -> Api<DynamicObject> {
        let live = self.workloads.get(&id).map(|workload| &workload.name);
        let name = live.or_else(|| self.deleted.iter().find(|(_, of)| *of == id).map(|(name, _)| name)).unwrap();
        api(&self.kube, CONFIG_MAP, Some(&object_name(name, id)))
    }

    /// Who holds the cluster's lease now; None while it is free.
    pub(crate) async fn holder(&self) -> Option<Uuid> {
        self.holder_of(self.runtime).await
    }

    /// Who holds this lease now.
    pub(crate) async fn holder_of(&self, runtime_id: i64) -> Option<Uuid> {
        let text =
            "SELECT holder FROM leases JOIN workers w ON w.id = holder WHERE runtime_id = $1 AND w.until > now()";
        sqlx::query_scalar(text).bind(runtime_id).fetch_optional(&mut self.database().await).await.unwrap()
    }

    /// Arms a failpoint at which a worker is killed. It may be reached before the worker has said that it is armed.
    pub(crate) async fn arm_to_die(&self, worker: usize, point: &str, actions: &str) {
        if let Err(error) = self.platform.arm_worker(worker, point, actions).await {
            self.until_dead(worker, &format!("{point}, of which it said: {error:#}")).await;
        }
    }

    /// Waits until a worker has ended, by a failpoint for example.
    pub(crate) async fn until_dead(&self, worker: usize, why: &str) {
        eventually(&format!("worker {worker} dies: {why}"), async || {
            if self.platform.workers()[worker].is_running() { Err("it runs") } else { Ok(()) }
        })
        .await;
    }

    /// Everything ends.
    pub(crate) async fn stop(self) {
        self.platform.stop().await;
    }
}

pub(crate) fn manifests(maps: &Maps) -> String {
    let all: Vec<_> = maps.iter().map(|(name, value)| causeway_testkit::config_map(name, value)).collect();
    all.join("---\n")
}
