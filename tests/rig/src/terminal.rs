//! What the programs that start a rig have in common at their terminal: signals, exit codes, messages.

use std::{io::IsTerminal, process::ExitCode};

use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use tokio::signal::unix::{self, SignalKind};
use tracing_subscriber::EnvFilter;

/// The signals by which a terminal or a supervisor ends a program.
pub struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn new() -> Result<Self> {
        let listen = |kind| unix::signal(kind).context("can't listen for signals");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::SIGINT,
            _ = self.terminate.recv() => Signal::SIGTERM,
        }
    }
}

/// The code by which a shell says that a signal ended a program.
#[must_use]
pub fn exit_code(signal: Signal) -> ExitCode {
    ExitCode::from(128 + u8::try_from(signal as i32).unwrap_or(0))
}

/// Messages of the rig itself go to stderr; `CAUSEWAY_LOG` sets a filter as RUST_LOG does.
pub fn start_logging() {
    // The Kubernetes client reports every refused connection while a server starts.
    let default = "causeway_rig=info,kube_client=off,error";
    let filter = EnvFilter::try_from_env("CAUSEWAY_LOG").unwrap_or_else(|_| default.into());
    let terminal = std::io::stderr().is_terminal();
    let messages = tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(terminal).with_target(false);
    messages.without_time().with_env_filter(filter).init();
}
