//! Many gateway instances made at once (b), and whether twice as many take twice as long.

use std::{collections::HashSet, time::Duration};

use anyhow::{Context, Result};
use causeway_rig::Endpoints;
use serde_json::Value;
use tokio::time::Instant;

use super::{Sizes, milliseconds, per_second};
use crate::{
    counts::{Rows, requests},
    floor,
    processors::Apart,
    report::{Figure, Report, Target},
    sightings::standing,
    stage::{Placement, Stage, Used},
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
    let stage = Stage::start("bench_burst").await?;
    let ground = stage.ground(count).await?;
    let first = stage.definitions("first", FIRST, Placement::Shared).await?;
    stage.api.create_all("gateway-instances", ground.instances("first", &first)).await?;
    let definitions = stage.definitions("burst", count, Placement::Shared).await?;
    stage.settled().await?;
    let there: HashSet<_> = standing(&stage.kube, &stage.control_plane).await?.iter().map(uid).collect();

    stage.quiet().await?;
    let (rows, asked, used) = (Rows::told(&stage.pool).await?, requests(&stage.kube).await?, stage.used()?);
    let begun = Instant::now();
    stage.api.create_all("gateway-instances", ground.instances("burst", &definitions)).await?;
    let posted = begun.elapsed();
    let reconciled = stage.until_none("NOT reconciled").await?.duration_since(begun);
    stage.settled().await?;
    let (used, asked) = (stage.used()?.since(used), requests(&stage.kube).await? - asked);
    let transactions = Rows::told(&stage.pool).await?.transactions_since(&rows);

    let objects = standing(&stage.kube, &stage.control_plane).await?;
    let new: Vec<_> = objects.iter().filter(|object| !there.contains(&uid(object))).collect();
    let (first, second) = (plainly(&stage, &new).await?, plainly(&stage, &new).await?);
    let Floor { took: floor, used: used_floor, requests: asked_floor } =
        if first.took < second.took { first } else { second };
    let requests = (asked, asked_floor);
    stage.stop().await;
    Ok(Measured { count, posted, reconciled, floor, used, used_floor, requests, transactions })
}

/// One round of plain applies.
struct Floor {
    took: Duration,
    used: f64,
    requests: f64,
}

/// The API server has work of its own at times: of two rounds the better one counts.
async fn plainly(stage: &Stage, objects: &[&Value]) -> Result<Floor> {
    let namespace = format!("floor-{}", uuid::Uuid::new_v4().simple());
    floor::namespace(&stage.kube, &namespace).await?;
    let copies: Vec<_> = objects.iter().map(|object| floor::copy_of(object, &namespace)).collect();
    stage.quiet().await?;
    let (used, asked) = (stage.used()?, requests(&stage.kube).await?);
    let took = floor::at_once(&stage.kube, &copies).await?;
    let used = stage.used()?.since(used).apiserver;
    Ok(Floor { took, used, requests: requests(&stage.kube).await? - asked })
}

fn uid(object: &Value) -> String {
    object["metadata"]["uid"].to_string()
}
