//! Clients that make, change and delete workloads without a pause, at APIs that come and go, and want every request to succeed.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, bail, ensure};
use http::Method;
use serde_json::{Value, json};
use tokio::{
    sync::RwLock,
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    answer::{Answer, id_of, is_true},
    client::ApiClient,
    harness::DOMAIN,
    kinds::CONFIG_MAP,
    objects::{api, at},
    records::{WEB, config_map, object_name, unique_name},
    wait::{INSTALLED, PAUSE, within},
};

/// How long all writers may take for a few turns. A busy cluster needs minutes to delete a namespace.
const TURNS_WITHIN: Duration = Duration::from_secs(600);

/// Where a writer has its workloads.
#[derive(Clone)]
pub struct Place {
    /// The runtime instance.
    pub runtime: i64,
    /// The same cluster, for a look at what has arrived.
    pub kube: kube::Client,
    /// Whether each workload gets a gateway with a hostname of its own. The cluster needs the controllers for that.
    pub gateways: bool,
}

/// Writers that go on until they are stopped.
#[derive(Debug)]
pub struct Writers {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

/// What came of their requests.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// How many turns each writer has done: something made, Ready, changed, Ready and in the cluster, deleted, gone.
    pub turns: Vec<usize>,
    /// How many requests have succeeded.
    pub succeeded: usize,
    /// How many were told to come again, and did.
    pub retried: usize,
    /// What should not have been: a request that failed, or a record that didn't get on. Its writer stops.
    pub failures: Vec<String>,
}

#[derive(Debug)]
struct Shared {
    apis: RwLock<Vec<ApiClient>>,
    next: AtomicUsize,
    stopping: AtomicBool,
    written: Mutex<Written>,
}

impl Writers {
    /// One writer for each place. Their requests go to these APIs in turn.
    #[must_use]
    pub fn start(urls: &[&str], places: Vec<Place>) -> Self {
        let written = Written { turns: vec![0; places.len()], ..Written::default() };
        let shared = Arc::new(Shared {
            apis: RwLock::new(urls.iter().map(|url| ApiClient::new(url)).collect()),
            next: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
            written: Mutex::new(written),
        });
        let mut tasks = JoinSet::new();
        for (number, place) in places.into_iter().enumerate() {
            tasks.spawn(write(shared.clone(), number, place));
        }
        Self { shared, tasks }
    }

    /// Sends what comes from now on to these APIs, as a balancer does before it lets one end. Returns when no other has a request to answer.
    pub async fn send_to(&self, urls: &[&str]) {
        *self.shared.apis.write().await = urls.iter().map(|url| ApiClient::new(url)).collect();
    }

    /// Waits until every writer has done this many turns more.
    ///
    /// # Panics
    /// When something has failed, or it takes too long.
    pub async fn go_on(&self, turns: usize) {
        let before = self.shared.written().turns.clone();
        within(TURNS_WITHIN, "every writer goes on", async || {
            let now = self.shared.written().clone();
            assert!(now.failures.is_empty(), "{now:#?}");
            let have = now.turns.iter().zip(&before).all(|(now, before)| *now >= before + turns);
            if have { Ok(()) } else { Err((before.clone(), now.turns)) }
        })
        .await;
    }

    /// Lets each finish its turn, after which nothing of theirs is left.
    ///
    /// # Panics
    /// When something has failed.
    pub async fn stop(mut self) -> Written {
        self.shared.stopping.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("a writer reports what fails and doesn't panic");
        }
        let written = self.shared.written().clone();
        assert!(written.failures.is_empty(), "{written:#?}");
        written
    }
}

async fn write(shared: Arc<Shared>, number: usize, place: Place) {
    while !shared.stopping.load(Ordering::Relaxed) {
        let name = unique_name(&format!("writer-{number}"));
        if let Err(error) = shared.turn(&place, &name).await {
            shared.written().failures.push(format!("{name}: {error:#}"));
            return;
        }
        shared.written().turns[number] += 1;
    }
}

/// The manifests of a workload; the ConfigMap `a` has the value. A gateway needs pods behind its Service.
fn manifests(place: &Place, value: &str) -> String {
    let map = config_map("a", value);
    if place.gateways { format!("{WEB}---\n{map}") } else { map }
}

impl Shared {
    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn turn(&self, place: &Place, name: &str) -> Result<()> {
        let of =
            self.make("workload-definitions", json!({"Name": name, "YAMLDocument": manifests(place, "1")})).await?;
        let placed = json!({"Name": name, "KubernetesRuntimeInstanceID": place.runtime, "WorkloadDefinitionID": of});
        let workload = self.make("workload-instances", placed).await?;
        self.until_ready("workload-instances", workload).await?;
        let gateway = if place.gateways { Some(self.gateway(place, name, workload).await?) } else { None };

        let change = json!({"YAMLDocument": manifests(place, "2")});
        self.request(Method::PATCH, &format!("/v0/workload-definitions/{of}"), Some(&change)).await?;
        self.until_ready("workload-instances", workload).await?;
        let maps = api(&place.kube, CONFIG_MAP, Some(&object_name(name, workload)));
        let arrived = maps.get("a").await?;
        ensure!(at(&arrived, "/data/key") == "2", "the change is Ready and has not arrived: {arrived:?}");

        if let Some([domain, definition, instance]) = gateway {
            self.remove("gateway-instances", instance).await?;
            self.remove("gateway-definitions", definition).await?;
            self.remove("domain-name-definitions", domain).await?;
        }
        self.remove("workload-instances", workload).await?;
        self.remove("workload-definitions", of).await
    }

    /// Ids of a domain, a gateway definition and its instance, which is Ready.
    async fn gateway(&self, place: &Place, name: &str, workload: i64) -> Result<[i64; 3]> {
        let domain = json!({
            "Name": name, "Domain": format!("{name}.{DOMAIN}"), "Zone": "Public", "AdminEmail": "ops@test.example",
            "TTL": 1, "IssuerKind": "SelfSigned",
        });
        let domain = self.make("domain-name-definitions", domain).await?;
        let of = json!({"Name": name, "DomainNameDefinitionID": domain, "HttpPorts": [{"Port": 80}]});
        let of = self.make("gateway-definitions", of).await?;
        let instance = json!({
            "Name": name, "KubernetesRuntimeInstanceID": place.runtime, "GatewayDefinitionID": of, "WorkloadInstanceID": workload,
        });
        let instance = self.make("gateway-instances", instance).await?;
        self.until_ready("gateway-instances", instance).await?;
        Ok([domain, of, instance])
    }

    async fn make(&self, plural: &str, body: Value) -> Result<i64> {
        id_of(self.request(Method::POST, &format!("/v0/{plural}"), Some(&body)).await?.record())
    }

    /// Deletes a record, and waits until it is gone.
    async fn remove(&self, plural: &str, id: i64) -> Result<()> {
        let path = format!("/v0/{plural}/{id}");
        self.request(Method::DELETE, &path, None).await?;
        self.read_until(&path, |answer| answer.code == 404).await
    }

    async fn until_ready(&self, plural: &str, id: i64) -> Result<()> {
        let is_ready = |answer: &Answer| answer.record()["Reconciled"] == true && is_true(answer.record(), "Ready");
        self.read_until(&format!("/v0/{plural}/{id}"), is_ready).await
    }

    async fn read_until(&self, path: &str, wanted: impl Fn(&Answer) -> bool) -> Result<()> {
        let deadline = Instant::now() + INSTALLED;
        loop {
            let answer = self.request(Method::GET, path, None).await?;
            if wanted(&answer) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{path} is not as wanted after {INSTALLED:?}: {}", answer.text);
            sleep(PAUSE).await;
        }
    }

    /// Sends a request until it succeeds. Only an answer that says when to come again is no failure, and that not for ever.
    async fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        let deadline = Instant::now() + INSTALLED;
        loop {
            let answer = {
                let apis = self.apis.read().await;
                let number = self.next.fetch_add(1, Ordering::Relaxed) % apis.len();
                apis[number].send(method.clone(), path, body).await?
            };
            match answer.code {
                200..300 => {
                    self.written().succeeded += 1;
                    return Ok(answer);
                }
                404 if method == Method::GET => return Ok(answer),
                429 | 503 if !answer.header("retry-after").is_empty() && Instant::now() < deadline => {
                    self.written().retried += 1;
                }
                code => bail!("{method} {path}: {code} {}", answer.text),
            }
            sleep(PAUSE).await;
        }
    }
}
