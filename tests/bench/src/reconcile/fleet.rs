//! A fleet in which nothing happens (h): what each cluster more costs, and how long until one worker has the clusters of another that died.

use std::time::Duration;

use anyhow::{Result, ensure};
use causeway_rig::raise_open_files;
use serde_json::json;
use tokio::time::Instant;

use super::{Sizes, fixture::Fixture};
use crate::{
    counts::{LEASES, Rows, open_files, peak_memory},
    report::{Figure, Report, Target},
    views::Views,
};

const WORKERS: usize = 2;
/// By then a worker that was killed is known to be dead.
const NOTICED_WITHIN: Duration = Duration::from_secs(60);

/// Files that this program has open for a cluster at most: each watch comes in at the proxy, and goes out again.
const FILES_OF_A_CLUSTER: usize = 8;
/// And for itself.
const OWN_FILES: usize = 200;

/// What an idle fleet costs.
#[derive(Clone, Copy, Debug)]
struct Cost {
    transactions: f64,
    rows: f64,
}

pub(super) async fn run(report: &mut Report, sizes: &Sizes) -> Result<()> {
    let largest = sizes.fleet.iter().copied().max().unwrap_or_default();
    let (needed, limit) = (OWN_FILES + largest * FILES_OF_A_CLUSTER, raise_open_files()?);
    ensure!(
        u64::try_from(needed)? <= limit,
        "{largest} clusters need {needed} open files, of which {limit} are allowed here: raise the hard limit (ulimit -H -n), or say --fleet with fewer"
    );
    let mut smallest: Option<Cost> = None;
    for runtimes in sizes.fleet.iter().copied() {
        let cost = measure(report, runtimes, Duration::from_secs(sizes.idle), smallest).await?;
        smallest.get_or_insert(cost);
    }
    Ok(())
}

/// `floor`: what the smallest fleet costs.
async fn measure(report: &mut Report, runtimes: usize, window: Duration, floor: Option<Cost>) -> Result<Cost> {
    let mut fixture = Fixture::start(&format!("bench_fleet_{runtimes}")).await?;
    let views = Views::start(&fixture.cluster).await?;
    for _ in fixture.platform.workers().len()..WORKERS {
        fixture.platform.add_worker().await?;
    }
    let of = fixture.workload_definition("web").await?;
    eprintln!("connecting {runtimes} clusters");
    for number in 0..runtimes {
        let name = format!("cluster-{number}");
        let access =
            json!({"APIEndpoint": views.endpoint(number), "CACertificate": views.ca(), "ConnectionToken": "any"});
        let runtime = fixture.runtime_at(&name, access).await?;
        fixture.workloads(runtime, &name, of, 1).await?;
    }
    fixture.settled().await?;

    // What is written in this time is what is measured.
    let before = Rows::told(&fixture.pool).await?;
    tokio::time::sleep(window).await;
    let after = Rows::told(&fixture.pool).await?;
    let (written, seconds) = (after.since(&before), after.at.duration_since(before.at).as_secs_f64());
    ensure!(written.keys().all(|table| LEASES.contains(&table.as_str())), "written while idle: {written:?}");
    let cost = Cost {
        transactions: after.transactions_since(&before) as f64 / seconds,
        rows: written.values().sum::<i64>() as f64 / seconds,
    };
    let case = format!("h: {runtimes} idle clusters");
    let beside = |figure: Figure, floor: Option<f64>| match floor {
        Some(floor) => figure.floor(floor).target(Target::RatioAtMost(1.2)),
        None => figure,
    };
    let transactions = Figure::new(format!("{case}: transactions"), cost.transactions, "1/s");
    report.add(beside(transactions, floor.map(|floor| floor.transactions)));
    let rows = Figure::new(format!("{case}: rows written"), cost.rows, "1/s");
    report.add(beside(rows, floor.map(|floor| floor.rows)));
    let pids: Vec<i32> = fixture.platform.workers().iter().map(|worker| worker.pid()).collect();
    let largest = |of: fn(i32) -> Result<f64>| {
        pids.iter().try_fold(0.0, |most: f64, pid| Ok::<_, anyhow::Error>(most.max(of(*pid)?)))
    };
    report.add(Figure::new(format!("{case}: memory of the larger worker"), largest(peak_memory)?, "MB"));
    report.add(Figure::new(format!("{case}: open files of the larger worker"), largest(open_files)?, "files"));
    let connections: i64 =
        sqlx::query_scalar("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            .fetch_one(&fixture.pool)
            .await?;
    // The benchmark itself has some.
    let connections = connections - i64::from(fixture.pool.size());
    report.add(Figure::new(format!("{case}: connections to Postgres"), connections as f64, "connections"));

    let taken = take_over(&fixture).await?;
    let what = format!("{case}: one worker dies, until the other has its {}", taken.clusters);
    report.add(Figure::new(what, taken.within.as_secs_f64(), "s"));
    fixture.stop().await;
    views.stop();
    Ok(cost)
}

/// A worker's clusters, which another one has taken over.
#[derive(Clone, Copy, Debug)]
struct TakeOver {
    clusters: i64,
    within: Duration,
}

/// Kills a worker, and says how long it took until the other one had reconciled every record of its clusters.
async fn take_over(fixture: &Fixture) -> Result<TakeOver> {
    let text = "CREATE TABLE seen_before AS SELECT kind, id, wake_seq, runtime_id, holder FROM reconciliations JOIN leases USING (runtime_id) WHERE runtime_id <> 0";
    sqlx::query(text).execute(&fixture.pool).await?;
    let begun = Instant::now();
    fixture.platform.kill_worker(0).await;
    let survivor: uuid::Uuid = loop {
        let living = sqlx::query_scalar("SELECT id FROM workers WHERE until > now()").fetch_all(&fixture.pool).await?;
        if let [survivor] = living.as_slice() {
            break *survivor;
        }
        ensure!(begun.elapsed() < NOTICED_WITHIN, "no worker has ended after {NOTICED_WITHIN:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let clusters: i64 = sqlx::query_scalar("SELECT count(DISTINCT runtime_id) FROM seen_before WHERE holder <> $1")
        .bind(survivor)
        .fetch_one(&fixture.pool)
        .await?;
    ensure!(clusters > 0, "the worker that was killed held no cluster");
    // A new connection wakes every record of its cluster.
    let unseen = format!(
        "due_at <= now() OR (kind, id, wake_seq) IN (SELECT kind, id, wake_seq FROM seen_before WHERE holder <> '{survivor}')"
    );
    Ok(TakeOver { clusters, within: fixture.until_none(&unseen).await?.duration_since(begun) })
}
