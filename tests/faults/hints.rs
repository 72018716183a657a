//! Hints that come twice, late, for nothing, or for what is gone. A hint is no more than a reason to reconcile.

use causeway_bus::{Bus, Hint};
use causeway_records::Kind;

use crate::fixture::{Fixture, maps};

#[tokio::test]
async fn hints_that_come_again_and_again_late_and_for_what_is_gone() {
    let mut fixture = Fixture::start("hints").await;
    let prefix = fixture.platform.database_url().rsplit('/').next().unwrap().to_owned();
    let bus = Bus::connect(&fixture.endpoints.nats.url, &prefix).await.unwrap();
    causeway_testkit::eventually("NATS is there", async || if bus.is_connected() { Ok(()) } else { Err("not yet") })
        .await;
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
            nats.publish(format!("{prefix}.wake.{cluster_id}"), payload.into()).await.unwrap();
        }
    }
    nats.flush().await.unwrap();
    bus.flush().await;
    fixture.change(ids[2], maps(&["c"], "2")).await;
    fixture.until_as_recorded().await;
    assert!(fixture.platform.workers()[0].is_running());
    fixture.stop().await;
}
