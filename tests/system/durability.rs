//! What was acknowledged stays: through clients that hang up, and through the death of the API.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use causeway_records::nouns;
use causeway_rig::Endpoints;
use causeway_testkit::{ApiClient, ControlPlane, SOON, Setup, eventually, id_of, until};
use futures::{StreamExt, future::join_all, stream};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

/// Ports of every definition that is made here, and manifests of every set.
const PARTS: usize = 3;

async fn platform(name: &str) -> ControlPlane {
    let setup = Setup { workers: 0, ..Setup::for_test(name) };
    ControlPlane::start(&Endpoints::from_env().expect("no rig"), setup).await.expect("the control plane doesn't start")
}

/// A gateway definition with ports: one statement.
fn definition(name: &str) -> Value {
    let ports: Vec<_> = (1..=PARTS).map(|port| json!({"Port": port})).collect();
    json!({"Name": name, "HttpPorts": ports})
}

/// A set of manifests: several statements in one transaction.
fn set(of: i64, name: &str) -> Value {
    let one = json!({"WorkloadDefinitionID": of, "JSONDefinition": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "set": name}});
    Value::Array(vec![one; PARTS])
}

/// Posts as a client that hangs up; which moment depends on `n`. The first id of a 201 that it still got to see.
async fn post_and_hang_up(url: &str, path: &str, body: &str, n: usize) -> Option<i64> {
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.ok()?;
    if n.is_multiple_of(3) {
        // A reset instead of an orderly end.
        stream.set_zero_linger().ok()?;
    }
    if n.is_multiple_of(7) {
        stream.write_all(&request.as_bytes()[..request.len() * (n % 97) / 97]).await.ok()?;
        return None;
    }
    stream.write_all(request.as_bytes()).await.ok()?;
    // Gone at once, or after a while, or with the last byte of the answer, however long that takes.
    let patience = match n % 5 {
        0 | 1 => Duration::from_micros(u64::try_from(n * 7919 % 2_000).ok()?),
        2 | 3 => Duration::from_micros(u64::try_from(n * 7919 % 200_000).ok()?),
        _ => SOON,
    };
    let mut answer = vec![];
    let read = async {
        while !answer.ends_with(b"\n") || !answer.windows(8).any(|window| window == b"\"Status\"") {
            if stream.read_buf(&mut answer).await.is_ok_and(|read| read > 0) { continue } else { return }
        }
    };
    let _ = timeout(patience, read).await;
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let body: Value = serde_json::from_str(body).ok()?;
    if head.starts_with("HTTP/1.1 201") { body["Data"][0]["ID"].as_i64() } else { None }
}

async fn number(database: &mut PgConnection, text: String) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(text)).fetch_one(database).await.expect("Postgres refuses")
}

/// Waits until no connection to this database but ours is inside a transaction. Work goes on for as long as it takes, but none is left idle in there: the net
/// that ends those has holes of ten seconds, so one that is idle for less is found out here.
async fn until_no_transaction_is_open(database: &mut PgConnection) {
    let of_api = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND xact_start IS NOT NULL AND backend_type = 'client backend'";
    let left = format!(
        "SELECT count(*) {of_api} AND state LIKE 'idle in transaction%' AND state_change < clock_timestamp() - interval '7 s'"
    );
    eventually("no connection of the API is inside a transaction", async || {
        assert_eq!(number(database, left.clone()).await, 0, "a transaction is left that nobody continues");
        let open = number(database, format!("SELECT count(*) {of_api}")).await;
        if open == 0 { Ok(()) } else { Err(open) }
    })
    .await;
}

/// Nothing is there by half: ports without their definition's other ones, sets without some of their manifests, records without work to do.
async fn assert_whole(database: &mut PgConnection) {
    let definitions = format!(
        "SELECT count(*) FROM gateway_definitions d WHERE {PARTS} <>
            (SELECT count(*) FROM gateway_http_ports p WHERE p.gateway_definition_id = d.id)"
    );
    assert_eq!(number(database, definitions).await, 0, "definitions without all of their ports");
    // The manifests themselves are encrypted; those of a set have the transaction in common.
    let sets = format!(
        "SELECT count(*) FROM (SELECT FROM workload_resource_definitions GROUP BY xmin::text HAVING count(*) <> {PARTS}) s"
    );
    assert_eq!(number(database, sets).await, 0, "sets without all of their manifests");
    for info in nouns::ALL.iter().filter(|info| info.reconciled) {
        let (kind, table) = (info.kind, info.table);
        let text = format!(
            "SELECT count(*) FROM {table} t WHERE NOT EXISTS (SELECT FROM reconciliations r WHERE r.kind = '{kind}' AND r.id = t.id)"
        );
        assert_eq!(number(database, text).await, 0, "{kind} without a row in reconciliations");
        let text = format!(
            "SELECT count(*) FROM reconciliations r WHERE kind = '{kind}' AND NOT EXISTS (SELECT FROM {table} t WHERE t.id = r.id)"
        );
        assert_eq!(number(database, text).await, 0, "work for a {kind} that isn't there");
    }
}

/// All of these are there, seen over a connection of our own.
async fn assert_there(database: &mut PgConnection, table: &str, ids: &[i64]) {
    let text = format!(
        "SELECT id FROM unnest($1::bigint[]) id WHERE NOT EXISTS (SELECT FROM {table} t WHERE t.id = id.id AND deleted_at IS NULL)"
    );
    let lost: Vec<i64> =
        sqlx::query_scalar(AssertSqlSafe(text)).bind(ids).fetch_all(database).await.expect("Postgres refuses");
    assert!(lost.is_empty(), "{} of {} acknowledged {table} are lost: {lost:?}", lost.len(), ids.len());
}

/// The id of a definition whose 201 was read. A server with too much to do at once says so, and is asked again.
async fn acknowledged(client: ApiClient, name: String) -> i64 {
    let until = Instant::now() + SOON;
    for n in 0.. {
        let body = definition(&format!("{name}-{n}"));
        let answer = client.send(Method::POST, "/v0/gateway-definitions", Some(&body)).await.expect("nobody answers");
        if answer.code == 201 {
            return id_of(answer.record()).expect("a record without an id");
        }
        assert!(answer.code == 503 && Instant::now() < until, "{:#}", answer.body);
    }
    unreachable!("the numbers end after the time")
}

#[tokio::test]
async fn clients_that_hang_up_lose_nothing_that_was_acknowledged() {
    let platform = platform("hang_up").await;
    let (client, url) = (platform.client(), platform.url());
    let mut database = PgConnection::connect(&platform.database_url()).await.unwrap();
    let of = json!({"Name": "sets", "YAMLDocument": "{}"});
    let of = id_of(&client.create("workload-definitions", &of).await.unwrap()).unwrap();

    let rude = stream::iter(0..1000_usize).map(|n| {
        let url = url.clone();
        async move {
            let name = format!("rude-{n}");
            let is_set = n % 2 == 1;
            let (path, body) = if is_set {
                ("/v0/workload-resource-definition-sets", set(of, &name))
            } else {
                ("/v0/gateway-definitions", definition(&name))
            };
            (is_set, post_and_hang_up(&url, path, &body.to_string(), n).await)
        }
    });
    let rude = rude.buffer_unordered(32).collect::<Vec<_>>();
    let ordinary = stream::iter(0..200).map(|n| acknowledged(client.clone(), format!("ordinary-{n}")));
    let ordinary = ordinary.buffer_unordered(4).collect::<Vec<_>>();
    let (rude, ordinary) = futures::join!(rude, ordinary);

    until_no_transaction_is_open(&mut database).await;
    assert_there(&mut database, "gateway_definitions", &ordinary).await;
    let of_rude = |sets: bool| rude.iter().filter(|one| one.0 == sets).filter_map(|one| one.1).collect::<Vec<_>>();
    assert_there(&mut database, "gateway_definitions", &of_rude(false)).await;
    assert_there(&mut database, "workload_resource_definitions", &of_rude(true)).await;
    assert_whole(&mut database).await;
    // Otherwise no client hung up in the middle of a request, or none waited long enough.
    let seen = of_rude(false).len() + of_rude(true).len();
    assert!((1..1000).contains(&seen), "{seen} of 1000 saw their answer");
    let made = number(&mut database, "SELECT count(*) FROM gateway_definitions WHERE name LIKE 'rude-%'".into()).await;
    assert!(made > i64::try_from(of_rude(false).len()).unwrap(), "no write went on after its client had hung up");

    // More at once than the API has connections, several times: whatever connection each goes over, it lasts.
    for round in 0..4 {
        let writes = join_all((0..32).map(|n| acknowledged(client.clone(), format!("later-{round}-{n}")))).await;
        assert_there(&mut database, "gateway_definitions", &writes).await;
    }
    until_no_transaction_is_open(&mut database).await;
    assert!(platform.api().is_running());
    platform.stop().await;
}

#[tokio::test]
async fn an_api_that_is_killed_in_a_burst_has_lost_nothing_that_was_acknowledged() {
    let mut platform = platform("killed").await;
    let mut database = PgConnection::connect(&platform.database_url()).await.unwrap();
    let of = json!({"Name": "sets", "YAMLDocument": "{}"});
    let of = id_of(&platform.client().create("workload-definitions", &of).await.unwrap()).unwrap();
    let (mut definitions, mut manifests) = (vec![], vec![]);
    for round in 0..3 {
        // One counter for each kind of write: which of them is the faster one is the machine's to say.
        let acknowledged: [Arc<AtomicUsize>; 2] = Default::default();
        let writers = (0..8).map(|writer| {
            let (client, acknowledged) = (platform.client(), acknowledged[writer % 2].clone());
            tokio::spawn(async move {
                let (mut made, n) = (vec![], &mut 0);
                loop {
                    *n += 1;
                    let name = format!("burst-{round}-{writer}-{n}");
                    let (plural, body) = if writer % 2 == 0 {
                        ("gateway-definitions", definition(&name))
                    } else {
                        ("workload-resource-definition-sets", set(of, &name))
                    };
                    // The first one that isn't acknowledged ends it: the API is gone.
                    let Ok(record) = client.create(plural, &body).await else { return (writer, made) };
                    made.push(id_of(&record).expect("a record without an id"));
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        let writers: Vec<_> = writers.collect();
        let has_enough = |kind: &Arc<AtomicUsize>| kind.load(Ordering::Relaxed) >= 20;
        until("there is a burst", async || acknowledged.iter().all(has_enough)).await;
        platform.kill_api().await;
        for writer in writers {
            let (writer, made) = writer.await.unwrap();
            if writer % 2 == 0 { definitions.extend(made) } else { manifests.extend(made) }
        }
        platform.start_api_again().await.unwrap();
    }
    until_no_transaction_is_open(&mut database).await;
    assert_there(&mut database, "gateway_definitions", &definitions).await;
    assert_there(&mut database, "workload_resource_definitions", &manifests).await;
    assert_whole(&mut database).await;
    let last = *definitions.last().unwrap();
    assert_eq!(platform.client().get("gateway-definitions", last).await.unwrap()["ID"], last);
    acknowledged(platform.client(), "after".into()).await;
    crate::api_alone::assert_unharmed(&platform).await;
    platform.stop().await;
}
