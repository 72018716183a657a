//! A worker that stands still in the middle of its work until another has taken its cluster, and then goes on where it stood.

use causeway_failpoints::{INVENTORY_AFTER, INVENTORY_AHEAD, OBJECT_STANDS, Point, STATUS_NEXT, WRITE_NEXT};
use causeway_render::labels::{CONTROL_PLANE, OWNER};
use causeway_tests::{api, eventually};
use kube::{
    ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::ground::{Ground, maps};

const STOP: &str = "1*return(stop)";

/// The worker that holds the cluster stands still at this point of the creation or change `ask`, and another takes over. Returns who it is.
async fn freeze(ground: &mut Ground, point: &Point, ask: impl AsyncFnOnce(&mut Ground)) -> usize {
    let before = holder(ground).await;
    // Only the holder passes it. The points of both are armed, for processes don't tell their names.
    let last = ground.platform.workers().len();
    for worker in 0..last {
        ground.platform.arm_worker(worker, point.name, STOP).await.unwrap();
    }
    ask(ground).await;
    let workers = ground.platform.workers();
    let frozen = eventually(point.moment, async || {
        workers.iter().position(causeway_rig::Process::is_frozen).ok_or("nobody stands still")
    })
    .await;
    for worker in (0..last).filter(|worker| *worker != frozen) {
        ground.platform.arm_worker(worker, point.name, "off").await.unwrap();
    }
    eventually("another worker takes the cluster", async || match ground.holder().await {
        Some(now) if now != before => Ok(()),
        other => Err(other),
    })
    .await;
    frozen
}

async fn holder(ground: &Ground) -> Uuid {
    eventually("the cluster has a holder", async || ground.holder().await.ok_or("none")).await
}

/// Two workers and a workload.
async fn begun(name: &str) -> (Ground, i64) {
    let mut ground = Ground::start(name).await;
    let id = ground.add("first", maps(&["a", "b"], "0")).await;
    ground.until_ready(id).await;
    ground.platform.add_worker().await.unwrap();
    (ground, id)
}

/// Lets the frozen worker go on, and has it do whatever it had left to do.
async fn thaw(ground: &Ground, frozen: usize) {
    ground.platform.workers()[frozen].thaw();
    eventually(
        "it runs again",
        async || {
            if ground.platform.workers()[frozen].is_frozen() { Err("it stands") } else { Ok(()) }
        },
    )
    .await;
    // It says so in the table of workers with each renewal; then it knows that it has lost the cluster, or has it again.
    let text = "SELECT count(*) FROM workers WHERE until > now()";
    let mut database = ground.database().await;
    let mut living = async || sqlx::query_scalar::<_, i64>(text).fetch_one(&mut database).await.unwrap();
    let deadline = std::time::Instant::now() + causeway_tests::SOON;
    while living().await < 2 {
        assert!(std::time::Instant::now() < deadline, "the thawed worker does not come back");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn what_a_frozen_worker_writes_late_undoes_nothing_newer() {
    let (mut ground, id) = begun("frozen_change").await;
    for (n, point) in
        [&WRITE_NEXT, &OBJECT_STANDS, &INVENTORY_AHEAD, &INVENTORY_AFTER, &STATUS_NEXT].into_iter().enumerate()
    {
        let older = maps(&["a", "b", "c"], &format!("{n}-older"));
        let frozen = freeze(&mut ground, point, async |ground| ground.change(id, older).await).await;
        // The other one does what the frozen one had begun, and something newer.
        ground.until_as_recorded().await;
        ground.change(id, maps(&["b", "d"], &format!("{n}-newer"))).await;
        ground.until_as_recorded().await;
        thaw(&ground, frozen).await;
        ground.until_as_recorded().await;
        // Once more, by whoever has the cluster now.
        ground.change(id, maps(&["a", "b"], &format!("{n}-newest"))).await;
        ground.until_as_recorded().await;
    }
    ground.stop().await;
}

#[tokio::test]
async fn what_a_frozen_worker_makes_for_a_record_that_is_gone_goes_too() {
    let (mut ground, _) = begun("frozen_gone").await;
    // The first write of all is the namespace: nothing that stands hinders it.
    let mut id = 0;
    let frozen =
        freeze(&mut ground, &WRITE_NEXT, async |ground| id = ground.add("gone", maps(&["a"], "1")).await).await;
    ground.until_as_recorded().await;
    ground.delete(id).await;
    ground.until_as_recorded().await;
    thaw(&ground, frozen).await;
    ground.until_as_recorded().await;
    ground.stop().await;
}

#[tokio::test]
async fn what_turns_up_for_a_record_that_is_gone_goes_if_we_applied_it() {
    let (mut ground, _) = begun("turns_up").await;
    let id = ground.add("gone", maps(&["a"], "1")).await;
    ground.until_as_recorded().await;
    ground.delete(id).await;
    ground.until_as_recorded().await;
    // What a write leaves behind that lands after the record's row went; and what somebody else's controller makes of our labels.
    let late = format!("late-{}", ground.identity);
    let labels = json!({CONTROL_PLANE: ground.identity, OWNER: format!("workload-instance-{id}")});
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": late, "labels": labels}});
    let map = |name: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": late, "labels": labels}});
    let apply = async |manager: &str, manifest: &Value| {
        let (kind, name) = (manifest["kind"].as_str().unwrap(), manifest["metadata"]["name"].as_str().unwrap());
        let objects = api(&ground.kube, ("", "v1", kind), manifest["metadata"]["namespace"].as_str());
        objects.patch(name, &PatchParams::apply(manager), &Patch::Apply(manifest)).await.unwrap();
    };
    let us = format!("causeway-{}", ground.identity);
    apply(&us, &namespace).await;
    apply("somebody", &map("copied")).await;
    apply(&us, &map("late")).await;
    let maps = api(&ground.kube, ("", "v1", "ConfigMap"), Some(&late));
    eventually("ours goes", async || match maps.get_opt("late").await.unwrap() {
        None => Ok(()),
        found => Err(found),
    })
    .await;
    assert!(maps.get_opt("copied").await.unwrap().is_some(), "theirs stays, and with it the namespace");
    maps.delete("copied", &DeleteParams::default()).await.unwrap();
    let namespaces = api(&ground.kube, ("", "v1", "Namespace"), None);
    let released = async || namespaces.get_opt(&late).await.unwrap();
    eventually("the namespace goes, or is let go of", async || match released().await {
        Some(found) if found.labels().contains_key(OWNER) => Err(found),
        _ => Ok(()),
    })
    .await;
    if released().await.is_some() {
        namespaces.delete(&late, &DeleteParams::default()).await.unwrap();
    }
    ground.until_as_recorded().await;
    ground.stop().await;
}
