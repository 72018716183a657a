//! A worker that stands still in the middle of its work until another has taken its cluster, and then goes on where it stood.

use causeway_failpoints::{INVENTORY_AFTER, INVENTORY_AHEAD, OBJECT_STANDS, Point, STATUS_NEXT, WRITE_NEXT};
use causeway_render::labels::{CONTROL_PLANE, OWNER};
use causeway_store::lease::NO_CLUSTER;
use causeway_tests::{api, eventually};
use kube::{
    ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::ground::{Ground, maps};

const STOP: &str = "1*return(stop)";

/// Two workers, by number, and a workload.
struct Pair {
    ground: Ground,
    /// What the workers call themselves.
    names: [Uuid; 2],
    /// The workload instance.
    id: i64,
}

impl Pair {
    async fn begun(name: &str) -> Self {
        let mut ground = Ground::start(name).await;
        let id = ground.add("first", maps(&["a", "b"], "0")).await;
        ground.until_ready(id).await;
        // One after the other, so that we know which process is who.
        let first = living(&ground).await[0];
        ground.platform.add_worker().await.unwrap();
        let second = eventually("the second worker lives", async || {
            living(&ground).await.into_iter().find(|name| *name != first).ok_or("not yet")
        })
        .await;
        Self { ground, names: [first, second], id }
    }

    /// Whoever holds the cluster stands still at this point of the creation or change `ask`, and the other takes over. Returns its number.
    async fn freeze(&mut self, point: &Point, ask: impl AsyncFnOnce(&mut Ground)) -> usize {
        // Two leases, two workers: the cluster stays with whoever has it once each has one.
        let holder = eventually("each worker holds one lease", async || {
            match (self.ground.holder_of(NO_CLUSTER).await, self.ground.holder().await) {
                (Some(other), Some(holder)) if other != holder => Ok(holder),
                seen => Err(seen),
            }
        })
        .await;
        let frozen = usize::from(holder == self.names[1]);
        // It may stand still before it has said that it is armed.
        let armed = self.ground.platform.arm_worker(frozen, point.name, STOP).await;
        ask(&mut self.ground).await;
        let stands = || self.ground.platform.workers()[frozen].is_frozen();
        eventually(point.moment, async || if stands() { Ok(()) } else { Err(format!("it runs; armed: {armed:?}")) })
            .await;
        eventually("the other takes the cluster", async || match self.ground.holder().await {
            Some(now) if now == self.names[1 - frozen] => Ok(()),
            seen => Err(seen),
        })
        .await;
        frozen
    }
}

/// What the workers call themselves that have not fallen silent.
async fn living(ground: &Ground) -> Vec<Uuid> {
    let text = "SELECT id FROM workers WHERE until > now()";
    sqlx::query_scalar(text).fetch_all(&mut ground.database().await).await.unwrap()
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
    // It says so with each renewal; then it knows that it has lost the cluster, or has it again.
    eventually("both workers live", async || match living(ground).await.len() {
        2 => Ok(()),
        seen => Err(seen),
    })
    .await;
}

#[tokio::test]
async fn what_a_frozen_worker_writes_late_undoes_nothing_newer() {
    let mut pair = Pair::begun("frozen_change").await;
    let id = pair.id;
    for (n, point) in
        [&WRITE_NEXT, &OBJECT_STANDS, &INVENTORY_AHEAD, &INVENTORY_AFTER, &STATUS_NEXT].into_iter().enumerate()
    {
        let older = maps(&["a", "b", "c"], &format!("{n}-older"));
        let frozen = pair.freeze(point, async |ground| ground.change(id, older).await).await;
        let ground = &mut pair.ground;
        // The other one does what the frozen one had begun, and something newer.
        ground.until_as_recorded().await;
        ground.change(id, maps(&["b", "d"], &format!("{n}-newer"))).await;
        ground.until_as_recorded().await;
        thaw(ground, frozen).await;
        ground.until_as_recorded().await;
        // Once more, by whoever has the cluster now.
        ground.change(id, maps(&["a", "b"], &format!("{n}-newest"))).await;
        ground.until_as_recorded().await;
    }
    pair.ground.stop().await;
}

#[tokio::test]
async fn what_a_frozen_worker_makes_for_a_record_that_is_gone_goes_too() {
    let mut pair = Pair::begun("frozen_gone").await;
    // The first write of all is the namespace: nothing that stands hinders it.
    let mut id = 0;
    let frozen = pair.freeze(&WRITE_NEXT, async |ground| id = ground.add("gone", maps(&["a"], "1")).await).await;
    let mut ground = pair.ground;
    ground.until_as_recorded().await;
    ground.delete(id).await;
    ground.until_as_recorded().await;
    thaw(&ground, frozen).await;
    ground.until_as_recorded().await;
    ground.stop().await;
}

#[tokio::test]
async fn what_turns_up_for_a_record_that_is_gone_goes_if_we_applied_it() {
    let Pair { mut ground, .. } = Pair::begun("turns_up").await;
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
