//! Postgres that crashes under load, and that is away for a while.

use std::time::Duration;

use causeway_rig::{Endpoints, Postgres, Server};
use causeway_testkit::{SOON, eventually, id_of};
use reqwest::Method;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::time::{Instant, sleep};

use crate::fixture::{Fixture, bare_cluster, maps, own_folder, setup};

/// How many connections the API's pool has at most by default.
const CONNECTIONS: usize = 16;
/// So few workloads are no load.
const FEW: usize = 2;

/// A control plane on a Postgres of its own.
async fn with_own_postgres(name: &str) -> (Fixture, Postgres) {
    let endpoints = Endpoints::from_env().unwrap();
    let dir = own_folder(&endpoints, name);
    let postgres = Postgres::start(&dir, &dir.join("logs")).await.unwrap();
    let server = Server { url: postgres.admin_url(), pid: postgres.pid() };
    let cluster = bare_cluster(&endpoints).clone();
    let fixture = Fixture::on(Endpoints { postgres: server, ..endpoints }, &cluster, setup(name)).await;
    (fixture, postgres)
}

/// Asks for workloads one after the other until `until`, and until it was a load, whatever the API says, and keeps those that it acknowledged.
pub(crate) async fn load(fixture: &mut Fixture, until: Instant) {
    for n in 0.. {
        if Instant::now() >= until && fixture.workloads.len() > FEW {
            return;
        }
        assert!(Instant::now() < until + SOON, "there is no load: {} workloads", fixture.workloads.len());
        let (name, maps) = (format!("load-{n}-{}", fixture.identity), maps(&["a", "b"], "1"));
        let yaml = maps.iter().map(|(name, value)| causeway_testkit::config_map(name, value)).collect::<Vec<_>>();
        let body = json!({"Name": name, "YAMLDocument": yaml.join("---\n")});
        let post = async |plural: &str, body| {
            let answer = fixture.client.send(Method::POST, &format!("/v0/{plural}"), Some(&body)).await.ok()?;
            assert!([201, 409, 500, 503].contains(&answer.code), "{} {:#}", answer.code, answer.body);
            (answer.code == 201).then(|| id_of(answer.record()).unwrap())
        };
        let Some(definition) = post("workload-definitions", body).await else { continue };
        // An instance that isn't acknowledged may be there all the same: its answer is asked for until there is one.
        let body =
            json!({"Name": name, "KubernetesRuntimeInstanceID": fixture.runtime, "WorkloadDefinitionID": definition});
        let query = format!("name={name}");
        let id = eventually("the instance is acknowledged", async || {
            if let Some(id) = post("workload-instances", body.clone()).await {
                return Ok(id);
            }
            let found = fixture.client.list("workload-instances", &query).await;
            found.ok().and_then(|found| id_of(found.first()?).ok()).ok_or("there is none")
        })
        .await;
        fixture.workloads.insert(id, crate::fixture::Workload { name, definition, maps });
    }
}

#[tokio::test]
async fn a_postgres_that_crashes_under_load_loses_nothing_that_was_acknowledged() {
    let (mut fixture, mut postgres) = with_own_postgres("pg_crash").await;
    for _ in 0..2 {
        let crash = async {
            // Not a wait: the load shall run for a while before the crash.
            sleep(Duration::from_millis(1500)).await;
            postgres.crash().await;
            postgres.start_again().await.unwrap();
        };
        let until = Instant::now() + Duration::from_secs(4);
        tokio::join!(load(&mut fixture, until), crash);
    }
    fixture.until_as_recorded().await;
    assert!(fixture.platform.api().is_running() && fixture.platform.workers()[0].is_running());
    fixture.stop().await;
    postgres.stop().await;
}

#[tokio::test]
async fn a_postgres_that_refuses_connections_for_twenty_seconds() {
    let (mut fixture, mut postgres) = with_own_postgres("pg_away").await;
    let id = fixture.add("before", maps(&["a"], "1")).await;
    fixture.until_as_recorded().await;
    let map = fixture.maps_of(id).get("a").await.unwrap();
    postgres.crash().await;
    let away = Instant::now();
    // Requests are refused with the reason, and nothing in the cluster is touched meanwhile. The passing of time is what is tested: a request
    // each second.
    while away.elapsed() < Duration::from_secs(20) {
        let answer = fixture.client.send(Method::GET, "/v0/workload-instances", None).await.unwrap();
        assert_eq!(answer.code, 503, "{:#}", answer.body);
        let ready = fixture.client.send(Method::GET, "/readyz", None).await.unwrap();
        assert_eq!(ready.code, 503);
        sleep(Duration::from_secs(1)).await;
    }
    let meanwhile = fixture.maps_of(id).get("a").await.unwrap();
    assert_eq!(map.metadata.resource_version, meanwhile.metadata.resource_version);
    postgres.start_again().await.unwrap();
    fixture.change(id, maps(&["a", "b"], "2")).await;
    fixture.add("after", maps(&["a"], "1")).await;
    fixture.until_as_recorded().await;
    fixture.stop().await;
    postgres.stop().await;
}

#[tokio::test]
async fn a_failover_that_leaves_connections_to_a_server_without_writes() {
    let (mut fixture, postgres) = with_own_postgres("pg_failover").await;
    fixture.add("before", maps(&["a"], "1")).await;
    fixture.until_as_recorded().await;
    // The administrator's own connection leads to another database, which this doesn't concern.
    let mut administrator = PgConnection::connect(&postgres.admin_url()).await.unwrap();
    let url = fixture.platform.database_url();
    let database = url.rsplit('/').next().unwrap();
    // A failover ends all connections; those that are made in the middle of it lead to a server that takes no writes.
    let read_only = format!("ALTER DATABASE \"{database}\" SET default_transaction_read_only = on");
    administrator.execute(AssertSqlSafe(read_only)).await.unwrap();
    let end = sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1");
    end.bind(database).execute(&mut administrator).await.unwrap();
    let mut asked = 0;
    let mut ask = async || {
        asked += 1;
        let name = format!("failover-{}-{asked}", fixture.identity);
        let account = json!({"Name": name, "AccountID": "1", "DefaultRegion": "x"});
        fixture.client.try_create("aws-accounts", &account).await.unwrap()
    };
    let (api, worker) = (fixture.platform.url(), fixture.platform.worker_url(0));
    let ready = async |url: &str| {
        let answer = reqwest::get(format!("{url}/readyz")).await.map_err(|error| error.to_string())?;
        Ok::<_, String>((answer.status().as_u16(), answer.text().await.map_err(|error| error.to_string())?))
    };
    for url in [&api, &worker] {
        let says = "the database takes no writes right now";
        eventually("it isn't ready", async || match ready(url).await {
            Ok((503, text)) if text.contains(says) => Ok(()),
            other => Err(other),
        })
        .await;
    }
    let refused = ask().await;
    assert_eq!(refused.header("retry-after"), "2");
    refused.refused(503, "the database takes no writes right now").because("Unavailable", &[]);
    fixture.client.send(Method::GET, "/v0/workload-instances", None).await.unwrap().answered(200);
    // From here on the address leads to the new primary.
    let reset = format!("ALTER DATABASE \"{database}\" RESET default_transaction_read_only");
    administrator.execute(AssertSqlSafe(reset)).await.unwrap();
    // The pool lends the connection that was idle longest, so each that it has comes to its turn. One that were kept would refuse for half an hour.
    eventually("writes work again, on every connection", async || {
        for _ in 0..CONNECTIONS {
            let answer = ask().await;
            if answer.code != 201 {
                return Err(answer.text);
            }
        }
        Ok(())
    })
    .await;
    for url in [&api, &worker] {
        eventually("it is ready", async || match ready(url).await {
            Ok((200, _)) => Ok(()),
            other => Err(other),
        })
        .await;
    }
    fixture.add("after", maps(&["a"], "1")).await;
    fixture.until_as_recorded().await;
    fixture.stop().await;
    postgres.stop().await;
}
