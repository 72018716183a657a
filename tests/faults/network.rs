//! A cluster that is slow, silent, cut off, restarted, or answers nonsense.

use std::time::Duration;

use causeway_rig::{
    ClusterEndpoints, Endpoints, OwnCluster,
    faults::{Answer, Answers, Network, Proxy, Toxic},
    tools::Tools,
};
use causeway_testkit::{INSTALLED, condition, eventually, kube_client};
use tokio::time::Instant;

use crate::fixture::{Fixture, bare_cluster, maps, own_folder, setup};

/// A control plane whose way to its cluster can be poisoned. The test has another one.
async fn behind_a_proxy(name: &str) -> (Fixture, Network, Proxy) {
    let endpoints = Endpoints::from_env().unwrap();
    let logs = own_folder(&endpoints, name);
    let network = Network::start(&Tools::find().unwrap(), &logs).await.unwrap();
    let cluster = bare_cluster(&endpoints);
    let port = cluster.server.rsplit(':').next().unwrap().parse().unwrap();
    let proxy = network.proxy(name, port).await.unwrap();
    let through = ClusterEndpoints { server: format!("https://127.0.0.1:{}", proxy.port()), ..cluster.clone() };
    let direct = kube_client(cluster).await.unwrap();
    let mut fixture = Fixture::on(endpoints, &through, setup(name)).await;
    fixture.kube = direct;
    (fixture, network, proxy)
}

#[tokio::test]
async fn an_api_server_that_takes_two_seconds_for_everything() {
    let (mut fixture, network, proxy) = behind_a_proxy("slow").await;
    let id = fixture.add("before", maps(&["a", "b"], "1")).await;
    fixture.until_as_recorded().await;
    proxy.poison(Toxic::Latency(Duration::from_secs(2))).await.unwrap();
    fixture.change(id, maps(&["b", "c"], "2")).await;
    fixture.add("meanwhile", maps(&["a"], "1")).await;
    fixture.until_as_recorded().await;
    fixture.delete(id).await;
    fixture.until_as_recorded().await;
    fixture.stop().await;
    network.stop().await;
}

#[tokio::test]
async fn an_api_server_that_falls_silent_is_cut_off_and_comes_back() {
    let (mut fixture, network, proxy) = behind_a_proxy("silent").await;
    let id = fixture.add("before", maps(&["a", "b"], "0")).await;
    fixture.until_as_recorded().await;
    let down = async |fixture: &Fixture| {
        let check = |record: &serde_json::Value| {
            condition(record, "ClusterReachable").is_some_and(|reachable| reachable["Status"] == "False")
        };
        // A write may take as long as its webhooks do, and only then it is doubted whether the cluster answers.
        fixture.client.until("workload-instances", id, INSTALLED, check).await.unwrap();
    };
    for (n, toxic) in [Toxic::Silence, Toxic::Deafness, Toxic::Reset, Toxic::CutAfter(3000)].into_iter().enumerate() {
        proxy.poison(toxic).await.unwrap();
        fixture.change(id, maps(&["a", if n % 2 == 0 { "c" } else { "b" }], &format!("{n}"))).await;
        // Between two cuts something arrives.
        if !matches!(toxic, Toxic::CutAfter(_)) {
            down(&fixture).await;
        }
        proxy.heal().await.unwrap();
        fixture.until_as_recorded().await;
    }
    proxy.set_open(false).await.unwrap();
    fixture.change(id, maps(&["a"], "closed")).await;
    down(&fixture).await;
    proxy.set_open(true).await.unwrap();
    fixture.until_as_recorded().await;
    fixture.stop().await;
    network.stop().await;
}

#[tokio::test]
async fn an_api_server_that_is_killed_and_started_again() {
    let endpoints = Endpoints::from_env().unwrap();
    let dir = own_folder(&endpoints, "own-cluster");
    let mut own = OwnCluster::start(&Tools::find().unwrap(), &dir).await.unwrap();
    let cluster = own.endpoints().clone();
    let mut fixture = Fixture::on(endpoints, &cluster, setup("restarted")).await;
    let id = fixture.add("before", maps(&["a", "b"], "1")).await;
    fixture.until_as_recorded().await;
    for n in 0..5 {
        fixture.add(&format!("under-way-{n}"), maps(&["a", "b", "c"], "1")).await;
    }
    own.kill_apiserver().await;
    fixture.change(id, maps(&["b", "c"], "2")).await;
    let before = Instant::now();
    own.start_apiserver_again().await.unwrap();
    fixture.until_as_recorded().await;
    println!("as recorded {:?} after the API server was started again", before.elapsed());
    fixture.stop().await;
    own.stop().await;
}

#[tokio::test]
async fn an_api_server_that_answers_nonsense_in_turns_and_loses_answers() {
    let endpoints = Endpoints::from_env().unwrap();
    let proxy = Answers::before(bare_cluster(&endpoints), &own_folder(&endpoints, "answers")).await.unwrap();
    let cluster = proxy.cluster().clone();
    let direct = kube_client(bare_cluster(&endpoints)).await.unwrap();
    let mut fixture = Fixture::on(endpoints, &cluster, setup("nonsense")).await;
    fixture.kube = direct;
    let id = fixture.add("before", maps(&["a", "b"], "0")).await;
    fixture.until_as_recorded().await;
    use Answer::{Code, Lost, Real};
    let turns = [
        vec![Code(409), Real, Code(409)],
        vec![Code(500), Real, Real, Code(500)],
        vec![Code(429), Real, Code(503)],
        vec![Lost, Real, Lost, Real, Real, Lost],
        vec![Real, Lost, Code(409), Real, Code(429), Lost, Code(500), Real],
        vec![Code(403), Code(404), Code(422), Real, Code(200)],
    ];
    for (n, turn) in turns.into_iter().enumerate() {
        proxy.script(turn);
        let names = if n % 2 == 0 { ["a", "c"] } else { ["b", "d"] };
        fixture.change(id, maps(&names, &n.to_string())).await;
        fixture.add(&format!("turn-{n}"), maps(&["a"], "1")).await;
        fixture.until_as_recorded().await;
    }
    // Whatever is left of the turns is used up by the watches and reads that go on.
    eventually("all answers are given", async || match proxy.left() {
        0 => Ok(()),
        left => Err(left),
    })
    .await;
    fixture.until_as_recorded().await;
    fixture.stop().await;
}
