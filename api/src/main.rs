//! The program `causeway-api`. What it can do is in `commands`.

use anyhow::bail;
use causeway_api::commands::{self, Cli};
use clap::Parser;

// Half of what a request costs is small allocations; glibc's allocator makes all of it a tenth slower.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let _armed = causeway_failpoints::arm_from_environment();
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        bail!("a TLS provider is installed already");
    }
    commands::run(cli.command).await
}
