//! Measures the API beside the same work written by hand, as `make bench-api` does. It starts what it needs.

use std::path::PathBuf;

use anyhow::{Result, bail};
use causeway_api::config::ServeSettings;
use causeway_bench::{
    report::Report,
    serving::{self, Sizes},
};
use clap::{Parser, Subcommand};
use tokio::runtime::Builder;

// The hand-written server has the same allocator as the API.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The API beside hand-written SQL.
#[derive(Debug, Parser)]
#[command(name = "causeway-bench-api", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    /// Where the results go.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    #[command(flatten)]
    sizes: Sizes,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Be the hand-written server; the benchmark starts itself so.
    #[command(hide = true)]
    Floor(Box<ServeSettings>),
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        bail!("a TLS provider is installed already");
    }
    match arguments.part {
        Some(Part::Floor(settings)) => {
            Builder::new_multi_thread().enable_all().build()?.block_on(serving::floor::serve(*settings))
        }
        // The load comes from one thread, so that it leaves the other processors to what is measured.
        None => Builder::new_current_thread().enable_all().build()?.block_on(async {
            let mut report = Report::default();
            let done = serving::run(&mut report, &arguments.sizes).await;
            println!("{}", report.table());
            report.write(&arguments.out, "api")?;
            done
        }),
    }
}
