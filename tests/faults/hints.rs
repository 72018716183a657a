//! Hints that come twice, late, for nothing, or for what is gone. A hint is no more than a reason to look.

use causeway_bus::{Bus, Hint};
use causeway_records::Kind;

use crate::ground::{Ground, maps};

#[tokio::test]
async fn hints_that_come_again_and_again_late_and_for_what_is_gone() {
    let mut ground = Ground::start("hints").await;
    let prefix = ground.platform.database_url().rsplit('/').next().unwrap().to_owned();
    let bus = Bus::connect(&ground.endpoints.nats.url, &prefix).await.unwrap();
    causeway_tests::eventually("NATS is there", async || if bus.is_connected() { Ok(()) } else { Err("not yet") })
        .await;
    let (scope, runtime) = (ground.runtime, ground.runtime);
    let hint = |kind: Kind, id: i64| Hint { kind, id, scope };
    // Another release may have kinds that this one doesn't know.
    let nats = async_nats::connect(&ground.endpoints.nats.url).await.unwrap();
    let mut ids = vec![];
    for n in 0..6 {
        ids.push(ground.add(&format!("hinted-{n}"), maps(&["a", "b"], "1")).await);
        for id in &ids {
            // Twice and more for each, also for those that have settled long since.
            bus.publish(&hint(Kind::WorkloadInstance, *id));
            bus.publish(&hint(Kind::WorkloadInstance, *id));
        }
    }
    ground.until_as_recorded().await;
    ground.delete(ids[0]).await;
    ground.delete(ids[1]).await;
    ground.until_as_recorded().await;
    for id in [ids[0], ids[1], 0, -1, i64::MAX, runtime] {
        for kind in [Kind::WorkloadInstance, Kind::KubernetesRuntimeInstance, Kind::GatewayInstance] {
            bus.publish(&hint(kind, id));
            bus.publish(&Hint { kind, id, scope: 0 });
            bus.publish(&Hint { kind, id, scope: i64::MAX });
        }
        for scope in [scope, 0, i64::MAX] {
            let payload = serde_json::json!({ "kind": "Nonsense", "id": id, "scope": scope }).to_string();
            nats.publish(format!("{prefix}.wake.{scope}"), payload.into()).await.unwrap();
        }
    }
    nats.flush().await.unwrap();
    bus.flush().await;
    ground.change(ids[2], maps(&["c"], "2")).await;
    ground.until_as_recorded().await;
    assert!(ground.platform.workers()[0].is_running());
    ground.stop().await;
}
