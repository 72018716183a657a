//! A later release has brought the schema up to date, and this one works on it: in every upgrade until its last process has ended, and after every rollback.
//! The programs of two releases side by side are tested by `tests/system/upgrade.rs`.

use causeway_records::nouns;
use causeway_testkit::{
    condition, eventually, id_of,
    writers::{Place, Writers},
};
use serde_json::json;
use sqlx::{AssertSqlSafe, Executor};

use crate::fixture::{Fixture, maps};

/// Expands every table, as a numbered file of a later release may do, and says that all functions are those of that release.
async fn expand(fixture: &Fixture) {
    let mut owner = fixture.database().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> '_sqlx_migrations'",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    assert!(tables.len() > 30, "{tables:?}");
    for table in tables {
        let change = format!(
            "ALTER TABLE {table} ADD COLUMN later text, ADD COLUMN later_too jsonb NOT NULL DEFAULT '{{\"later\": true}}'"
        );
        owner.execute(AssertSqlSafe(change)).await.unwrap();
    }
    let later = "INSERT INTO _sqlx_migrations SELECT 9999, 'later', now(), true, '', 0;
        UPDATE schema_functions SET sha256 = 'later', release = '{999, 0, 0}'";
    sqlx::raw_sql(later).execute(&mut owner).await.unwrap();
}

/// Reads every noun so often that each connection of the API has read it.
async fn read_all(fixture: &Fixture) {
    for info in nouns::ALL.iter().chain(nouns::OWN) {
        for _ in 0..20 {
            let answer = fixture.client.try_get(&format!("/v0/{}", info.plural)).await.unwrap();
            assert_eq!(answer.code, 200, "{}: {}", info.plural, answer.text);
        }
    }
}

/// A gateway with a domain name. Its services are never ready on this cluster, but all that it depends on is read. Ids of its definition and of itself.
async fn gateway(fixture: &Fixture, workload: i64) -> (i64, i64) {
    let name = format!("gateway-{}", fixture.identity);
    let make = async |plural: &str, body| id_of(&fixture.client.create(plural, &body).await.unwrap()).unwrap();
    let domain = json!({"Name": name, "Domain": format!("{name}.test.example"), "Zone": "Public", "AdminEmail": "ops@test.example"});
    let domain = make("domain-name-definitions", domain).await;
    let of = json!({"Name": name, "DomainNameDefinitionID": domain, "HttpPorts": [{"Port": 80}], "TcpPorts": [{"Port": 5432}]});
    let of = make("gateway-definitions", of).await;
    let placed = json!({"Name": name, "KubernetesRuntimeInstanceID": fixture.runtime, "WorkloadInstanceID": workload});
    let with = |key: &str, id: i64| {
        let mut body = placed.clone();
        body[key] = json!(id);
        body
    };
    make("domain-name-instances", with("DomainNameDefinitionID", domain)).await;
    (of, make("gateway-instances", with("GatewayDefinitionID", of)).await)
}

/// Changes the gateway, and waits until a reconcile has seen that.
async fn change(fixture: &Fixture, (definition, instance): (i64, i64), service: &str) {
    fixture.client.patch("gateway-definitions", definition, &json!({"ServiceName": service})).await.unwrap();
    eventually("the gateway is reconciled", async || {
        let record = fixture.client.get("gateway-instances", instance).await.unwrap();
        let seen = condition(&record, "Ready").map(|ready| ready["ObservedGeneration"] == record["Generation"]);
        if seen == Some(true) { Ok(()) } else { Err(record) }
    })
    .await;
}

/// What Postgres has written so far.
fn postgres_log(fixture: &Fixture) -> String {
    std::fs::read_to_string(fixture.endpoints.run_dir.join("logs/postgres.log")).unwrap()
}

/// Since its log had this length, no statement has failed because a table has more columns than it knew when it was prepared. Postgres says which one; the
/// programs try again. Its log is that of all suites.
fn has_no_stale_statement(fixture: &Fixture, since: usize) {
    let log = postgres_log(fixture).split_off(since);
    let lines: Vec<_> = log.lines().collect();
    let stale = (0..lines.len()).filter(|at| lines[*at].contains("cached plan must not")).take(3);
    let stale: Vec<_> = stale.map(|at| &lines[at..lines.len().min(at + 4)]).collect();
    assert!(stale.is_empty(), "{stale:#?}");
}

#[tokio::test]
async fn a_schema_that_a_later_release_has_expanded_under_load_is_no_obstacle() {
    let mut fixture = Fixture::start("expanded").await;
    let kept = fixture.add("kept", maps(&["a"], "1")).await;
    fixture.until_ready(kept).await;
    let gateway = gateway(&fixture, kept).await;
    change(&fixture, gateway, "one").await;
    read_all(&fixture).await;
    let place = Place { runtime: fixture.runtime, kube: fixture.kube.clone(), gateways: false };
    let first = fixture.platform.url();
    let writers = Writers::start(&[&first], vec![place; 3]);
    writers.go_on(1).await;

    let since = postgres_log(&fixture).len();
    expand(&fixture).await;
    writers.go_on(2).await;
    change(&fixture, gateway, "two").await;
    read_all(&fixture).await;
    has_no_stale_statement(&fixture, since);

    // Pods of this release are started again on that schema.
    let second = fixture.platform.add_api().await.unwrap();
    writers.send_to(&[&second]).await;
    fixture.platform.end_api().await;
    fixture.platform.start_api_again().await.unwrap();
    writers.send_to(&[&first, &second]).await;
    fixture.platform.end_worker(0).await;
    fixture.platform.add_worker().await.unwrap();
    writers.go_on(2).await;
    change(&fixture, gateway, "three").await;
    read_all(&fixture).await;
    let written = writers.stop().await;
    has_no_stale_statement(&fixture, since);
    println!("{} requests succeeded, {} were retried; turns: {:?}", written.succeeded, written.retried, written.turns);

    fixture.change(kept, maps(&["b"], "2")).await;
    fixture.until_as_recorded().await;
    let in_force = "SELECT bool_and(sha256 = 'later') FROM schema_functions";
    let in_force: bool = sqlx::query_scalar(in_force).fetch_one(&mut fixture.database().await).await.unwrap();
    assert!(in_force, "the functions of the later release were set back");
    fixture.stop().await;
}
