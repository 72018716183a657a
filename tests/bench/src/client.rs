//! A client of Causeway's API that keeps its connections, as a program that makes many requests does. The tests' client opens one for each
//! request, which would be measured here.

use anyhow::{Context, Result, bail};
use causeway_testkit::id_of;
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use serde_json::Value;

/// How many requests are made at the same time.
pub const TASKS: usize = 16;

/// Talks to one API.
#[derive(Clone, Debug)]
pub struct KeepAliveClient {
    http: reqwest::Client,
    url: String,
}

impl KeepAliveClient {
    /// A client of the API at `http://host:port`.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { http: reqwest::Client::new(), url: url.into() }
    }

    /// Makes a record and returns its id.
    ///
    /// # Errors
    /// When it is refused: the message has the API's sentence.
    pub async fn create(&self, plural: &str, body: &Value) -> Result<i64> {
        id_of(&self.send(Method::POST, &format!("/v0/{plural}"), Some(body)).await?)
    }

    /// Makes records, [`TASKS`] at a time, and returns their ids in the order of the bodies.
    ///
    /// # Errors
    /// When one is refused.
    pub async fn create_all(&self, plural: &str, bodies: Vec<Value>) -> Result<Vec<i64>> {
        let made = bodies.into_iter().map(|body| async move { self.create(plural, &body).await });
        stream::iter(made).buffered(TASKS).try_collect().await
    }

    /// Changes a record.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn patch(&self, plural: &str, id: i64, body: &Value) -> Result<()> {
        self.send(Method::PATCH, &format!("/v0/{plural}/{id}"), Some(body)).await.map(drop)
    }

    /// A record.
    ///
    /// # Errors
    /// When there is none.
    pub async fn get(&self, plural: &str, id: i64) -> Result<Value> {
        self.send(Method::GET, &format!("/v0/{plural}/{id}"), None).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.with_context(|| format!("{method} {path}"))?;
        let code = response.status();
        let answer: Value = response.json().await.unwrap_or_default();
        if !code.is_success() {
            bail!("{method} {path}: {code} {}", answer["Status"]["error"].as_str().unwrap_or_default());
        }
        Ok(answer["Data"][0].clone())
    }
}
