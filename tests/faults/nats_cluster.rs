//! A cluster of NATS with a login and TLS, whose nodes die or fall silent, one after the other: no client of the API sees an error, and changes are picked
//! up by hints all the time.

use std::{cell::Cell, time::Duration};

use causeway_rig::{Endpoints, NatsCluster, tools::Tools};
use causeway_testkit::{SOON, eventually};
use futures::future::join_all;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::fixture::{Fixture, LEASE, bare_cluster, manifests, maps, own_folder, setup};

/// How often the queue is scanned here: so seldom that what is picked up sooner was picked up because of a hint.
const SCAN: Duration = Duration::from_secs(600);
/// How long a change may take until it is in the cluster: far less than until the next scan. How long one took is printed.
const ARRIVES_WITHIN: Duration = SOON;
/// The API and two workers, each with one connection.
const PROGRAMS: usize = 3;
/// Those that are changed all the time.
const WORKLOADS: [&str; 3] = ["one", "two", "three"];

/// Changes that go on.
#[derive(Default)]
struct Load {
    over: Cell<bool>,
    /// How many have arrived.
    arrived: Cell<usize>,
}

impl Load {
    /// Waits until as many more have arrived as there are workloads.
    async fn goes_on(&self) {
        let before = self.arrived.get();
        eventually("changes arrive", async || match self.arrived.get() {
            now if now >= before + WORKLOADS.len() => Ok(()),
            now => Err(now),
        })
        .await;
    }
}

async fn start(name: &str) -> (Fixture, NatsCluster) {
    let endpoints = Endpoints::from_env().unwrap();
    let nats = NatsCluster::start(&Tools::find().unwrap(), &own_folder(&endpoints, name)).await.unwrap();
    let mut setup = setup(name);
    setup.workers = 2;
    setup.nats_url = Some(nats.url());
    setup.environment.push(("NATS_CA".to_owned(), nats.ca().display().to_string()));
    let (lease, scan) = (format!("{}s", LEASE.as_secs()), format!("{}s", SCAN.as_secs()));
    setup.worker_arguments = ["--lease-ttl", &lease, "--scan-interval", &scan].map(str::to_owned).to_vec();
    let cluster = bare_cluster(&endpoints).clone();
    let mut fixture = Fixture::on(endpoints, &cluster, setup).await;
    for name in WORKLOADS {
        fixture.add(name, maps(&["a"], "0")).await;
    }
    fixture.until_as_recorded().await;
    until_connected(&nats, None).await;
    (fixture, nats)
}

/// Waits until every program has a connection to a node that answers.
async fn until_connected(nats: &NatsCluster, without: Option<usize>) {
    eventually("all programs are connected", async || {
        let mut clients = 0;
        for node in (0..nats.len()).filter(|node| Some(*node) != without) {
            clients += nats.clients_of(node).await.map_err(|error| format!("{error:#}"))?;
        }
        if clients == PROGRAMS { Ok(()) } else { Err(format!("{clients} of {PROGRAMS} are")) }
    })
    .await;
}

/// Changes a workload again and again, each time when the last change has arrived. How long the slowest one took, and the last value.
async fn change(fixture: &Fixture, id: i64, load: &Load) -> (Duration, u32) {
    let (mut slowest, mut value, found) = (Duration::ZERO, 0, fixture.maps_of(id));
    while !load.over.get() {
        value += 1;
        let wanted = json!(value.to_string());
        let body = json!({"YAMLDocument": manifests(&maps(&["a"], &value.to_string()))});
        let asked = Instant::now();
        fixture.client.patch("workload-definitions", fixture.workloads[&id].definition, &body).await.unwrap();
        while found.get("a").await.unwrap().data["data"]["key"] != wanted {
            assert!(asked.elapsed() < ARRIVES_WITHIN, "change {value} of workload {id} has not arrived");
            sleep(Duration::from_millis(20)).await;
        }
        slowest = slowest.max(asked.elapsed());
        load.arrived.update(|arrived| arrived + 1);
    }
    (slowest, value)
}

/// Changes all workloads while `what` happens, at least once, and tells how often at most.
async fn during(fixture: &mut Fixture, load: &Load, what: impl Future<Output = ()>) -> u32 {
    let ids = fixture.workloads.keys().copied().collect::<Vec<_>>();
    let changes = join_all(ids.iter().map(|id| change(fixture, *id, load)));
    let what = async {
        what.await;
        load.over.set(true);
    };
    let (changed, ()) = tokio::join!(changes, what);
    for (id, (slowest, value)) in ids.iter().zip(&changed) {
        println!("workload {id}: {value} changes, the slowest took {slowest:?}");
        fixture.workloads.get_mut(id).unwrap().maps = maps(&["a"], &value.to_string());
    }
    changed.iter().map(|(_, value)| *value).max().unwrap_or_default()
}

#[tokio::test]
async fn every_node_of_a_nats_cluster_may_die_in_turn_unnoticed() {
    let (mut fixture, mut nats) = start("nats_nodes").await;
    let (url, load) = (fixture.platform.url(), Load::default());
    let kills = async {
        let mut cut = 0;
        for node in 0..nats.len() {
            load.goes_on().await;
            cut += nats.clients_of(node).await.unwrap();
            nats.kill(node).await.unwrap();
            until_connected(&nats, Some(node)).await;
            // The load runs while it is away, too.
            load.goes_on().await;
            let health = reqwest::get(format!("{url}/healthz")).await.unwrap().text().await.unwrap();
            assert!(health.contains(r#""NATS":"ok""#), "{health}");
            nats.start_again(node).await.unwrap();
        }
        // Wherever a program went, its node died later.
        assert!(cut >= PROGRAMS, "{cut} connections were cut");
        println!("{cut} connections were cut");
    };
    assert!(during(&mut fixture, &load, kills).await > 5, "there was no load");
    fixture.until_as_recorded().await;
    fixture.stop().await;
    nats.stop().await;
}

#[tokio::test]
async fn a_node_of_a_nats_cluster_that_falls_silent_is_left() {
    let ((mut fixture, nats), load) = (start("nats_silent").await, Load::default());
    let silence = async {
        let mut clients = vec![];
        for node in 0..nats.len() {
            clients.push((nats.clients_of(node).await.unwrap(), node));
        }
        let (_, node) = clients.into_iter().max().unwrap();
        nats.freeze(node).unwrap();
        until_connected(&nats, Some(node)).await;
        nats.thaw(node).unwrap();
    };
    // One that falls silent is noticed when it has not answered three questions, two seconds from each other.
    assert!(during(&mut fixture, &load, silence).await > 0, "nothing was changed");
    fixture.until_as_recorded().await;
    fixture.stop().await;
    nats.stop().await;
}
