//! Workers that come and go, and workers whose clocks are wrong.

use causeway_rig::faults::wall_clock;
use causeway_testkit::{Setup, condition, eventually};

use crate::fixture::{Fixture, LEASE, bare_cluster, maps, setup};

#[tokio::test]
async fn one_two_and_five_workers_that_join_and_leave_under_load() {
    let mut fixture = Fixture::start("joining").await;
    let mut added = vec![];
    // Joins, deaths and orderly ends, each in the middle of work.
    for round in 0..4 {
        for n in 0..5 {
            added.push(fixture.add(&format!("load-{round}-{n}"), maps(&["a", "b"], "1")).await);
        }
        match round {
            0 => fixture.platform.add_worker().await.unwrap(),
            1 => {
                for _ in 0..3 {
                    fixture.platform.add_worker().await.unwrap();
                }
            }
            2 => {
                fixture.platform.end_worker(0).await;
                fixture.platform.kill_worker(1).await;
            }
            _ => {
                fixture.platform.end_worker(2).await;
                fixture.platform.kill_worker(3).await;
            }
        }
        for id in added.iter().skip(round).step_by(3) {
            fixture.change(*id, maps(&["b", "c"], &format!("in round {round}"))).await;
        }
    }
    fixture.delete(added[0]).await;
    fixture.delete(added[7]).await;
    fixture.until_as_recorded().await;
    let running = fixture.platform.workers().iter().filter(|worker| worker.is_running()).count();
    assert_eq!(running, 1, "one worker is left, and has done all of it");
    fixture.stop().await;
}

#[tokio::test]
async fn workers_whose_wall_clocks_are_ten_minutes_off() {
    let endpoints = causeway_rig::Endpoints::from_env().unwrap();
    let cluster = bare_cluster(&endpoints).clone();
    let mut fixture = Fixture::on(endpoints, &cluster, Setup { workers: 0, ..setup("clocks") }).await;
    fixture.platform.add_worker_with(&wall_clock(-600).unwrap()).await.unwrap();
    let id = fixture.add("behind", maps(&["a"], "1")).await;
    fixture.until_as_recorded().await;
    // What it says of times is what Postgres says: another worker, or a client, compares them with its own.
    let record = fixture.client.get("workload-instances", id).await.unwrap();
    let ready = condition(&record, "Ready").unwrap()["LastTransitionTime"].as_str().unwrap();
    let age = chrono::Utc::now() - ready.parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    assert!((-5..120).contains(&age.num_seconds()), "it became Ready {age} ago");
    // It lives ten minutes ago, and nobody takes its cluster for that; nor does it keep it a moment longer when it dies.
    let before = eventually("the cluster has a holder", async || fixture.holder().await.ok_or("none")).await;
    fixture.platform.add_worker_with(&wall_clock(600).unwrap()).await.unwrap();
    fixture.change(id, maps(&["a"], "2")).await;
    fixture.until_as_recorded().await;
    fixture.platform.kill_worker(0).await;
    let killed = std::time::Instant::now();
    eventually("the other takes it", async || match fixture.holder().await {
        Some(now) if now != before => Ok(()),
        other => Err(other),
    })
    .await;
    assert!(killed.elapsed() < LEASE * 4, "taken after {:?}", killed.elapsed());
    fixture.change(id, maps(&["b"], "3")).await;
    fixture.add("ahead", maps(&["a"], "1")).await;
    fixture.until_as_recorded().await;
    fixture.stop().await;
}
