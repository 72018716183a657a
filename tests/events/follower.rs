//! A client that follows events and goes on where it was.

use std::time::Duration;

use reqwest::{Client, Response, header::ACCEPT};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

/// A stream that says nothing for longer than its heartbeats is dead.
const SILENT: Duration = Duration::from_secs(40);
/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(20);
/// How long an API may be away.
const AWAY: Duration = Duration::from_secs(90);

/// One stream of lines of JSON.
pub(crate) struct Lines {
    response: Response,
    buffer: Vec<u8>,
}

impl Lines {
    /// Opens a stream; `query` begins with `?`, or is empty.
    pub(crate) async fn open(url: &str, query: &str) -> Result<Self, String> {
        Self::open_with(url, query, None).await
    }

    /// The same with an access token.
    pub(crate) async fn open_with(url: &str, query: &str, token: Option<&str>) -> Result<Self, String> {
        let request = Client::new().get(format!("{url}/v0/watch{query}")).header(ACCEPT, "application/x-ndjson");
        let request = token.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth);
        let response = request.send().await.map_err(|error| error.to_string())?;
        match response.status().as_u16() {
            200 => Ok(Self { response, buffer: vec![] }),
            code => Err(format!("{code}: {}", response.text().await.unwrap_or_default())),
        }
    }

    /// A header of the answer.
    pub(crate) fn header(&self, name: &str) -> String {
        self.response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    }

    /// The next line; None: the stream has ended. An error: it broke off.
    pub(crate) async fn next(&mut self) -> Result<Option<Value>, String> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return serde_json::from_slice(&line).map(Some).map_err(|error| format!("{error}: {line:?}"));
            }
            match timeout(SILENT, self.response.chunk()).await {
                Err(_) => return Err("the stream is silent".into()),
                Ok(Err(error)) => return Err(error.to_string()),
                Ok(Ok(None)) => return Ok(None),
                Ok(Ok(Some(chunk))) => self.buffer.extend_from_slice(&chunk),
            }
        }
    }

    /// Everything until the stream ends.
    pub(crate) async fn rest(&mut self) -> Result<Vec<Value>, String> {
        let mut all = vec![];
        while let Some(line) = self.next().await? {
            all.push(line);
        }
        Ok(all)
    }
}

/// Whether a line is about a record.
pub(crate) fn is_event(line: &Value) -> bool {
    !matches!(line["Type"].as_str(), Some("position" | "reset"))
}

/// The number in a position.
pub(crate) fn number(line: &Value) -> i64 {
    line["Position"].as_str().unwrap().split_once('-').unwrap().1.parse().unwrap()
}

/// What a client remembers from one stream to the next.
#[derive(Debug, Default)]
pub(crate) struct Follower {
    /// Where it was.
    pub(crate) position: String,
    /// Every event that it got, in their order.
    pub(crate) seen: Vec<Value>,
    /// Why it had to list again.
    pub(crate) resets: Vec<String>,
    /// How often it had to connect.
    pub(crate) connections: usize,
}

impl Follower {
    /// Begins where an API is now.
    pub(crate) async fn begin(url: &str) -> Self {
        let position = Lines::open(url, "?wait=0").await.unwrap().header("causeway-position");
        assert!(!position.is_empty());
        Self { position, ..Self::default() }
    }

    /// Follows until `enough`, however often the stream breaks off.
    pub(crate) async fn follow(&mut self, url: &str, query: &str, enough: impl Fn(&Self) -> bool) {
        let mut away = Instant::now();
        while !enough(self) {
            assert!(away.elapsed() < AWAY, "no stream for {AWAY:?}");
            let Ok(mut lines) = Lines::open(url, &format!("?since={}{query}", self.position)).await else {
                sleep(PAUSE).await;
                continue;
            };
            self.connections += 1;
            while !enough(self) {
                // However it ends, it goes on from where it was.
                let Ok(Some(line)) = lines.next().await else { break };
                away = Instant::now();
                self.take(line);
            }
        }
    }

    /// Reads all that is committed by now.
    pub(crate) async fn catch_up(&mut self, url: &str, query: &str) {
        self.try_catch_up(url, query).await.unwrap();
    }

    /// The same from an API that may not answer yet. After an error it is where it was.
    pub(crate) async fn try_catch_up(&mut self, url: &str, query: &str) -> Result<(), String> {
        let mut lines = Lines::open(url, &format!("?since={}&wait=0{query}", self.position)).await?;
        for line in lines.rest().await? {
            self.take(line);
        }
        Ok(())
    }

    fn take(&mut self, line: Value) {
        self.position = line["Position"].as_str().unwrap().to_owned();
        if is_event(&line) {
            self.seen.push(line);
        } else if line["Type"] == "reset" {
            self.resets.push(line["Reason"].as_str().unwrap().to_owned());
        }
    }
}
