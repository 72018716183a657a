//! The main use case from end to end on the rig: everything is started, a workload with a gateway and a domain name is made
//! through the API, and every step is shown as its condition turns True. `up` then stays. `demo` checks the result with
//! kubectl, has things go wrong as the README shows it ([`page`]), deletes everything, and checks again. With KUBECONFIG set, `up` uses that cluster ([`own`]).

mod check;
mod curl;
mod demo;
mod own;
mod page;
mod sample;
mod view;

use std::process::ExitCode;

use anyhow::Result;
use causeway_rig::terminal::{Signals, exit_code, start_logging};
use clap::{Parser, Subcommand};
use own::{Own, OwnCluster};

/// Where the API answers by default, as Threeport's does.
const PORT: u16 = 1323;

/// Causeway on this machine, with a sample.
#[derive(Debug, Parser)]
#[command(name = "causeway-demo", version)]
struct Arguments {
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Start everything and the sample, and keep it running until Ctrl-C. With KUBECONFIG the sample goes to that cluster, once a person has agreed, or
    /// with YES=1.
    Up {
        /// Where the API answers; 0: a free port.
        #[arg(long, default_value_t = PORT)]
        port: u16,
    },
    /// Start everything and the sample, check it, delete it through the API, check that too.
    Demo,
}

#[tokio::main]
async fn main() -> ExitCode {
    start_logging();
    let done = match Arguments::parse().command {
        Action::Up { port } => up(port).await,
        Action::Demo => demo::demo().await.map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        eprintln!("causeway-demo: {error:#}");
        ExitCode::FAILURE
    })
}

async fn up(port: u16) -> Result<ExitCode> {
    let cluster = OwnCluster::from_env()?;
    // Before signals are listened for: Ctrl-C is an answer, too.
    cluster.as_ref().map_or(Ok(()), OwnCluster::ask)?;
    let mut signals = Signals::new()?;
    if let Some(cluster) = cluster {
        let own = tokio::select! {
            own = Own::start(port) => own?,
            signal = signals.next() => return Ok(exit_code(signal)),
        };
        tokio::select! {
            () = cluster.install(&own) => {}
            _ = signals.next() => eprintln!("\ninterrupted; the next Ctrl-C ends everything here"),
        }
        cluster.print_removal(&own).await?;
        signals.next().await;
        own.stop().await;
        return Ok(ExitCode::SUCCESS);
    }
    let up = tokio::select! {
        up = demo::up(port) => up?,
        // Every program that was started ends with this process.
        signal = signals.next() => return Ok(exit_code(signal)),
    };
    signals.next().await;
    up.stop().await;
    Ok(ExitCode::SUCCESS)
}
