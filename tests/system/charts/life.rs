//! The life of one chart, from the POST to the last object, beside a neighbour.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use causeway_rig::{Endpoints, OwnCluster, tools::Tools};
use causeway_testkit::{
    ApiClient, ControlPlane, INSTALLED, SOON, Setup, add_runtime, add_workload_of, condition, config_map, eventually,
    id_of,
    kinds::{CONFIG_MAP, CONTROL_PLANE, Gvk, NAMESPACE, OWNER},
    kube_client, object_name,
    objects::{api, apply, becomes, objects},
    unique_name,
    wait::PAUSE,
};
use serde_json::{Value, json};
use tokio::{
    sync::OnceCell,
    time::{Instant, sleep},
};

use super::source::{Chart, Key, Rendered, When, key};
use crate::fixture::our_writes;

/// How long nothing may be written when nothing has to be done.
const IDLE: Duration = Duration::from_secs(30);
/// How long a request or a reconcile may take that is about a whole chart.
const READ_WITHIN: Duration = Duration::from_secs(120);
/// While the chart of an API without a server stands beside it, Kubernetes can't end the deletion of a namespace; and then it tries again after up to a minute.
const GONE: Duration = Duration::from_secs(600);

/// The cluster that charts share.
struct Site {
    endpoints: Endpoints,
    cluster: OwnCluster,
    platform: ControlPlane,
    client: ApiClient,
    runtime: i64,
}

async fn site() -> &'static Site {
    static SITE: OnceCell<Site> = OnceCell::const_new();
    SITE.get_or_init(|| async {
        let endpoints = Endpoints::from_env().unwrap();
        // What is large is read at a low priority, in a debug build, while other tests take the processors.
        let patient = |flag: &str| vec![flag.to_owned(), format!("{}s", READ_WITHIN.as_secs())];
        let setup = Setup {
            api_arguments: patient("--request-timeout"),
            worker_arguments: patient("--reconcile-timeout"),
            ..Setup::for_test("charts")
        };
        let dir = endpoints.run_dir.join(&setup.name);
        let bundles = dir.join("bundles");
        std::fs::create_dir_all(&bundles).unwrap();
        let cluster = OwnCluster::start_with_node(&Tools::find().unwrap(), &dir.join("cluster")).await.unwrap();
        let platform = ControlPlane::start(&endpoints, Setup { bundles: Some(bundles), ..setup }).await.unwrap();
        let client = platform.client();
        let runtime = add_runtime(&client, cluster.endpoints(), "charts").await.unwrap();
        Site { endpoints, cluster, platform, client, runtime }
    })
    .await
}

/// Brings the chart, leaves it alone, brings it in another version, and deletes it. `lacks`: the object that can't work here, as the condition must name it.
pub(super) async fn live(chart: &Chart, lacks: Option<&str>) {
    let site = site().await;
    // A client ends with the runtime of its test.
    let kube = &kube_client(site.cluster.endpoints()).await.unwrap();
    let namespace = unique_name(chart.name);
    let before = chart.render(&site.endpoints, When::Before, &namespace).await.unwrap();
    let after = chart.render(&site.endpoints, When::After, &namespace).await.unwrap();
    assert_ne!(before.text, after.text, "the second rendering changes something");
    let neighbour = Neighbour::make(site, kube, &namespace).await;

    let id = add_workload_of(&site.client, site.runtime, &namespace, &before.text).await.unwrap();
    let brought = Brought {
        site,
        kube,
        id,
        lacks,
        namespace: namespace.clone(),
        kinds: [before.kinds(), after.kinds()].concat(),
    };
    brought.works().await;
    brought.stands(&before).await;
    neighbour.changes("while the chart stands").await;
    brought.is_idle(&before).await;

    let definition = site.client.get("workload-instances", id).await.unwrap()["WorkloadDefinitionID"].as_i64().unwrap();
    site.client.patch("workload-definitions", definition, &json!({"YAMLDocument": after.text})).await.unwrap();
    brought.works().await;
    brought.stands(&after).await;
    neighbour.changes("while another version stands").await;

    site.client.delete_and_wait("workload-instances", id, GONE).await.unwrap();
    brought.left_only(&after).await;
    neighbour.changes("when the chart is gone").await;
    neighbour.is_untouched().await;
    assert!(site.platform.workers().iter().all(|worker| worker.is_running()), "a worker has ended");
}

/// Objects of a kind. None where it is not served: its definition went, and they with it.
async fn listed(kube: &kube::Client, kind: Gvk<'_>, selector: &str) -> Vec<Value> {
    match objects(kube, kind, selector).await {
        Ok(objects) => objects,
        Err(error) => match error.downcast_ref() {
            Some(kube::Error::Api(status)) if status.code == 404 => vec![],
            _ => panic!("{kind:?} can't be listed: {error:#}"),
        },
    }
}

/// A chart that is a workload instance now.
struct Brought<'a> {
    site: &'a Site,
    kube: &'a kube::Client,
    id: i64,
    lacks: Option<&'a str>,
    /// Also the name of the records.
    namespace: String,
    kinds: Vec<(String, String, String)>,
}

impl Brought<'_> {
    /// Ready, or everything is but for the object that can't work here.
    async fn works(&self) {
        let works = |record: &Value| {
            let says = |step: &str| condition(record, step).cloned().unwrap_or_default();
            let resources = says("ResourcesReady");
            let as_far_as_it_can = match self.lacks {
                None => resources["Status"] == "True",
                Some(lacks) => {
                    resources["Status"] == "False"
                        && resources["Message"].as_str().is_some_and(|message| message.contains(lacks))
                }
            };
            record["Reconciled"] == true && says("Applied")["Status"] == "True" && as_far_as_it_can
        };
        self.site.client.until("workload-instances", self.id, INSTALLED, works).await.unwrap();
    }

    /// Our objects of all kinds that either version has, but for the namespace that every workload gets.
    async fn ours(&self, selector: &str) -> BTreeMap<Key, (Value, Value)> {
        let mut all = BTreeMap::new();
        for (group, version, kind) in &self.kinds {
            let listed = listed(self.kube, (group, version, kind), selector).await;
            for mut object in listed {
                // Items of a list don't say what they are.
                object["kind"] = json!(kind);
                object["apiVersion"] =
                    json!(if group.is_empty() { version.clone() } else { format!("{group}/{version}") });
                let metadata = &object["metadata"];
                all.insert(key(&object), (metadata["uid"].clone(), metadata["resourceVersion"].clone()));
            }
        }
        all.retain(|key, _| key.2 != object_name(&self.namespace, self.id));
        all
    }

    fn owned(&self) -> String {
        format!("{OWNER}=workload-instance-{}", self.id)
    }

    /// Exactly what was rendered is there, but for Jobs that ended and that the cluster has deleted.
    async fn stands(&self, rendered: &Rendered) {
        let (selector, asked, ends_by_itself) = (self.owned(), rendered.asked(), rendered.ends_by_itself());
        eventually("exactly what was rendered stands", async || {
            let found: BTreeSet<Key> = self.ours(&selector).await.into_keys().collect();
            let (mut lost, more): (Vec<_>, Vec<_>) =
                (asked.difference(&found).collect(), found.difference(&asked).collect());
            lost.retain(|key| !ends_by_itself.contains(*key));
            if lost.is_empty() && more.is_empty() {
                Ok(())
            } else {
                Err(format!("not there: {lost:?}; not asked for: {more:?}"))
            }
        })
        .await;
    }

    /// Writes of the control plane, refused ones too, to anything that the chart has.
    async fn written(&self, rendered: &Rendered) -> Vec<Value> {
        let names: BTreeSet<String> = rendered.objects.iter().map(|object| key(object).2).collect();
        let own = [self.namespace.clone(), object_name(&self.namespace, self.id)];
        let concerns = |event: &Value| {
            let at = |part: &str| event["objectRef"][part].as_str().unwrap_or_default().to_owned();
            own.contains(&at("namespace")) || names.contains(&at("name"))
        };
        our_writes(self.site.cluster.endpoints(), "").await.into_iter().filter(concerns).collect()
    }

    /// Nothing is written for half a minute: a test of time.
    async fn is_idle(&self, rendered: &Rendered) {
        let deadline = Instant::now() + INSTALLED;
        let (mut before, mut since) = (0, Instant::now());
        while since.elapsed() < IDLE {
            let written = self.written(rendered).await;
            assert!(!written.is_empty(), "the writes that made it are in the log");
            if written.len() != before {
                assert!(Instant::now() < deadline, "it is still written: {:#?}", written.last());
                (before, since) = (written.len(), Instant::now());
            }
            sleep(PAUSE * 20).await;
        }
    }

    /// Nothing is left with our label but what said that it is to be kept.
    async fn left_only(&self, rendered: &Rendered) {
        let left: BTreeSet<Key> = self.ours(CONTROL_PLANE).await.into_keys().collect();
        let names: BTreeSet<Key> = rendered.objects.iter().map(key).collect();
        let own: BTreeSet<_> = left.intersection(&names).cloned().collect();
        assert!(own.is_subset(&rendered.kept()), "left are {:?}", own.difference(&rendered.kept()).collect::<Vec<_>>());
        for (group, version, kind) in &self.kinds {
            let all = listed(self.kube, (group, version, kind), "").await;
            let here =
                all.iter().filter(|object| object["metadata"]["namespace"] == json!(self.namespace) && kind != "Event");
            assert_eq!(here.count(), 0, "objects of kind {kind} are left in {}", self.namespace);
        }
        for namespace in [self.namespace.clone(), object_name(&self.namespace, self.id)] {
            let found = api(self.kube, NAMESPACE, None).get_opt(&namespace).await.unwrap();
            assert!(found.is_none(), "the namespace {namespace} is left");
        }
    }
}

/// Somebody else's workload of the same cluster, and an object that belongs to nobody.
struct Neighbour<'a> {
    site: &'a Site,
    kube: &'a kube::Client,
    name: String,
    id: i64,
    definition: i64,
    bystander: Option<String>,
}

impl<'a> Neighbour<'a> {
    async fn make(site: &'a Site, kube: &'a kube::Client, beside: &str) -> Self {
        let name = format!("beside-{beside}");
        let definition = id_of(
            &site
                .client
                .create("workload-definitions", &json!({"Name": name, "YAMLDocument": config_map("own", "first")}))
                .await
                .unwrap(),
        )
        .unwrap();
        let body =
            json!({"Name": name, "KubernetesRuntimeInstanceID": site.runtime, "WorkloadDefinitionID": definition});
        let id = id_of(&site.client.create("workload-instances", &body).await.unwrap()).unwrap();
        site.client.until_ready("workload-instances", id, SOON).await.unwrap();
        let bystander = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": {"mine": "yes"}});
        apply(kube, "somebody", &bystander).await.unwrap();
        let bystander = api(kube, CONFIG_MAP, Some("default")).get(&name).await.unwrap().metadata.resource_version;
        Self { site, kube, name, id, definition, bystander }
    }

    /// A change of it comes through.
    async fn changes(&self, when: &str) {
        let change = json!({"YAMLDocument": config_map("own", when)});
        self.site.client.patch("workload-definitions", self.definition, &change).await.unwrap();
        let maps = api(self.kube, CONFIG_MAP, Some(&object_name(&self.name, self.id)));
        becomes(&maps, "own", "the neighbour is changed", |map| map.data["data"]["key"] == *when).await;
        self.site.client.until_ready("workload-instances", self.id, SOON).await.unwrap();
    }

    async fn is_untouched(&self) {
        let now = api(self.kube, CONFIG_MAP, Some("default")).get(&self.name).await.unwrap();
        assert_eq!(now.metadata.resource_version, self.bystander, "somebody else's object was changed: {now:?}");
    }
}
