//! Starts the rig: `causeway-rig run -- cargo test` runs a command on it.

use std::{
    ffi::OsString,
    io::IsTerminal,
    path::PathBuf,
    process::{ExitCode, Stdio},
};

use anyhow::{Context, Result};
use causeway_rig::{Options, Rig, SANDBOX_COMMAND, Sandbox, VARIABLE, tools::Tools};
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// The real parts that Causeway is developed and tested against.
#[derive(Debug, Parser)]
#[command(name = "causeway-rig", version)]
struct Arguments {
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Build every tool that is not in the cache yet.
    Tools,
    /// Run a controller inside of namespaces of its own. The rig calls itself with this.
    #[command(name = SANDBOX_COMMAND, hide = true)]
    Sandbox {
        /// The file that says what to run.
        file: PathBuf,
    },
    /// Start everything, run a command on it, stop everything, and end with the command's exit code.
    Run {
        /// Clusters beside the main one: bare control planes without nodes.
        #[arg(long, default_value_t = 0)]
        extra_clusters: usize,
        /// The command. It finds the rig through the environment variable CAUSEWAY_RIG.
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    start_logging();
    let done = match Arguments::parse().command {
        Action::Tools => Tools::build().map(|_| ExitCode::SUCCESS),
        Action::Sandbox { file } => Sandbox::run(&file).await,
        Action::Run { extra_clusters, command } => run(Options { extra_clusters }, &command).await,
    };
    done.unwrap_or_else(|error| {
        eprintln!("causeway-rig: {error:#}");
        ExitCode::FAILURE
    })
}

async fn run(options: Options, command: &[OsString]) -> Result<ExitCode> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let rig = tokio::select! {
        rig = Rig::start(options) => rig?,
        // What has been started dies with this process.
        _ = interrupt.recv() => return Ok(ExitCode::from(130)),
        _ = terminate.recv() => return Ok(ExitCode::from(143)),
    };
    let code = tokio::select! {
        code = execute(command, &rig) => code,
        _ = interrupt.recv() => Ok(ExitCode::from(130)),
        _ = terminate.recv() => Ok(ExitCode::from(143)),
    };
    rig.stop().await;
    code
}

async fn execute(command: &[OsString], rig: &Rig) -> Result<ExitCode> {
    let (program, arguments) = command.split_first().context("no command given")?;
    let status = tokio::process::Command::new(program)
        .args(arguments)
        .env(VARIABLE, rig.endpoints_file())
        .stdin(Stdio::inherit())
        .kill_on_drop(true)
        .status()
        .await
        .with_context(|| format!("can't run {}", program.display()))?;
    Ok(ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)))
}

/// Messages of the rig itself go to stderr; `CAUSEWAY_LOG` sets a filter as RUST_LOG does.
fn start_logging() {
    // The Kubernetes client reports every refused connection while a server starts.
    let default = "causeway_rig=info,kube_client=off,error";
    let filter = EnvFilter::try_from_env("CAUSEWAY_LOG").unwrap_or_else(|_| default.into());
    let terminal = std::io::stderr().is_terminal();
    let messages = tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(terminal).with_target(false);
    messages.without_time().with_env_filter(filter).init();
}
