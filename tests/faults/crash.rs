//! Programs that are killed between any two steps. Whoever comes next goes on from what was written.

use causeway_failpoints::{
    API_COMMITTED, CLUSTER_BOUND, CONFIRM_NEXT, INVENTORY_AFTER, INVENTORY_AHEAD, LEASE_TAKEN, OBJECT_GONE,
    OBJECT_STANDS, PRUNE_NEXT, Point, RECONCILE_BEGUN, STATUS_NEXT, WAKE_NEXT, WRITE_NEXT,
};
use causeway_testkit::eventually;
use kube::api::DeleteParams;
use reqwest::Method;
use serde_json::json;

use crate::fixture::{Fixture, maps};

const KILL: &str = "1*return(kill)";

/// Kills the newest worker at this point while `ask` is done, has another one take over, and checks everything.
async fn survives(fixture: &mut Fixture, point: &Point, actions: &str, ask: impl AsyncFnOnce(&mut Fixture)) {
    let newest = fixture.platform.workers().len() - 1;
    fixture.arm_to_die(newest, point.name, actions).await;
    ask(fixture).await;
    fixture.until_dead(newest, point.moment).await;
    fixture.platform.add_worker().await.unwrap();
    fixture.until_as_recorded().await;
}

#[tokio::test]
async fn a_worker_that_dies_while_it_creates() {
    let mut fixture = Fixture::start("dies_creating").await;
    // The third object of three, the second of two: some objects exist, and some don't.
    let cases = [
        (&RECONCILE_BEGUN, KILL),
        (&INVENTORY_AHEAD, KILL),
        (&WRITE_NEXT, "2*off->1*return(kill)"),
        (&OBJECT_STANDS, "1*off->1*return(kill)"),
        (&INVENTORY_AFTER, KILL),
        (&STATUS_NEXT, KILL),
    ];
    for (n, (point, actions)) in cases.into_iter().enumerate() {
        survives(&mut fixture, point, actions, async |fixture| {
            fixture.add(&format!("created-{n}"), maps(&["a", "b", "c"], "1")).await;
        })
        .await;
    }
    fixture.stop().await;
}

#[tokio::test]
async fn a_worker_that_dies_while_it_changes() {
    let mut fixture = Fixture::start("dies_changing").await;
    let id = fixture.add("changed", maps(&["a", "b", "c"], "0")).await;
    fixture.until_ready(id).await;
    let cases = [
        (&INVENTORY_AHEAD, KILL),
        (&OBJECT_STANDS, KILL),
        (&PRUNE_NEXT, KILL),
        (&OBJECT_GONE, KILL),
        (&INVENTORY_AFTER, KILL),
        (&STATUS_NEXT, KILL),
    ];
    for (n, (point, actions)) in cases.into_iter().enumerate() {
        // Two maps go, one changes, two come.
        let names = if n % 2 == 0 { ["a", "d", "e"] } else { ["a", "b", "c"] };
        survives(&mut fixture, point, actions, async |fixture| {
            fixture.change(id, maps(&names, &n.to_string())).await;
        })
        .await;
    }
    fixture.stop().await;
}

#[tokio::test]
async fn a_worker_that_dies_while_it_deletes() {
    let mut fixture = Fixture::start("dies_deleting").await;
    for (n, point) in [&RECONCILE_BEGUN, &WRITE_NEXT, &OBJECT_GONE, &CONFIRM_NEXT].into_iter().enumerate() {
        let id = fixture.add(&format!("deleted-{n}"), maps(&["a", "b", "c"], "1")).await;
        fixture.until_ready(id).await;
        survives(&mut fixture, point, KILL, async |fixture| fixture.delete(id).await).await;
    }
    fixture.stop().await;
}

#[tokio::test]
async fn a_worker_that_dies_when_a_watch_has_just_told_it_of_a_change() {
    let mut fixture = Fixture::start("dies_told").await;
    let id = fixture.add("meddled", maps(&["a", "b"], "1")).await;
    fixture.until_as_recorded().await;
    survives(&mut fixture, &WAKE_NEXT, KILL, async |fixture| {
        fixture.maps_of(id).delete("a", &DeleteParams::default()).await.unwrap();
    })
    .await;
    fixture.stop().await;
}

#[tokio::test]
async fn a_worker_that_dies_when_it_has_just_taken_a_cluster() {
    let mut fixture = Fixture::start("dies_taking").await;
    let id = fixture.add("first", maps(&["a"], "1")).await;
    fixture.until_ready(id).await;
    for point in [LEASE_TAKEN, CLUSTER_BOUND] {
        let newest = fixture.platform.workers().len() - 1;
        fixture.platform.kill_worker(newest).await;
        // It may die before anybody has seen that it is ready.
        let armed = [("FAILPOINTS".to_owned(), format!("{}={KILL}", point.name))];
        if fixture.platform.add_worker_with(&armed).await.is_ok() {
            fixture.until_dead(newest + 1, point.moment).await;
        }
        fixture.platform.add_worker().await.unwrap();
        fixture.change(id, maps(&["a"], point.name)).await;
        fixture.until_as_recorded().await;
    }
    fixture.stop().await;
}

#[tokio::test]
async fn a_reconcile_that_panics_costs_only_its_own_record() {
    let mut fixture = Fixture::start("panics").await;
    let quiet = fixture.add("quiet", maps(&["a"], "1")).await;
    fixture.until_ready(quiet).await;
    fixture.platform.arm_worker(0, RECONCILE_BEGUN.name, "1*panic").await.unwrap();
    let struck = fixture.add("struck", maps(&["a"], "1")).await;
    let before = std::time::Instant::now();
    fixture.change(quiet, maps(&["a"], "2")).await;
    let others: Vec<i64> = vec![quiet, fixture.add("other", maps(&["a"], "1")).await];
    // Whichever record it was: the others don't wait for it.
    let ready = async |id: i64| fixture.client.get("workload-instances", id).await.unwrap()["Reconciled"] == true;
    eventually("all but one are reconciled", async || {
        let mut waiting = vec![];
        for id in others.iter().chain([&struck]) {
            if !ready(*id).await {
                waiting.push(*id);
            }
        }
        if waiting.len() < 2 { Ok(()) } else { Err(waiting) }
    })
    .await;
    assert!(before.elapsed().as_secs() < 50, "they waited for it: {:?}", before.elapsed());
    assert!(fixture.platform.workers()[0].is_running());
    // The rest of a minute, and it is tried again.
    fixture.until_as_recorded().await;
    fixture.stop().await;
}

#[tokio::test]
async fn an_api_that_dies_after_the_commit_and_before_the_hint() {
    let mut fixture = Fixture::start("api_dies").await;
    let id = fixture.add("kept", maps(&["a"], "1")).await;
    fixture.until_ready(id).await;
    fixture.platform.arm_api(API_COMMITTED.name, KILL).await.unwrap();
    let definition = fixture.workloads[&id].definition;
    let change = json!({"YAMLDocument": causeway_testkit::config_map("a", "2")});
    let path = format!("/v0/workload-definitions/{definition}");
    let answer = fixture.client.send(Method::PATCH, &path, Some(&change)).await;
    assert!(answer.is_err(), "nobody may have acknowledged it: {answer:?}");
    eventually("the API is dead", async || if fixture.platform.api().is_running() { Err("it runs") } else { Ok(()) })
        .await;
    fixture.platform.start_api_again().await.unwrap();
    // It was committed, so it is done, although no hint was sent.
    fixture.workloads.get_mut(&id).unwrap().maps = maps(&["a"], "2");
    eventually("the change arrives", async || {
        let map = fixture.maps_of(id).get("a").await.unwrap();
        if map.data["data"]["key"] == "2" { Ok(()) } else { Err(map.data) }
    })
    .await;
    fixture.until_as_recorded().await;
    fixture.stop().await;
}
