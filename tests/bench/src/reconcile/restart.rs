//! All workers started anew over thousands of settled records (f), and a minute in which nothing happens (g).

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use tokio::time::Instant;

use super::{Sizes, fixture::Fixture, records::Placement};
use crate::{
    client::TASKS,
    counts::{Audit, LEASES, Rows, peak_memory, requests},
    report::{Figure, Report, Target},
};

const WORKERS: usize = 2;
pub(super) async fn run(report: &mut Report, sizes: &Sizes) -> Result<()> {
    let mut fixture = Fixture::start("bench_restart").await?;
    let records = filled(&fixture, sizes.settled).await?;

    let (rows, audit) = (Rows::told(&fixture.pool).await?, Audit::from_now(&fixture.cluster.audit_log)?);
    fixture.platform.stop_workers().await;
    // Every record has to be reconciled once more.
    sqlx::query("DROP TABLE IF EXISTS seen_before").execute(&fixture.pool).await?;
    let text = "CREATE TABLE seen_before AS SELECT kind, id, wake_seq FROM reconciliations WHERE runtime_id <> 0";
    sqlx::query(text).execute(&fixture.pool).await?;
    let (asked, begun) = (requests(&fixture.kube).await?, Instant::now());
    for _ in 0..WORKERS {
        fixture.platform.add_worker().await?;
    }
    let ready = begun.elapsed();
    let unseen = "due_at <= now() OR (kind, id, wake_seq) IN (SELECT kind, id, wake_seq FROM seen_before)";
    let settled = fixture.until_none(unseen).await?.duration_since(begun);
    let (asked, writes) = (requests(&fixture.kube).await? - asked, audit.writes()?);
    let case = format!("f: workers restarted over {records} records");
    report.add(Figure::new(format!("{case}: ready"), ready.as_secs_f64(), "s"));
    report.add(Figure::new(format!("{case}: all looked at"), settled.as_secs_f64(), "s"));
    report.add(Figure::new(format!("{case}: requests to the API server"), asked, "requests"));
    let applies = writes.values().sum::<u64>() as f64;
    report.add(Figure::new(format!("{case}: writes to the cluster"), applies, "writes").target(Target::AtMost(0.0)));
    let memory = fixture.platform.workers().iter().map(|worker| peak_memory(worker.pid()));
    let memory = memory.collect::<Result<Vec<_>>>()?.into_iter().fold(0.0, f64::max);
    report.add(Figure::new(format!("{case}: memory of the larger"), memory, "MB").target(Target::AtMost(300.0)));
    let transactions = Rows::told(&fixture.pool).await?.transactions_since(&rows);
    report.add(Figure::new(format!("{case}: transactions"), transactions as f64, "count"));

    idle(report, &fixture, Duration::from_secs(sizes.idle)).await?;
    fixture.stop().await;
    Ok(())
}

/// Half of the records are gateway definitions, the other half their instances. Returns how many records there are in all.
async fn filled(fixture: &Fixture, records: usize) -> Result<i64> {
    let count = records / 2;
    let workloads = fixture.workloads_for(count).await?;
    let definitions = fixture.definitions("settled", count, Placement::Shared).await?;
    eprintln!("making {count} gateways, {TASKS} at a time");
    fixture.api.create_all("gateway-instances", workloads.instances("settled", &definitions)).await?;
    fixture.settled().await?;
    Ok(sqlx::query_scalar("SELECT count(*) FROM reconciliations").fetch_one(&fixture.pool).await?)
}

async fn idle(report: &mut Report, fixture: &Fixture, window: Duration) -> Result<()> {
    let (before, audit) = (Rows::told(&fixture.pool).await?, Audit::from_now(&fixture.cluster.audit_log)?);
    let asked = requests(&fixture.kube).await?;
    // What is written in this time is what is measured.
    tokio::time::sleep(window).await;
    let (asked, after) = (requests(&fixture.kube).await? - asked, Rows::read(&fixture.pool).await?);
    let (mut written, writes) = (after.since(&before), audit.writes()?);
    let renewals: i64 = LEASES.iter().filter_map(|table| written.remove(*table)).sum();
    let case = format!("g: {} s of nothing to do", window.as_secs());
    let count = |counted: &BTreeMap<String, i64>| counted.values().sum::<i64>() as f64;
    report.add(
        Figure::new(format!("{case}: writes to the cluster"), writes.values().sum::<u64>() as f64, "writes")
            .target(Target::AtMost(0.0)),
    );
    report.add(
        Figure::new(format!("{case}: rows written but leases"), count(&written), "rows").target(Target::AtMost(0.0)),
    );
    report.add(Figure::new(format!("{case}: lease rows written"), renewals as f64, "rows"));
    report.add(Figure::new(format!("{case}: transactions"), after.transactions_since(&before) as f64, "count"));
    report.add(Figure::new(format!("{case}: requests to the API server"), asked, "requests"));
    if !written.is_empty() || !writes.is_empty() {
        eprintln!("written while idle: {written:?} {writes:?}");
    }
    Ok(())
}
