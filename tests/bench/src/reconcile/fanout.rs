//! One definition with many instances is changed (d).

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Sizes, fixture::Fixture, floor, per_second, records::Placement, sightings::standing};
use crate::{
    counts::Audit,
    report::{Figure, Report, Target},
};

pub(super) async fn run(report: &mut Report, sizes: &Sizes) -> Result<()> {
    let (fixture, count) = (Fixture::start("bench_fanout").await?, sizes.fanout);
    let workloads = fixture.workloads_for(count).await?;
    // Only gateways of their own can have the same hostname in one cluster.
    let definition = fixture.definitions("fanout", 1, Placement::Dedicated).await?[0];
    let bodies = workloads.instances("fanout", &vec![definition; count]);
    fixture.api.create_all("gateway-instances", bodies).await?;
    fixture.settled().await?;

    let before = routes(&fixture).await?;
    let audit = Audit::from_now(&fixture.cluster.audit_log)?;
    let begun = Instant::now();
    let body = json!({"HttpPorts": [{"Port": 80, "Path": "/changed"}]});
    fixture.api.patch("gateway-definitions", definition, &body).await?;
    let took = fixture.until_none("NOT reconciled").await?.duration_since(begun);
    fixture.settled().await?;
    let (after, writes) = (routes(&fixture).await?, audit.writes()?);
    ensure!(after.iter().all(|route| route["spec"]["rules"].to_string().contains("/changed")), "not all are changed");

    let namespace = format!("floor-{}", uuid::Uuid::new_v4().simple());
    floor::namespace(&fixture.kube, &namespace).await?;
    let copies = |of: &[Value]| of.iter().map(|route| floor::copy_of(route, &namespace)).collect::<Vec<_>>();
    floor::at_once(&fixture.kube, &copies(&before)).await?;
    let floor = floor::at_once(&fixture.kube, &copies(&after)).await?;
    let case = format!("d: one definition with {count} instances changed");
    report.add(Figure::new(case.clone(), per_second(count, took), "1/s").floor(per_second(count, floor)));
    let applies = total(&writes) as f64 / count as f64;
    report.add(
        Figure::new(format!("{case}: writes for each changed object"), applies, "writes")
            .floor(1.0)
            .target(Target::RatioAtMost(1.0)),
    );
    fixture.stop().await;
    Ok(())
}

async fn routes(fixture: &Fixture) -> Result<Vec<Value>> {
    let all = standing(&fixture.kube, &fixture.control_plane).await?;
    Ok(all.into_iter().filter(|object| object["kind"] == "HTTPRoute").collect())
}

/// Writes to gateway objects. (A mark in the cluster follows what was changed, once in some seconds.)
fn total(writes: &BTreeMap<String, u64>) -> u64 {
    let ours = ["gatewayclasses", "gateways", "listenersets", "httproutes"];
    writes.iter().filter(|(what, _)| ours.iter().any(|resource| what.ends_with(resource))).map(|(_, count)| count).sum()
}
