//! Many gateway instances made at once (b), and whether twice as many take twice as long.

use std::{collections::HashSet, time::Duration};

use anyhow::{Context, Result};
use causeway_rig::Endpoints;
use serde_json::Value;
use tokio::time::Instant;

use super::{
    Sizes,
    fixture::{Fixture, Used},
    floor, milliseconds, per_second,
    records::Placement,
    sightings::standing,
};
use crate::{
    counts::{Rows, requests},
    processors::Apart,
    report::{Figure, Report, Target},
};

/// Gateways that are made before anything is measured: programs, Postgres and API server have all begun to work then, on every connection.
const FIRST: usize = 64;

/// So many at once the target is for.
const JUDGED: usize = 1000;

struct Measured {
    count: usize,
    /// Until the last POST was answered.
    posted: Duration,
    /// Until every record was reconciled.
    reconciled: Duration,
    /// The same objects, applied straight.
    floor: Duration,
    /// Processor time for that.
    used: Used,
    /// The API server's for plain applies.
    used_floor: f64,
    /// Requests to the API server, and for plain applies.
    requests: (f64, f64),
    /// Transactions of Postgres.
    transactions: i64,
}

pub(super) async fn run(report: &mut Report, sizes: &Sizes) -> Result<()> {
    let mut all = vec![];
    for count in &sizes.bursts {
        let measured = burst(*count).await?;
        let case = format!("b: {count} gateways at once");
        let (value, floor) = (per_second(*count, measured.reconciled), per_second(*count, measured.floor));
        report.add(Figure::new(case.clone(), value, "1/s").floor(floor).target(Target::RatioAtLeast(0.7)));
        report.add(Figure::new(format!("{case}: POSTs alone"), per_second(*count, measured.posted), "1/s"));
        let each = |seconds: f64| seconds * 1000.0 / *count as f64;
        let (used, floor) = (measured.used, measured.used_floor);
        let of = |what: &str, value: f64| Figure::new(format!("{case}: {what} for each"), value, "ms");
        report.add(of("processor time of API server and etcd", each(used.apiserver)).floor(each(floor)));
        report.add(of("processor time of API and workers", each(used.causeway)));
        report.add(of("processor time of Postgres", each(used.postgres)));
        let for_each = |value: f64| value / *count as f64;
        let requests = Figure::new(format!("{case}: requests for each"), for_each(measured.requests.0), "count");
        report.add(requests.floor(for_each(measured.requests.1)));
        let transactions = for_each(measured.transactions as f64);
        report.add(Figure::new(format!("{case}: transactions for each"), transactions, "count"));
        all.push(measured);
    }
    report_apart(report, sizes).await?;
    let each = |measured: &Measured| milliseconds(measured.reconciled) / measured.count as f64;
    let Some(first) = all.first() else { return Ok(()) };
    for measured in &all[1..] {
        let case = format!("b: time for each of {} ÷ each of {}", measured.count, first.count);
        report.add(Figure::new(case, each(measured), "ms").floor(each(first)).target(Target::RatioAtMost(1.3)));
    }
    Ok(())
}

/// The same where the cluster has processors of its own, for the number that the target is for.
async fn report_apart(report: &mut Report, sizes: &Sizes) -> Result<()> {
    let Some(count) = sizes.bursts.iter().copied().find(|count| *count >= JUDGED).or(sizes.bursts.last().copied())
    else {
        return Ok(());
    };
    let endpoints = Endpoints::from_env()?;
    let cluster = endpoints.clusters.get(1).context("start the rig with --extra-clusters 1")?;
    let Some(_apart) = Apart::begin(&endpoints, cluster)? else { return Ok(()) };
    let measured = burst(count).await?;
    let case = format!("b: {count} gateways at once, the cluster on processors of its own");
    let (value, floor) = (per_second(count, measured.reconciled), per_second(count, measured.floor));
    report.add(Figure::new(case, value, "1/s").floor(floor).target(Target::RatioAtLeast(0.7)));
    Ok(())
}

async fn burst(count: usize) -> Result<Measured> {
    let fixture = Fixture::start("bench_burst").await?;
    let workloads = fixture.workloads_for(count).await?;
    let first = fixture.definitions("first", FIRST, Placement::Shared).await?;
    fixture.api.create_all("gateway-instances", workloads.instances("first", &first)).await?;
    let definitions = fixture.definitions("burst", count, Placement::Shared).await?;
    fixture.settled().await?;
    let there: HashSet<_> = standing(&fixture.kube, &fixture.control_plane).await?.iter().map(uid).collect();

    fixture.quiet().await?;
    let (rows, asked, used) = (Rows::told(&fixture.pool).await?, requests(&fixture.kube).await?, fixture.used()?);
    let begun = Instant::now();
    fixture.api.create_all("gateway-instances", workloads.instances("burst", &definitions)).await?;
    let posted = begun.elapsed();
    let reconciled = fixture.until_none("NOT reconciled").await?.duration_since(begun);
    fixture.settled().await?;
    let (used, asked) = (fixture.used()?.since(used), requests(&fixture.kube).await? - asked);
    let transactions = Rows::told(&fixture.pool).await?.transactions_since(&rows);

    let objects = standing(&fixture.kube, &fixture.control_plane).await?;
    let new: Vec<_> = objects.iter().filter(|object| !there.contains(&uid(object))).collect();
    let (first, second) = (plainly(&fixture, &new).await?, plainly(&fixture, &new).await?);
    let Floor { took: floor, used: used_floor, requests: asked_floor } =
        if first.took < second.took { first } else { second };
    let requests = (asked, asked_floor);
    fixture.stop().await;
    Ok(Measured { count, posted, reconciled, floor, used, used_floor, requests, transactions })
}

/// One round of plain applies.
struct Floor {
    took: Duration,
    used: f64,
    requests: f64,
}

/// The API server has work of its own at times: of two rounds the better one counts.
async fn plainly(fixture: &Fixture, objects: &[&Value]) -> Result<Floor> {
    let namespace = format!("floor-{}", uuid::Uuid::new_v4().simple());
    floor::namespace(&fixture.kube, &namespace).await?;
    let copies: Vec<_> = objects.iter().map(|object| floor::copy_of(object, &namespace)).collect();
    fixture.quiet().await?;
    let (used, asked) = (fixture.used()?, requests(&fixture.kube).await?);
    let took = floor::at_once(&fixture.kube, &copies).await?;
    let used = fixture.used()?.since(used).apiserver;
    Ok(Floor { took, used, requests: requests(&fixture.kube).await? - asked })
}

fn uid(object: &Value) -> String {
    object["metadata"]["uid"].to_string()
}
