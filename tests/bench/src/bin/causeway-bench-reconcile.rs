//! Measures the reconcile path: run it below `causeway-rig run --extra-clusters 1 -- …`, as `make bench` does.

use std::path::PathBuf;

use anyhow::Result;
use causeway_bench::{
    reconcile::{self, Sizes},
    report::Report,
};
use clap::Parser;

/// The reconcile path beside plain applies.
#[derive(Debug, Parser)]
#[command(name = "causeway-bench-reconcile", version)]
struct Arguments {
    /// Where the results go.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    #[command(flatten)]
    sizes: Sizes,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut report = Report::default();
    let done = reconcile::run(&mut report, &arguments.sizes).await;
    println!("{}", report.table());
    report.write(&arguments.out, "reconcile")?;
    done
}
