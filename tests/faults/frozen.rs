//! A worker that is frozen in the middle of its work until another has taken its cluster, and then goes on where it was.

use causeway_failpoints::{INVENTORY_AFTER, INVENTORY_AHEAD, OBJECT_STANDS, Point, STATUS_NEXT, WRITE_NEXT};
use causeway_store::lease::NO_CLUSTER;
use causeway_testkit::{
    api, eventually,
    kinds::{CONFIG_MAP, CONTROL_PLANE, NAMESPACE, OWNER},
    objects::{await_object, goes},
};
use kube::{
    ResourceExt,
    api::{DeleteParams, DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{Fixture, maps};

const STOP: &str = "1*return(stop)";

/// Two workers, by number, and a workload.
struct Pair {
    fixture: Fixture,
    /// What the workers call themselves.
    names: [Uuid; 2],
    /// The workload instance.
    id: i64,
}

impl Pair {
    async fn begun(name: &str) -> Self {
        let mut fixture = Fixture::start(name).await;
        let id = fixture.add("first", maps(&["a", "b"], "0")).await;
        fixture.until_ready(id).await;
        // One after the other, so that we know which process is who.
        let first = eventually("the first worker lives", async || {
            living(&fixture).await.first().copied().ok_or("it has just not said so")
        })
        .await;
        fixture.platform.add_worker().await.unwrap();
        let second = eventually("the second worker lives", async || {
            living(&fixture).await.into_iter().find(|name| *name != first).ok_or("not yet")
        })
        .await;
        Self { fixture, names: [first, second], id }
    }

    /// The worker that holds the cluster is frozen at this point of the creation or change `ask`, and the other takes over. Returns the number of the frozen one.
    async fn freeze(&mut self, point: &Point, ask: impl AsyncFnOnce(&mut Fixture)) -> usize {
        // Two leases, two workers: once each has one, the cluster stays with its holder.
        let holder = eventually("each worker holds one lease", async || {
            match (self.fixture.holder_of(NO_CLUSTER).await, self.fixture.holder().await) {
                (Some(other), Some(holder)) if other != holder => Ok(holder),
                seen => Err(seen),
            }
        })
        .await;
        let frozen = usize::from(holder == self.names[1]);
        // It may be frozen before it has said that it is armed.
        let armed = self.fixture.platform.arm_worker(frozen, point.name, STOP).await;
        ask(&mut self.fixture).await;
        let stands = || self.fixture.platform.workers()[frozen].is_frozen();
        eventually(point.moment, async || if stands() { Ok(()) } else { Err(format!("it runs; armed: {armed:?}")) })
            .await;
        eventually("the other takes the cluster", async || match self.fixture.holder().await {
            Some(now) if now == self.names[1 - frozen] => Ok(()),
            seen => Err(seen),
        })
        .await;
        frozen
    }
}

/// What the workers call themselves that have not fallen silent.
async fn living(fixture: &Fixture) -> Vec<Uuid> {
    let text = "SELECT id FROM workers WHERE until > now()";
    sqlx::query_scalar(text).fetch_all(&mut fixture.database().await).await.unwrap()
}

/// Lets the frozen worker go on, and has it do whatever it had left to do.
async fn thaw(fixture: &Fixture, frozen: usize) {
    fixture.platform.workers()[frozen].thaw();
    eventually(
        "it runs again",
        async || {
            if fixture.platform.workers()[frozen].is_frozen() { Err("it stands") } else { Ok(()) }
        },
    )
    .await;
    // It says so with each renewal; then it knows that it has lost the cluster, or has it again.
    eventually("both workers live", async || match living(fixture).await.len() {
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
        let frozen = pair.freeze(point, async |fixture| fixture.change(id, older).await).await;
        let fixture = &mut pair.fixture;
        // The other one does what the frozen one had begun, and something newer.
        fixture.until_as_recorded().await;
        fixture.change(id, maps(&["b", "d"], &format!("{n}-newer"))).await;
        fixture.until_as_recorded().await;
        thaw(fixture, frozen).await;
        fixture.until_as_recorded().await;
        // Once more, by the worker that holds the cluster now.
        fixture.change(id, maps(&["a", "b"], &format!("{n}-newest"))).await;
        fixture.until_as_recorded().await;
    }
    pair.fixture.stop().await;
}

#[tokio::test]
async fn what_a_frozen_worker_makes_for_a_record_that_is_gone_goes_too() {
    let mut pair = Pair::begun("frozen_gone").await;
    // The first write of all is the namespace: no existing object hinders it.
    let mut id = 0;
    let frozen = pair.freeze(&WRITE_NEXT, async |fixture| id = fixture.add("gone", maps(&["a"], "1")).await).await;
    let mut fixture = pair.fixture;
    fixture.until_as_recorded().await;
    fixture.delete(id).await;
    fixture.until_as_recorded().await;
    thaw(&fixture, frozen).await;
    fixture.until_as_recorded().await;
    fixture.stop().await;
}

#[tokio::test]
async fn what_turns_up_for_a_record_that_is_gone_goes_if_we_applied_it() {
    let Pair { mut fixture, .. } = Pair::begun("turns_up").await;
    let id = fixture.add("gone", maps(&["a"], "1")).await;
    fixture.until_as_recorded().await;
    fixture.delete(id).await;
    fixture.until_as_recorded().await;
    // What a write leaves behind that lands after the record's row went; and what another controller makes with our labels.
    let late = format!("late-{}", fixture.identity);
    let labels = json!({CONTROL_PLANE: fixture.identity, OWNER: format!("workload-instance-{id}")});
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": late, "labels": labels}});
    let map = |name: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": late, "labels": labels}});
    let apply = async |manager: &str, manifest: &Value| {
        let (kind, name) = (manifest["kind"].as_str().unwrap(), manifest["metadata"]["name"].as_str().unwrap());
        let objects = api(&fixture.kube, ("", "v1", kind), manifest["metadata"]["namespace"].as_str());
        objects.patch(name, &PatchParams::apply(manager), &Patch::Apply(manifest)).await.unwrap();
    };
    let us = format!("causeway-{}", fixture.identity);
    apply(&us, &namespace).await;
    apply("somebody", &map("copied")).await;
    apply(&us, &map("late")).await;
    let maps = api(&fixture.kube, CONFIG_MAP, Some(&late));
    goes(&maps, "late", "ours goes").await;
    assert!(maps.get_opt("copied").await.unwrap().is_some(), "theirs stays, and with it the namespace");
    maps.delete("copied", &DeleteParams::default()).await.unwrap();
    let namespaces = api(&fixture.kube, NAMESPACE, None);
    let is_ours = |found: &DynamicObject| found.labels().contains_key(OWNER);
    await_object(&namespaces, &late, "the namespace goes, or is released", |found| !found.is_some_and(is_ours)).await;
    if namespaces.get_opt(&late).await.unwrap().is_some() {
        namespaces.delete(&late, &DeleteParams::default()).await.unwrap();
    }
    fixture.until_as_recorded().await;
    fixture.stop().await;
}
