//! The reconcile path: from a request to the API to objects in a cluster.

mod burst;
mod chain;
mod fanout;
mod fixture;
mod fleet;
mod floor;
mod latency;
mod page;
mod records;
mod restart;
mod sightings;
mod unreachable;

use std::time::Duration;

use anyhow::Result;

use crate::report::Report;

/// How much is measured.
#[derive(Clone, Debug, clap::Args)]
pub struct Sizes {
    /// Samples of each latency.
    #[arg(long, default_value_t = 100)]
    pub samples: usize,
    /// Gateway instances that are there already when a change is measured.
    #[arg(long, default_value_t = 1000)]
    pub full: usize,
    /// Gateway instances made at once, one run for each number; the targets are for 1000.
    #[arg(long, value_delimiter = ',', default_values_t = [250, 500, 1000, 2000])]
    pub bursts: Vec<usize>,
    /// Instances of the one definition that is changed.
    #[arg(long, default_value_t = 500)]
    pub fanout: usize,
    /// Clusters, those that don't answer among them.
    #[arg(long, default_value_t = 100)]
    pub runtimes: usize,
    /// How many of them don't answer.
    #[arg(long, default_value_t = 10)]
    pub unreachable: usize,
    /// Gateway instances in each.
    #[arg(long, default_value_t = 20)]
    pub per_runtime: usize,
    /// Records when the workers are started anew.
    #[arg(long, default_value_t = 10_000)]
    pub settled: usize,
    /// Seconds of doing nothing.
    #[arg(long, default_value_t = 60)]
    pub idle: u64,
    /// Clusters of which nothing is asked, one run for each number, the smallest first.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 500, 2000])]
    pub fleet: Vec<usize>,
    /// Gateways of the whole chain, with HTTP and with HTTPS so many each.
    #[arg(long, default_value_t = 20)]
    pub chain: usize,
    /// Which cases: any of a, b, d, e, f, h, i, j. (c belongs to a, g to f.)
    #[arg(long, value_delimiter = ',', default_values_t = ['a', 'b', 'd', 'e', 'f', 'h', 'i', 'j'])]
    pub cases: Vec<char>,
}

/// Measures everything that was asked for.
///
/// # Errors
/// When something fails; what was measured until then is in the report.
pub async fn run(report: &mut Report, sizes: &Sizes) -> Result<()> {
    for case in &sizes.cases {
        match case {
            'a' => latency::run(report, sizes).await?,
            'b' => burst::run(report, sizes).await?,
            'd' => fanout::run(report, sizes).await?,
            'e' => unreachable::run(report, sizes).await?,
            'f' => restart::run(report, sizes).await?,
            'h' => fleet::run(report, sizes).await?,
            'i' => chain::run(report, sizes).await?,
            'j' => page::run(report, sizes).await?,
            other => anyhow::bail!("no case {other}: there are a, b, d, e, f, h, i and j"),
        }
    }
    Ok(())
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn per_second(count: usize, duration: Duration) -> f64 {
    count as f64 / duration.as_secs_f64()
}

fn sorted(samples: &[Duration]) -> Vec<f64> {
    let mut sorted: Vec<f64> = samples.iter().copied().map(milliseconds).collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}
