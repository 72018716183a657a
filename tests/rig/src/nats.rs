//! NATS, for wake-up hints only: no JetStream, nothing kept.

use std::{path::Path, time::Duration};

use anyhow::Result;
use nix::sys::signal::Signal;

use crate::{
    net::{accepts, free_port},
    process::{Process, ProcessSpec},
    tools::Tools,
};

const READY_WITHIN: Duration = Duration::from_secs(30);

/// A NATS server that can be stopped and started again on the same port.
///
/// Tests of an outage start one of their own, so that they don't disturb others.
#[derive(Debug)]
pub struct Nats {
    tools: Tools,
    logs: std::path::PathBuf,
    port: u16,
    arguments: Vec<String>,
    process: Process,
}

impl Nats {
    /// Starts a server on a free port of loopback; its log is written to `logs`.
    ///
    /// # Errors
    /// When it can't be started or doesn't accept connections in time.
    pub async fn start(tools: &Tools, logs: &Path) -> Result<Self> {
        Self::start_with(tools, logs, &[]).await
    }

    /// The same with more arguments, such as a login that clients must have.
    ///
    /// # Errors
    /// As [`Nats::start`].
    pub async fn start_with(tools: &Tools, logs: &Path, arguments: &[&str]) -> Result<Self> {
        let port = free_port()?;
        let arguments: Vec<_> = arguments.iter().map(|word| (*word).to_owned()).collect();
        let process = start(tools, logs, port, &arguments).await?;
        Ok(Self { tools: tools.clone(), logs: logs.to_owned(), port, arguments, process })
    }

    /// The address for clients.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Its port on loopback.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// The server's process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// How it ended, if it has although nobody stopped it.
    pub(crate) fn ended(&self) -> Option<String> {
        self.process.ended()
    }

    /// Ends the server at once, as a crash would.
    pub async fn stop(&self) {
        self.process.stop(Signal::SIGKILL, Duration::from_secs(5)).await;
    }

    /// Starts it again on the same port, if it is stopped.
    ///
    /// # Errors
    /// As [`Nats::start`].
    pub async fn start_again(&mut self) -> Result<()> {
        if !self.process.is_running() {
            self.process = start(&self.tools, &self.logs, self.port, &self.arguments).await?;
        }
        Ok(())
    }
}

async fn start(tools: &Tools, logs: &Path, port: u16, arguments: &[String]) -> Result<Process> {
    let process = ProcessSpec::new("nats", tools.program("nats-server")?, logs)
        .args(["--addr", "127.0.0.1", "--port", &port.to_string()])
        .args(arguments)
        .start()
        .await?;
    process.ready(READY_WITHIN, || accepts(port)).await?;
    Ok(process)
}
