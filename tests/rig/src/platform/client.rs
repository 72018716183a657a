//! A plain client of Causeway's API: JSON in, JSON out.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::Method;
use serde_json::Value;
use tokio::time::Instant;

/// Talks to one API.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    url: String,
}

/// An answer, whatever it says.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status code.
    pub code: u16,
    /// The body; null when it is no JSON.
    pub body: Value,
}

impl Answer {
    /// The sentence of a refusal; empty if it is none.
    #[must_use]
    pub fn error(&self) -> &str {
        self.body["Status"]["error"].as_str().unwrap_or_default()
    }

    /// The first record.
    #[must_use]
    pub fn record(&self) -> &Value {
        &self.body["Data"][0]
    }
}

impl Client {
    /// A client of the API at `http://host:port`.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        // A kept connection ends with the runtime that opened it, and tests that share a client have one each.
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap_or_default();
        Self { http, url: url.into() }
    }

    /// Any request.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        let mut request = self.http.request(method, format!("{}{path}", self.url)).timeout(Duration::from_secs(30));
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let code = response.status().as_u16();
        let body = serde_json::from_slice(&response.bytes().await?).unwrap_or_default();
        Ok(Answer { code, body })
    }

    /// Makes a record and returns it.
    ///
    /// # Errors
    /// When it is refused: the message has the API's sentence.
    pub async fn create(&self, plural: &str, body: &Value) -> Result<Value> {
        self.expect(Method::POST, &format!("/v0/{plural}"), Some(body), 201).await
    }

    /// Changes a record and returns it.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn patch(&self, plural: &str, id: i64, body: &Value) -> Result<Value> {
        self.expect(Method::PATCH, &format!("/v0/{plural}/{id}"), Some(body), 200).await
    }

    /// A record.
    ///
    /// # Errors
    /// When there is none.
    pub async fn get(&self, plural: &str, id: i64) -> Result<Value> {
        self.expect(Method::GET, &format!("/v0/{plural}/{id}"), None, 200).await
    }

    /// Asks for a record's deletion.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn delete(&self, plural: &str, id: i64) -> Result<Value> {
        self.expect(Method::DELETE, &format!("/v0/{plural}/{id}"), None, 200).await
    }

    /// All records that a query selects.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn list(&self, plural: &str, query: &str) -> Result<Vec<Value>> {
        let answer = self.send(Method::GET, &format!("/v0/{plural}?size=-1&{query}"), None).await?;
        if answer.code != 200 {
            bail!("list {plural}: {} {}", answer.code, answer.error());
        }
        Ok(answer.body["Data"].as_array().cloned().unwrap_or_default())
    }

    async fn expect(&self, method: Method, path: &str, body: Option<&Value>, code: u16) -> Result<Value> {
        let answer = self.send(method.clone(), path, body).await?;
        if answer.code != code {
            bail!("{method} {path}: {} {}", answer.code, answer.error());
        }
        Ok(answer.record().clone())
    }

    /// Reads a record until `check` says that it is as wanted.
    ///
    /// # Errors
    /// After `deadline`: the message holds the record's conditions.
    pub async fn until(
        &self,
        plural: &str,
        id: i64,
        deadline: Duration,
        check: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let until = Instant::now() + deadline;
        loop {
            let record = self.get(plural, id).await?;
            if check(&record) {
                return Ok(record);
            }
            if Instant::now() >= until {
                bail!("{plural}/{id} is not as wanted after {deadline:?}: {record:#}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until a record is `Reconciled` and its condition `Ready` is True.
    ///
    /// # Errors
    /// After `deadline`: the message holds the record's conditions.
    pub async fn until_ready(&self, plural: &str, id: i64, deadline: Duration) -> Result<Value> {
        self.until(plural, id, deadline, |record| record["Reconciled"] == true && is_true(record, "Ready")).await
    }

    /// Waits until a record answers 404.
    ///
    /// # Errors
    /// After `deadline`: the message holds the record.
    pub async fn until_gone(&self, plural: &str, id: i64, deadline: Duration) -> Result<()> {
        let until = Instant::now() + deadline;
        loop {
            let answer = self.send(Method::GET, &format!("/v0/{plural}/{id}"), None).await?;
            if answer.code == 404 {
                return Ok(());
            }
            if Instant::now() >= until {
                bail!("{plural}/{id} is still there after {deadline:?}: {:#}", answer.record());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A condition of a record; null if it has none of that type.
#[must_use]
pub fn condition<'a>(record: &'a Value, kind: &str) -> Option<&'a Value> {
    record["Conditions"].as_array()?.iter().find(|condition| condition["Type"] == kind)
}

/// Whether a record's condition is there and True.
#[must_use]
pub fn is_true(record: &Value, kind: &str) -> bool {
    condition(record, kind).is_some_and(|condition| condition["Status"] == "True")
}

/// A record's id.
///
/// # Errors
/// When the value is no record.
pub fn id_of(record: &Value) -> Result<i64> {
    record["ID"].as_i64().with_context(|| format!("no id in {record}"))
}
