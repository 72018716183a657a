//! Toxiproxy: a network between two programs that is slow, silent, cut off or gone, as a test says.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    net::{accepts, free_port},
    process::{Process, ProcessSpec},
    tools::Tools,
};

const READY_WITHIN: Duration = Duration::from_secs(30);

/// A Toxiproxy server. It ends with this process.
#[derive(Debug)]
pub struct Network {
    process: Process,
    url: String,
    client: reqwest::Client,
}

/// A way through it: connections to its port lead to another one.
#[derive(Clone, Debug)]
pub struct Proxy {
    name: String,
    port: u16,
    url: String,
    client: reqwest::Client,
}

/// What is wrong with a way.
#[derive(Clone, Copy, Debug)]
pub enum Toxic {
    /// Everything from the server comes so much later.
    Latency(Duration),
    /// Nothing from the server arrives any more; connections stay open.
    Silence,
    /// The client's requests arrive nowhere; connections stay open.
    Deafness,
    /// Connections are reset by the server at once.
    Reset,
    /// Connections end after so many bytes from the server, in the middle of an answer.
    CutAfter(u64),
}

impl Network {
    /// Starts a server on a free port of loopback.
    ///
    /// # Errors
    /// When it can't be started.
    pub async fn start(tools: &Tools, logs: &Path) -> Result<Self> {
        let port = free_port()?;
        let process = ProcessSpec::new("toxiproxy", tools.program("toxiproxy")?, logs)
            .args(["-host", "127.0.0.1", "-port", &port.to_string()])
            .start()
            .await?;
        process.ready(READY_WITHIN, || accepts(port)).await?;
        Ok(Self { process, url: format!("http://127.0.0.1:{port}"), client: reqwest::Client::new() })
    }

    /// A new way to a port of loopback, healthy.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn proxy(&self, name: &str, to: u16) -> Result<Proxy> {
        let port = free_port()?;
        let body = json!({"name": name, "listen": format!("127.0.0.1:{port}"), "upstream": format!("127.0.0.1:{to}")});
        let sent = self.client.post(format!("{}/proxies", self.url)).json(&body).send().await?;
        sent.error_for_status().with_context(|| format!("Toxiproxy makes no proxy {name}"))?;
        let url = format!("{}/proxies/{name}", self.url);
        Ok(Proxy { name: name.to_owned(), port, url, client: self.client.clone() })
    }

    /// Ends the server.
    pub async fn stop(&self) {
        self.process.stop(Signal::SIGTERM, Duration::from_secs(5)).await;
    }
}

impl Proxy {
    /// What errors call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Refuses connections and ends those that are open, or accepts them again.
    ///
    /// # Errors
    /// When the server doesn't answer.
    pub async fn set_open(&self, open: bool) -> Result<()> {
        self.client.post(&self.url).json(&json!({"enabled": open})).send().await?.error_for_status()?;
        Ok(())
    }

    /// Does something to every connection, those that are open too. The same again, while it lasts, changes nothing.
    ///
    /// # Errors
    /// When the server doesn't answer.
    pub async fn poison(&self, toxic: Toxic) -> Result<()> {
        let answer = self.client.post(format!("{}/toxics", self.url)).json(&toxic.body()).send().await?;
        if answer.status() != StatusCode::CONFLICT {
            answer.error_for_status()?;
        }
        Ok(())
    }

    /// Takes all of it away again.
    ///
    /// # Errors
    /// When the server doesn't answer.
    pub async fn heal(&self) -> Result<()> {
        let toxics: Vec<Value> =
            self.client.get(format!("{}/toxics", self.url)).send().await?.error_for_status()?.json().await?;
        for name in toxics.iter().filter_map(|toxic| toxic["name"].as_str()) {
            self.client.delete(format!("{}/toxics/{name}", self.url)).send().await?.error_for_status()?;
        }
        Ok(())
    }
}

impl Toxic {
    fn body(self) -> Value {
        match self {
            Self::Latency(by) => {
                json!({"type": "latency", "stream": "downstream", "attributes": {"latency": by.as_millis()}})
            }
            // A timeout of zero holds data back until the toxic is removed.
            Self::Silence => json!({"type": "timeout", "stream": "downstream", "attributes": {"timeout": 0}}),
            Self::Deafness => json!({"type": "timeout", "stream": "upstream", "attributes": {"timeout": 0}}),
            Self::Reset => json!({"type": "reset_peer", "stream": "downstream", "attributes": {"timeout": 0}}),
            Self::CutAfter(bytes) => {
                json!({"type": "limit_data", "stream": "downstream", "attributes": {"bytes": bytes}})
            }
        }
    }
}
