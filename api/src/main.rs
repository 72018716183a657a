//! The program `causeway-api`. What it can do is in `commands`.

use anyhow::bail;
use causeway_api::commands::{self, Cli};
use clap::Parser;

// Half of what a request costs is small allocations; glibc's allocator makes all of it a tenth slower.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Enough for the deepest calls of a build without optimisation, whose frames are large; memory is taken for what is used of it only.
const STACK: usize = 8 << 20;

fn main() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().thread_stack_size(STACK).enable_all().build()?.block_on(run())
}

async fn run() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let _armed = causeway_failpoints::arm_from_environment();
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        bail!("a TLS provider is installed already");
    }
    commands::run(cli.command).await
}
