//! Many clusters, some of which don't answer (e): does that cost the others anything?

use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use tokio::{net::TcpListener, time::Instant};

use super::{
    Sizes,
    fixture::Fixture,
    records::{Placement, instance},
};
use crate::{
    report::{Figure, Report, Target},
    views::Views,
};

struct Bench {
    fixture: Fixture,
    /// A runtime and its workload instance.
    good: Vec<(i64, i64)>,
    bad: Vec<(i64, i64)>,
    per_runtime: usize,
}

pub(super) async fn run(report: &mut Report, sizes: &Sizes) -> Result<()> {
    let fixture = Fixture::start("bench_clusters").await?;
    let views = Views::start(&fixture.cluster).await?;
    // It accepts connections, and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    let of = fixture.workload_definition("web").await?;
    let mut bench = Bench { fixture, good: vec![], bad: vec![], per_runtime: sizes.per_runtime };
    for number in 0..sizes.runtimes {
        let (name, dead) = (format!("cluster-{number}"), number < sizes.unreachable);
        let endpoint = if dead { format!("https://{}", silent.local_addr()?) } else { views.endpoint(number) };
        let access = json!({"APIEndpoint": endpoint, "CACertificate": views.ca(), "ConnectionToken": "any"});
        let runtime = bench.fixture.runtime_at(&name, access).await?;
        let workload = bench.fixture.workloads(runtime, &name, of, 1).await?[0];
        if dead { &mut bench.bad } else { &mut bench.good }.push((runtime, workload));
    }
    bench.until_good_are_done().await?;
    // The silent ones take no part before they have been found out.
    let (alone, beside) = (bench.good.clone(), [bench.bad.clone(), bench.good.clone()].concat());
    let first = bench.round("first", &alone).await?;
    let with = bench.round("with", &beside).await?;
    let second = bench.round("second", &alone).await?;
    let case = format!(
        "e: {} gateways in {} clusters beside {} silent ones",
        bench.per_runtime * bench.good.len(),
        bench.good.len(),
        bench.bad.len()
    );
    // What is there already grows with each round: the floor is the mean of the one before and the one after.
    let floor = f64::midpoint(first.as_secs_f64(), second.as_secs_f64());
    report.add(Figure::new(case, with.as_secs_f64(), "s").floor(floor).target(Target::RatioAtMost(1.3)));
    bench.fixture.stop().await;
    views.stop();
    Ok(())
}

impl Bench {
    /// Makes gateways in these clusters, and says how long it took until those in good ones were reconciled.
    async fn round(&self, name: &str, runtimes: &[(i64, i64)]) -> Result<Duration> {
        let definitions = self.fixture.definitions(name, self.per_runtime, Placement::Shared).await?;
        self.until_good_are_done().await?;
        let mut bodies = vec![];
        for (n, definition) in definitions.iter().enumerate() {
            for (runtime, workload) in runtimes {
                bodies.push(instance(&format!("{name}-{runtime}-{n}"), *runtime, *definition, *workload));
            }
        }
        let begun = Instant::now();
        self.fixture.api.create_all("gateway-instances", bodies).await?;
        Ok(self.until_good_are_done().await?.duration_since(begun))
    }

    async fn until_good_are_done(&self) -> Result<Instant> {
        let bad: Vec<_> = self.bad.iter().map(|(runtime, _)| runtime.to_string()).collect();
        let bad = if bad.is_empty() { "0".to_owned() } else { bad.join(", ") };
        self.fixture.until_none(&format!("NOT reconciled AND runtime_id NOT IN ({bad})")).await
    }
}
