//! Hints that come twice, late, for nothing, or for what is gone. A hint is no more than a reason to reconcile.

use std::time::Duration;

use causeway_bus::{Bus, Hint};
use causeway_records::Kind;
use causeway_testkit::eventually;
use sqlx::PgConnection;
use tokio::time::{Instant, interval};

use crate::fixture::{Fixture, maps};

#[tokio::test]
async fn hints_that_come_again_and_again_late_and_for_what_is_gone() {
    let mut fixture = Fixture::start("hints").await;
    let prefix = fixture.platform.database_url().rsplit('/').next().unwrap().to_owned();
    let bus = Bus::connect(&fixture.endpoints.nats.url, &prefix).await.unwrap();
    eventually("NATS is there", async || if bus.is_connected() { Ok(()) } else { Err("not yet") }).await;
    let (cluster_id, runtime) = (fixture.runtime, fixture.runtime);
    let hint = |kind: Kind, id: i64| Hint { kind, id, cluster_id };
    // Another release may have kinds that this one doesn't know.
    let nats = async_nats::connect(&fixture.endpoints.nats.url).await.unwrap();
    let mut ids = vec![];
    for n in 0..6 {
        ids.push(fixture.add(&format!("hinted-{n}"), maps(&["a", "b"], "1")).await);
        for id in &ids {
            // Twice and more for each, also for those that have settled long since.
            bus.publish(&hint(Kind::WorkloadInstance, *id));
            bus.publish(&hint(Kind::WorkloadInstance, *id));
        }
    }
    fixture.until_as_recorded().await;
    fixture.delete(ids[0]).await;
    fixture.delete(ids[1]).await;
    fixture.until_as_recorded().await;
    for id in [ids[0], ids[1], 0, -1, i64::MAX, runtime] {
        for kind in [Kind::WorkloadInstance, Kind::KubernetesRuntimeInstance, Kind::GatewayInstance] {
            bus.publish(&hint(kind, id));
            bus.publish(&Hint { kind, id, cluster_id: 0 });
            bus.publish(&Hint { kind, id, cluster_id: i64::MAX });
        }
        for cluster_id in [cluster_id, 0, i64::MAX] {
            let payload = serde_json::json!({ "kind": "Nonsense", "id": id, "cluster_id": cluster_id }).to_string();
            nats.publish(format!("{prefix}.wake.{cluster_id}.Nonsense"), payload.into()).await.unwrap();
        }
    }
    nats.flush().await.unwrap();
    bus.flush().await;
    fixture.change(ids[2], maps(&["c"], "2")).await;
    fixture.until_as_recorded().await;
    assert!(fixture.platform.workers()[0].is_running());
    fixture.stop().await;
}

/// How long hints are sent.
const FLOOD: Duration = Duration::from_secs(5);
/// Transactions in a second that a flood may cause: twice a hundred looks at the queue of the cluster and as many at that of none, which take two queries
/// at most, fifty looks for all clusters, and what happens anyway.
const MOST_TRANSACTIONS: f64 = 600.0;

/// Transactions that were committed in this database.
async fn transactions(database: &mut PgConnection) -> i64 {
    let text = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()";
    sqlx::query_scalar(text).fetch_one(database).await.unwrap()
}

#[tokio::test]
async fn a_flood_of_hints_costs_few_queries() {
    let mut fixture = Fixture::start("flood").await;
    let prefix = fixture.platform.database_url().rsplit('/').next().unwrap().to_owned();
    let bus = Bus::connect(&fixture.endpoints.nats.url, &prefix).await.unwrap();
    eventually("NATS is there", async || if bus.is_connected() { Ok(()) } else { Err("not yet") }).await;
    let id = fixture.add("flooded", maps(&["a"], "1")).await;
    fixture.until_as_recorded().await;
    let mut database = fixture.database().await;

    let (before, begun, mut sent) = (transactions(&mut database).await, Instant::now(), 0);
    let mut tick = interval(Duration::from_millis(1));
    while begun.elapsed() < FLOOD {
        tick.tick().await;
        for cluster_id in [fixture.runtime, 0, i64::MAX] {
            bus.publish(&Hint { kind: Kind::WorkloadInstance, id, cluster_id });
            bus.publish(&Hint { kind: Kind::KubernetesRuntimeInstance, id: cluster_id, cluster_id });
            sent += 2;
        }
    }
    bus.flush().await;
    let seconds = begun.elapsed().as_secs_f64();
    let each_second = (transactions(&mut database).await - before) as f64 / seconds;
    println!("{} hints and {each_second:.0} transactions a second", f64::from(sent) / seconds);
    assert!(f64::from(sent) / seconds > 2.0 * MOST_TRANSACTIONS, "{sent} hints in {seconds} s are no flood");
    assert!(each_second < MOST_TRANSACTIONS, "{each_second} transactions a second");
    // Nobody waits for long behind them.
    fixture.change(id, maps(&["b"], "2")).await;
    fixture.until_as_recorded().await;
    fixture.stop().await;
}
