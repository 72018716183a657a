//! A receiver of webhooks, as somebody else would write one: it takes POSTs on loopback, and answers as it is told.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test that can't go on has failed")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::Instant,
};

use crate::within;

/// How a receiver answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// With this code.
    Says(u16),
    /// It takes connections and ends them.
    Hangs,
    /// It takes requests and never answers.
    Silent,
}

/// A request that a receiver got.
#[derive(Clone, Debug)]
pub struct Received {
    /// By names in lower case.
    pub headers: BTreeMap<String, String>,
    /// As it came.
    pub body: String,
    /// When it came.
    pub at: Instant,
    /// How it was answered.
    pub manner: Manner,
}

impl Received {
    /// The body is a CloudEvent.
    #[must_use]
    pub fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// A header; empty: there was none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(String::as_str).unwrap_or_default()
    }
}

#[derive(Debug)]
struct State {
    manner: Manner,
    received: Vec<Received>,
}

/// Listens until it is dropped.
#[derive(Debug)]
pub struct Receiver {
    port: u16,
    state: Arc<Mutex<State>>,
    task: tokio::task::JoinHandle<()>,
}

impl Receiver {
    /// Listens on a free port.
    pub async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State { manner, received: vec![] }));
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, shared.clone()));
            }
        });
        Self { port, state, task }
    }

    /// Where it takes events.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hooks", self.port)
    }

    /// On this port of loopback.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Answers so from now on.
    pub fn answers(&self, manner: Manner) {
        self.state.lock().unwrap().manner = manner;
    }

    /// All requests, in their order.
    #[must_use]
    pub fn all(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }

    /// Those that it has taken.
    #[must_use]
    pub fn taken(&self) -> Vec<Received> {
        self.all().into_iter().filter(|one| matches!(one.manner, Manner::Says(200..=299))).collect()
    }

    /// Waits until `enough` of those that it has taken.
    pub async fn until(&self, what: &str, deadline: u64, enough: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        within(Duration::from_secs(deadline), what, async || {
            let taken = self.taken();
            let shown: Vec<_> = taken.iter().map(|one| one.header("webhook-id").to_owned()).collect();
            if enough(&taken) { Ok(taken) } else { Err(shown) }
        })
        .await
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    if state.lock().unwrap().manner == Manner::Hangs {
        return;
    }
    let Some((headers, body)) = read(&mut stream).await else { return };
    let manner = {
        let mut state = state.lock().unwrap();
        let manner = state.manner;
        state.received.push(Received { headers, body, at: Instant::now(), manner });
        manner
    };
    match manner {
        Manner::Says(code) => {
            let text = format!("HTTP/1.1 {code} Said\r\nConnection: close\r\nContent-Length: 5\r\n\r\nheard");
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        Manner::Hangs => {}
        Manner::Silent => std::future::pending().await,
    }
}

async fn read(stream: &mut TcpStream) -> Option<(BTreeMap<String, String>, String)> {
    let mut bytes = vec![];
    loop {
        let mut buffer = [0; 8192];
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let headers: BTreeMap<_, _> = lines.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        let length: usize = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        if body.len() >= length {
            return Some((headers, body.to_owned()));
        }
    }
}
