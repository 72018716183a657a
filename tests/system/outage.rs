//! Parts that are away: NATS, a worker, a cluster. What doesn't need them goes on as if nothing had happened.

use std::time::Duration;

use causeway_rig::{ClusterEndpoints, Endpoints, Nats, free_port, tools::Tools};
use causeway_testkit::{
    ApiClient, ControlPlane, INSTALLED, SOON, Setup, add_runtime, add_workload_of, api, condition, config_map,
    eventually, is_true,
    kinds::CONFIG_MAP,
    kube_client, object_name,
    objects::{at, becomes},
};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio::{net::TcpListener, time::Instant};
use uuid::Uuid;

async fn health(platform: &ControlPlane, path: &str) -> (u16, String) {
    let answer = reqwest::get(format!("{}{path}", platform.url())).await.expect("the API doesn't answer");
    (answer.status().as_u16(), answer.text().await.expect("the answer breaks off"))
}

/// Waits until the API says this of NATS; it is ready to answer all the time.
async fn until_nats_is(platform: &ControlPlane, wanted: &str) {
    eventually("what the API says of NATS", async || {
        let (code, text) = health(platform, "/healthz").await;
        assert_eq!(code, 200, "{text}");
        let parts: Value = serde_json::from_str(&text).expect("no JSON");
        assert_eq!(parts["Postgres"], "ok");
        if parts["NATS"].as_str().is_some_and(|nats| nats.starts_with(wanted)) { Ok(()) } else { Err(text) }
    })
    .await;
    assert_eq!(health(platform, "/readyz").await, (200, "OK".to_owned()));
}

async fn becomes_ready(client: &ApiClient, runtime: i64, name: &str) -> i64 {
    let id = add_workload_of(client, runtime, name, &config_map("settings", "1")).await.expect("the API refuses");
    client.until_ready("workload-instances", id, SOON).await.expect("it does not become Ready");
    id
}

#[tokio::test]
async fn everything_works_where_nats_never_was() {
    let endpoints = Endpoints::from_env().unwrap();
    let nats_url = Some(format!("nats://127.0.0.1:{}", free_port().unwrap()));
    let platform = ControlPlane::start(&endpoints, Setup { nats_url, ..Setup::for_test("no_nats") }).await.unwrap();
    until_nats_is(&platform, "unreachable").await;
    let client = platform.client();
    let runtime = add_runtime(&client, endpoints.cluster(), "main").await.unwrap();
    let workload = becomes_ready(&client, runtime, "no-nats").await;
    client.delete_and_wait("workload-instances", workload, INSTALLED).await.unwrap();
    platform.stop().await;
}

#[tokio::test]
async fn everything_goes_on_while_nats_is_away() {
    let endpoints = Endpoints::from_env().unwrap();
    let mut nats = Nats::start(&Tools::find().unwrap(), &endpoints.run_dir.join("logs/nats-outage")).await.unwrap();
    let setup = Setup { nats_url: Some(nats.url()), ..Setup::for_test("nats_outage") };
    let platform = ControlPlane::start(&endpoints, setup).await.unwrap();
    until_nats_is(&platform, "ok").await;
    let client = platform.client();
    let runtime = add_runtime(&client, endpoints.cluster(), "main").await.unwrap();
    let before = becomes_ready(&client, runtime, "nats-before").await;
    nats.stop().await;
    until_nats_is(&platform, "unreachable").await;
    becomes_ready(&client, runtime, "nats-during").await;
    client.delete_and_wait("workload-instances", before, INSTALLED).await.unwrap();
    nats.start_again().await.unwrap();
    until_nats_is(&platform, "ok").await;
    becomes_ready(&client, runtime, "nats-after").await;
    platform.stop().await;
    nats.stop().await;
}

/// The workers that have said that they live.
async fn living(database: &mut PgConnection) -> Vec<Uuid> {
    sqlx::query_scalar("SELECT id FROM workers").fetch_all(database).await.expect("Postgres refuses")
}

/// Who holds a lease that has not ended, and in which epoch.
async fn holder(database: &mut PgConnection, runtime_id: i64) -> Option<(Uuid, i64)> {
    let text =
        "SELECT holder, epoch FROM leases JOIN workers w ON w.id = holder WHERE runtime_id = $1 AND w.until > now()";
    sqlx::query_as(text).bind(runtime_id).fetch_optional(database).await.expect("Postgres refuses")
}

#[tokio::test]
async fn the_cluster_of_a_worker_that_is_killed_goes_to_the_other_within_the_lease() {
    let endpoints = Endpoints::from_env().unwrap();
    let lease = Duration::from_secs(6);
    let worker_arguments = vec!["--lease-ttl".into(), "6s".into()];
    let setup = Setup { worker_arguments, ..Setup::for_test("killed_worker") };
    let mut platform = ControlPlane::start(&endpoints, setup).await.unwrap();
    let mut database = PgConnection::connect(&platform.database_url()).await.unwrap();
    // One after the other, so that we know which process is who.
    let first = eventually("the first worker lives", async || {
        living(&mut database).await.first().copied().ok_or("there is none")
    })
    .await;
    platform.add_worker().await.unwrap();
    let is_other = |id: &Uuid| *id != first;
    let second = eventually("the second lives", async || {
        living(&mut database).await.into_iter().find(is_other).ok_or("there is one worker")
    })
    .await;
    let client = platform.client();
    let runtime = add_runtime(&client, endpoints.cluster(), "main").await.unwrap();
    let workload = becomes_ready(&client, runtime, "killed-worker").await;
    // Two leases, two workers: once each has one, the cluster stays with its holder.
    let (held_by, epoch) = eventually("each worker holds one lease", async || {
        match (holder(&mut database, 0).await, holder(&mut database, runtime).await) {
            (Some(none), Some(cluster)) if none.0 != cluster.0 => Ok(cluster),
            other => Err(other),
        }
    })
    .await;
    let other = if held_by == first { second } else { first };

    platform.kill_worker(usize::from(held_by == second)).await;
    let killed = Instant::now();
    let of = client.get("workload-instances", workload).await.unwrap()["WorkloadDefinitionID"].as_i64().unwrap();
    let change = json!({"YAMLDocument": config_map("settings", "2")});
    client.patch("workload-definitions", of, &change).await.unwrap();
    let taken = eventually("the other has taken the cluster", async || match holder(&mut database, runtime).await {
        Some(holder) if holder.0 == other => Ok(holder),
        holder => Err(holder),
    })
    .await;
    // The rest of the lease, a quarter of it until the other asks, and as much again for a slow machine.
    assert!(killed.elapsed() < lease * 5 / 2, "taken after {:?}", killed.elapsed());
    assert!(taken.1 > epoch, "a new holder has a new epoch: {} after {epoch}", taken.1);
    let maps = api(
        &kube_client(endpoints.cluster()).await.unwrap(),
        CONFIG_MAP,
        Some(&object_name("killed-worker", workload)),
    );
    becomes(&maps, "settings", "the change has arrived", |map| at(map, "/data/key") == "2").await;
    client.until_ready("workload-instances", workload, SOON).await.unwrap();
    platform.stop().await;
}

/// A cluster's address with another endpoint.
fn moved(cluster: &ClusterEndpoints, port: u16) -> ClusterEndpoints {
    ClusterEndpoints { server: format!("https://127.0.0.1:{port}"), ..cluster.clone() }
}

#[tokio::test]
async fn clusters_that_do_not_answer_say_so_and_hold_up_no_other() {
    let endpoints = Endpoints::from_env().unwrap();
    // Takes connections and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_port = silent.local_addr().unwrap().port();
    let accept = tokio::spawn(async move {
        let mut held = vec![];
        while let Ok(connection) = silent.accept().await {
            held.push(connection);
        }
    });
    let platform = ControlPlane::start(&endpoints, Setup::for_test("unreachable")).await.unwrap();
    let client = platform.client();
    let (closed, silent) = (moved(endpoints.cluster(), free_port().unwrap()), moved(endpoints.cluster(), silent_port));
    let closed = add_runtime(&client, &closed, "closed").await.unwrap();
    let silent = add_runtime(&client, &silent, "silent").await.unwrap();
    let good = add_runtime(&client, endpoints.cluster(), "good").await.unwrap();
    let mut waiting = vec![];
    for n in 0..12 {
        for (runtime, name, reason) in [(closed, "closed", "ConnectionFailed"), (silent, "silent", "Timeout")] {
            let map = config_map("settings", "1");
            let id = add_workload_of(&client, runtime, &format!("{name}-{n}"), &map).await.unwrap();
            waiting.push((id, reason));
        }
    }
    // Half of what the silent cluster takes at the least for all of its records, one after the other: ten seconds each.
    let begun = Instant::now();
    becomes_ready(&client, good, "unhindered").await;
    assert!(begun.elapsed() < Duration::from_secs(60), "ready after {:?}", begun.elapsed());

    let runtimes = [(closed, "ConnectionFailed"), (silent, "Timeout")]
        .map(|(id, reason)| ("kubernetes-runtime-instances", id, reason));
    let workloads = waiting.into_iter().map(|(id, reason)| ("workload-instances", id, reason));
    for (plural, id, reason) in runtimes.into_iter().chain(workloads) {
        let record = client.until(plural, id, SOON, |record| condition(record, "ClusterReachable").is_some()).await;
        let record = record.unwrap();
        let reachable = condition(&record, "ClusterReachable").unwrap();
        assert_eq!((&reachable["Status"], &reachable["Reason"]), (&json!("False"), &json!(reason)), "{reachable:#}");
        let message = reachable["Message"].as_str().unwrap();
        assert!(message.contains("cannot be reached") && message.contains("tried again"), "{message}");
        assert!(!is_true(&record, "Ready"));
    }
    // While both are known to be down, too.
    becomes_ready(&client, good, "unhindered-again").await;
    accept.abort();
    platform.stop().await;
}
