//! The primary of Postgres dies under load, and its synchronous standby becomes the primary: what an HA manager does, such as Patroni.

use std::{path::Path, time::Duration};

use causeway_rig::{Endpoints, Postgres, Server};
use causeway_testkit::{eventually, within};
use sqlx::{Connection, Executor, PgConnection};
use tokio::time::{Instant, sleep};

use crate::{
    database::load,
    fixture::{Fixture, bare_cluster, maps, own_folder, setup},
};

/// How long until writes are acknowledged again after a primary has died.
const GOES_ON_WITHIN: Duration = Duration::from_secs(60);

/// A primary that acknowledges nothing that its standby doesn't have.
struct Pair {
    primary: Postgres,
    standby: Postgres,
}

async fn ask(server: &Postgres) -> PgConnection {
    PgConnection::connect(&server.admin_url()).await.unwrap()
}

/// A new standby of the primary, once it has everything and the primary waits for it.
async fn synchronous_standby(primary: &Postgres, dir: &Path) -> Postgres {
    let standby = Postgres::standby_of(primary, dir, &dir.join("logs")).await.unwrap();
    let mut asked = ask(primary).await;
    asked.execute("ALTER SYSTEM SET synchronous_standby_names = '*'").await.unwrap();
    asked.execute("SELECT pg_reload_conf()").await.unwrap();
    eventually("the standby is synchronous", async || {
        let states: Vec<Option<String>> =
            sqlx::query_scalar("SELECT sync_state FROM pg_stat_replication").fetch_all(&mut asked).await.unwrap();
        if states == [Some("sync".to_owned())] { Ok(()) } else { Err(states) }
    })
    .await;
    standby
}

impl Pair {
    async fn start(endpoints: &Endpoints) -> Self {
        let dir = own_folder(endpoints, "pg_primary");
        let primary = Postgres::start(&dir, &dir.join("logs")).await.unwrap();
        let standby = synchronous_standby(&primary, &own_folder(endpoints, "pg_standby")).await;
        Self { primary, standby }
    }

    /// The primary dies. The standby takes its place, and refuses to wait for one of its own until there is one.
    async fn fail_over(&mut self, endpoints: &Endpoints) {
        self.primary.crash().await;
        let mut asked = ask(&self.standby).await;
        asked.execute("SELECT pg_promote()").await.unwrap();
        let standby = synchronous_standby(&self.standby, &own_folder(endpoints, "pg_standby")).await;
        self.primary = std::mem::replace(&mut self.standby, standby);
    }

    fn server(&self) -> Server {
        Server { url: self.primary.admin_url(), pid: self.primary.pid() }
    }
}

#[tokio::test]
async fn a_primary_that_dies_under_load_loses_nothing_that_was_acknowledged() {
    let endpoints = Endpoints::from_env().unwrap();
    let mut pair = Pair::start(&endpoints).await;
    let mut setup = setup("pg_ha");
    // The address of a third server that isn't there is asked, too.
    let hosts = format!("127.0.0.1:1,{},{}", pair.standby.address(), pair.primary.address());
    setup.environment.push(("DATABASE_URL".to_owned(), format!("postgres://postgres@{hosts}/{}", setup.name)));
    let cluster = bare_cluster(&endpoints).clone();
    let own = Endpoints { postgres: pair.server(), ..endpoints.clone() };
    let mut fixture = Fixture::on(own, &cluster, setup).await;

    // What is written is in the standby before it is acknowledged, so it is there after the failover.
    let until = Instant::now() + Duration::from_secs(5);
    let failover = async {
        // Not a wait: the load shall run for a while before the crash.
        sleep(Duration::from_millis(1500)).await;
        pair.fail_over(&endpoints).await;
    };
    tokio::join!(load(&mut fixture, until), failover);
    fixture.platform.follow_postgres(pair.server());
    let died = Instant::now();
    within(GOES_ON_WITHIN, "writes work again", async || {
        let account =
            serde_json::json!({"Name": format!("after-{}", fixture.identity), "AccountID": "1", "DefaultRegion": "x"});
        let answer = fixture.client.try_create("aws-accounts", &account).await.map_err(|error| format!("{error:#}"))?;
        if answer.code == 201 { Ok(()) } else { Err(answer.text) }
    })
    .await;
    println!("writes worked {:?} after the failover", died.elapsed());
    fixture.add("after", maps(&["a"], "1")).await;
    fixture.until_as_recorded().await;
    assert!(fixture.platform.api().is_running() && fixture.platform.workers()[0].is_running());
    fixture.stop().await;
    pair.primary.stop().await;
    pair.standby.stop().await;
}
