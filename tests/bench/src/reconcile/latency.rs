//! One change, and how long until it is in the cluster: in an empty system (a) and in a full one (c).

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    Sizes,
    fixture::Fixture,
    floor,
    records::{Placement, Workloads, hostname},
    sightings::{Sightings, is_of, listens},
    sorted,
};
use crate::{
    client::TASKS,
    report::{Figure, Report, Target, percentile},
};

/// Before the first sample that counts.
const WARM: usize = 5;

struct Bench {
    fixture: Fixture,
    sightings: Sightings,
    workloads: Workloads,
}

/// Samples of one operation, and the objects in the cluster at the end of each.
#[derive(Default)]
struct Samples {
    took: Vec<Duration>,
    objects: Vec<Vec<Value>>,
}

pub(super) async fn run(report: &mut Report, sizes: &Sizes) -> Result<()> {
    let fixture = Fixture::start("bench_latency").await?;
    let workloads = fixture.workloads_for(sizes.full).await?;
    fixture.settled().await?;
    let sightings = Sightings::start(&fixture.kube, &fixture.control_plane).await?;
    let mut bench = Bench { fixture, sightings, workloads };

    let (made, changed) = bench.made_and_changed("empty", sizes.samples).await?;
    report_latency(report, "a: POST of a gateway to its objects", &bench.fixture, &made, true).await?;
    report_latency(report, "a: PATCH of a path to its object", &bench.fixture, &changed, false).await?;

    bench.fill(sizes.full).await?;
    let (made_full, changed_full) = bench.made_and_changed("full", sizes.samples).await?;
    let full = sizes.full;
    let pairs = [("POST of a gateway", &made_full, &made), ("PATCH of a path", &changed_full, &changed)];
    for (what, in_full, in_empty) in pairs {
        for (share, name) in [(0.5, "p50"), (0.99, "p99")] {
            let figure = Figure::new(
                format!("c: {what} beside {full} others, {name} ÷ empty"),
                percentile(&sorted(&in_full.took), share),
                "ms",
            );
            let figure = figure.floor(percentile(&sorted(&in_empty.took), share));
            report.add(if share < 0.9 { figure.target(Target::RatioAtMost(1.3)) } else { figure });
        }
    }
    report_latency(report, "c: POST beside others ÷ plain applies", &bench.fixture, &made_full, false).await?;
    bench.fixture.stop().await;
    Ok(())
}

/// Puts the samples beside the time that their objects take when they are applied one after the other.
async fn report_latency(
    report: &mut Report,
    case: &str,
    fixture: &Fixture,
    samples: &Samples,
    judged: bool,
) -> Result<()> {
    let namespace = format!("floor-{}", uuid::Uuid::new_v4().simple());
    floor::namespace(&fixture.kube, &namespace).await?;
    fixture.quiet().await?;
    let mut floors = vec![];
    for objects in &samples.objects {
        let copies: Vec<_> = objects.iter().map(|object| floor::copy_of(object, &namespace)).collect();
        floors.push(floor::in_turn(&fixture.kube, &copies).await?);
    }
    let (took, floors) = (sorted(&samples.took), sorted(&floors));
    let p50 = Figure::new(format!("{case}, p50"), percentile(&took, 0.5), "ms").floor(percentile(&floors, 0.5));
    report.add(if judged { p50.target(Target::RatioAtMost(2.0)).target(Target::AtMost(60.0)) } else { p50 });
    report.add(Figure::new(format!("{case}, p99"), percentile(&took, 0.99), "ms").floor(percentile(&floors, 0.99)));
    Ok(())
}

impl Bench {
    /// Makes gateways one after the other, then changes each.
    async fn made_and_changed(&self, name: &str, samples: usize) -> Result<(Samples, Samples)> {
        let count = samples + WARM;
        let definitions = self.fixture.definitions(name, count, Placement::Shared).await?;
        self.fixture.settled().await?;
        self.fixture.quiet().await?;
        let (mut made, mut changed, mut ids) = (Samples::default(), Samples::default(), vec![]);
        for (n, definition) in definitions.iter().enumerate() {
            let (id, took, objects) = self.make(name, n, *definition).await?;
            ids.push(id);
            if n >= WARM {
                made.took.push(took);
                made.objects.push(objects);
            }
        }
        self.fixture.settled().await?;
        self.fixture.quiet().await?;
        for (n, definition) in definitions.iter().enumerate() {
            let (took, objects) = self.change(ids[n], n, *definition).await?;
            if n >= WARM {
                changed.took.push(took);
                changed.objects.push(objects);
            }
        }
        self.fixture.settled().await?;
        Ok((made, changed))
    }

    /// Until both its route and its listener exist.
    async fn make(&self, name: &str, n: usize, definition: i64) -> Result<(i64, Duration, Vec<Value>)> {
        let body = self.workloads.instance(&format!("{name}-{n}"), n, definition);
        let (mut routes, mut holders) = (self.sightings.subscribe(), self.sightings.subscribe());
        let begun = Instant::now();
        let id = self.fixture.api.create("gateway-instances", &body).await?;
        let (owner, host) = (format!("gateway-instance-{id}"), hostname(name, n));
        let route = routes.next(|object| is_of(object, "HTTPRoute", &owner)).await?;
        let holder = holders.next(|object| listens(object, &host)).await?;
        let took = route.at.max(holder.at).duration_since(begun);
        Ok((id, took, vec![(*holder.object).clone(), (*route.object).clone()]))
    }

    async fn change(&self, id: i64, n: usize, definition: i64) -> Result<(Duration, Vec<Value>)> {
        let (owner, path) = (format!("gateway-instance-{id}"), format!("/changed/{n}"));
        let mut routes = self.sightings.subscribe();
        let begun = Instant::now();
        let body = json!({"HttpPorts": [{"Port": 80, "Path": path}]});
        self.fixture.api.patch("gateway-definitions", definition, &body).await?;
        let as_wanted =
            |object: &Value| is_of(object, "HTTPRoute", &owner) && object["spec"]["rules"].to_string().contains(&path);
        let route = routes.next(as_wanted).await?;
        Ok((route.at.duration_since(begun), vec![(*route.object).clone()]))
    }

    /// Makes so many more gateways that there are `count`.
    async fn fill(&mut self, count: usize) -> Result<()> {
        let definitions = self.fixture.definitions("fill", count, Placement::Shared).await?;
        let made =
            self.fixture.api.create_all("gateway-instances", self.workloads.instances("fill", &definitions)).await;
        made.with_context(|| format!("{count} instances, {TASKS} at a time"))?;
        self.fixture.settled().await?;
        Ok(())
    }
}
