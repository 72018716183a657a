//! Three Postgres servers under Patroni, whose primary loses its power under load, again and again. `make patroni` runs it; it takes half a minute a round,
//! because Patroni waits twenty seconds before it believes that a primary is gone.

use std::{cell::Cell, collections::BTreeSet, env, time::Duration};

use causeway_rig::{Endpoints, Patroni, Server, tools::Tools};
use causeway_testkit::within;
use reqwest::Method;
use serde_json::json;
use sqlx::{Connection, PgConnection};
use tokio::time::{Instant, sleep};

use crate::fixture::{Fixture, bare_cluster, maps, own_folder, setup};

const ROUNDS: usize = 20;
/// How long until a write is acknowledged again after the primary has died.
const GOES_ON_WITHIN: Duration = Duration::from_secs(60);
/// Clients that write.
const WRITERS: usize = 4;

/// What writers have got.
#[derive(Default)]
struct Written {
    /// Names of records whose creation was acknowledged.
    acknowledged: BTreeSet<String>,
    refused: usize,
    died: Option<Instant>,
    /// How long after the death one was acknowledged that was asked for after it.
    went_on: Option<Duration>,
}

/// Makes records until `over`, whatever the API says.
async fn write(fixture: &Fixture, round: usize, writer: usize, written: &Cell<Written>, over: &Cell<bool>) {
    for number in 0.. {
        if over.get() {
            return;
        }
        let name = format!("pg-{round}-{writer}-{number}-{}", fixture.identity);
        let body = json!({"Name": name, "AccountID": "1", "DefaultRegion": "x"});
        let asked = Instant::now();
        let answer = fixture.client.send(Method::POST, "/v0/aws-accounts", Some(&body)).await;
        let mut now = written.take();
        match answer {
            Ok(answer) if answer.code == 201 => {
                now.acknowledged.insert(name);
                let died = now.died.filter(|died| asked > *died);
                now.went_on = now.went_on.or(died.map(|died| died.elapsed()));
            }
            Ok(answer) => {
                assert!([500, 503].contains(&answer.code), "{} {:#}", answer.code, answer.body);
                now.refused += 1;
            }
            Err(_) => now.refused += 1,
        }
        written.set(now);
        // Not a wait: so many writers are a load, and as fast as they can be they would be another test.
        sleep(Duration::from_millis(10)).await;
    }
}

/// Whether both programs say that they are ready.
async fn ready(fixture: &Fixture) -> [bool; 2] {
    let mut all = [false; 2];
    for (ready, url) in all.iter_mut().zip([fixture.platform.url(), fixture.platform.worker_url(0)]) {
        let asked = reqwest::Client::new().get(format!("{url}/readyz")).timeout(Duration::from_secs(5)).send().await;
        *ready = asked.is_ok_and(|answer| answer.status().is_success());
    }
    all
}

/// The primary dies under load. How long it took until a write was acknowledged that was asked for after its death.
async fn fail_over(fixture: &Fixture, patroni: &mut Patroni, round: usize, written: &Cell<Written>) -> Duration {
    let over = Cell::new(false);
    let death = async {
        // Not a wait: the load shall run for a while before the death.
        sleep(Duration::from_secs(1)).await;
        let primary = patroni.primary().await.unwrap();
        patroni.kill(primary).await.unwrap();
        written.set(Written { died: Some(Instant::now()), went_on: None, ..written.take() });
        let mut seen = [false; 2];
        let took = within(GOES_ON_WITHIN, "a write is acknowledged", async || {
            for (seen, ready) in seen.iter_mut().zip(ready(fixture).await) {
                *seen |= !ready;
            }
            let now = written.take();
            let went_on = now.went_on;
            written.set(now);
            went_on.ok_or("none since the primary died")
        })
        .await;
        assert_eq!(seen, [true; 2], "API and worker have said that they are not ready");
        within(GOES_ON_WITHIN, "both are ready again", async || match ready(fixture).await {
            [true, true] => Ok(()),
            other => Err(other),
        })
        .await;
        patroni.start_again(primary).await.unwrap();
        over.set(true);
        took
    };
    let writers = futures::future::join_all((0..WRITERS).map(|writer| write(fixture, round, writer, written, &over)));
    let (took, _) = tokio::join!(death, writers);
    took
}

#[tokio::test]
#[ignore = "takes half a minute a round: make patroni"]
async fn a_primary_that_loses_its_power_again_and_again_under_load_costs_no_acknowledged_write() {
    let rounds = env::var("PATRONI_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS);
    let endpoints = Endpoints::from_env().unwrap();
    let mut patroni = Patroni::start(&Tools::find().unwrap(), &own_folder(&endpoints, "patroni")).await.unwrap();
    let server = async |patroni: &Patroni| {
        let primary = async || patroni.primary().await.map_err(|error| format!("{error:#}"));
        let primary = within(GOES_ON_WITHIN, "there is a primary", primary).await;
        Server { url: patroni.admin_url(primary).unwrap(), pid: 0 }
    };
    let mut setup = setup("pg_patroni");
    let url = format!("postgres://postgres@{}/{}", patroni.hosts(), setup.name);
    setup.environment.push(("DATABASE_URL".to_owned(), url));
    let cluster = bare_cluster(&endpoints).clone();
    let own = Endpoints { postgres: server(&patroni).await, ..endpoints };
    let mut fixture = Fixture::on(own, &cluster, setup).await;
    let workload = fixture.add("one", maps(&["a"], "0")).await;
    let (written, mut times) = (Cell::<Written>::default(), vec![]);
    for round in 1..=rounds {
        let took = fail_over(&fixture, &mut patroni, round, &written).await;
        // Workers go on, too.
        fixture.platform.follow_postgres(server(&patroni).await);
        fixture.change(workload, maps(&["a"], &round.to_string())).await;
        fixture.until_as_recorded().await;
        patroni.until_whole().await.unwrap();
        let now = written.take();
        let text = "SELECT name FROM aws_accounts";
        let mut database = PgConnection::connect(&fixture.platform.database_url()).await.unwrap();
        let found: BTreeSet<String> =
            sqlx::query_scalar::<_, String>(text).fetch_all(&mut database).await.unwrap().into_iter().collect();
        let lost: Vec<_> = now.acknowledged.difference(&found).collect();
        assert!(lost.is_empty(), "{} writes were acknowledged and are lost: {lost:?}", lost.len());
        println!(
            "round {round} of {rounds}: writes went on after {:.1} s; {} acknowledged, all there; {} refused",
            took.as_secs_f64(),
            now.acknowledged.len(),
            now.refused
        );
        assert!(now.acknowledged.len() > 10 * round, "there was a load");
        written.set(now);
        times.push(took);
    }
    times.sort();
    println!(
        "{rounds} failovers: writes went on after {:.1} s at the median, {:.1} s at most",
        times[times.len() / 2].as_secs_f64(),
        times.last().copied().unwrap_or_default().as_secs_f64()
    );
    assert!(fixture.platform.api().is_running() && fixture.platform.workers()[0].is_running());
    fixture.stop().await;
    patroni.stop().await;
}
