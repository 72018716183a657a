//! The main use case from end to end on the rig: everything is started, a workload with a gateway and a domain name is made
//! through the API, and every step is shown as its condition turns True. `up` then stays. `demo` checks the result with
//! kubectl, deletes it, and checks again.

mod check;
mod curl;
mod demo;
mod sample;
mod view;

use std::process::ExitCode;

use anyhow::Result;
use causeway_rig::terminal::{Signals, exit_code, start_logging};
use clap::{Parser, Subcommand};

/// Causeway on this machine, with a sample.
#[derive(Debug, Parser)]
#[command(name = "causeway-demo", version)]
struct Arguments {
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Start everything and the sample, and keep it running until Ctrl-C.
    Up,
    /// Start everything and the sample, check it, delete it through the API, check that too.
    Demo,
}

#[tokio::main]
async fn main() -> ExitCode {
    start_logging();
    let done = match Arguments::parse().command {
        Action::Up => up().await,
        Action::Demo => demo::demo().await.map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        eprintln!("causeway-demo: {error:#}");
        ExitCode::FAILURE
    })
}

async fn up() -> Result<ExitCode> {
    let mut signals = Signals::new()?;
    let up = tokio::select! {
        up = demo::up() => up?,
        // Every program that was started ends with this process.
        signal = signals.next() => return Ok(exit_code(signal)),
    };
    signals.next().await;
    up.stop().await;
    Ok(ExitCode::SUCCESS)
}
