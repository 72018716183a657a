//! The client of Causeway's API: JSON in, JSON out, over plain HTTP or TLS, with a client certificate, a token, both or neither.
//!
//! It is built on hyper and opens a connection for every request: a kept connection would end with the runtime that opened
//! it, and tests that share a client have a runtime each. Tests of TLS also need what reqwest doesn't offer here: the
//! server's certificate, and rustls with the provider of the caller.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use http::{Method, Request, header};
use http_body_util::Full;
use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::rustls::{
    ClientConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use crate::{
    answer::{Answer, condition, is_true},
    wait::{INSTALLED, pause},
    wire,
};

/// How long an answer may take: longer than the API takes for one, which says itself that it gives up.
const ANSWERED_WITHIN: Duration = Duration::from_secs(150);
const JSON: (&str, &str) = ("content-type", "application/json");

/// A certificate with its key, both in PEM.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

/// Talks to one API as one caller.
#[derive(Clone, Debug)]
pub struct ApiClient {
    /// `host:port`.
    address: String,
    tls: Option<Arc<ClientConfig>>,
    /// The value of the header `Authorization`.
    authorization: Option<String>,
}

impl ApiClient {
    /// A client of the API at `http://host:port`.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self { address: url.trim_start_matches("http://").to_owned(), tls: None, authorization: None }
    }

    /// A client of the API at `https://host:port`, with a client certificate or without. The server's certificate must
    /// lead to `authority`, in PEM.
    ///
    /// # Errors
    /// When something is no PEM.
    pub fn tls(url: &str, authority: &str, credential: Option<&Credential>) -> Result<Self> {
        let config = ClientConfig::builder().with_root_certificates(wire::roots(authority)?);
        let config = match credential {
            None => config.with_no_client_auth(),
            Some(credential) => config.with_client_auth_cert(
                CertificateDer::pem_slice_iter(credential.certificate.as_bytes()).collect::<Result<_, _>>()?,
                PrivateKeyDer::from_pem_slice(credential.key.as_bytes())?,
            )?,
        };
        let address = url.trim_start_matches("https://").to_owned();
        Ok(Self { address, tls: Some(config.into()), authorization: None })
    }

    /// The same client with an access token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        self.with_authorization(&format!("Bearer {token}"))
    }

    /// The same client with any value of `Authorization`.
    #[must_use]
    pub fn with_authorization(&self, value: &str) -> Self {
        Self { authorization: Some(value.to_owned()), ..self.clone() }
    }

    /// Makes a record and returns it.
    ///
    /// # Errors
    /// When the API refuses: the message has its sentence.
    pub async fn create(&self, plural: &str, body: &Value) -> Result<Value> {
        self.expect(Method::POST, &format!("/v0/{plural}"), Some(body), 201).await
    }

    /// Changes a record and returns it.
    ///
    /// # Errors
    /// When the API refuses.
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

    /// Requests a record's deletion.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn delete(&self, plural: &str, id: i64) -> Result<Value> {
        self.expect(Method::DELETE, &format!("/v0/{plural}/{id}"), None, 200).await
    }

    /// Requests a record's deletion, and waits until it answers 404.
    ///
    /// # Errors
    /// As [`ApiClient::delete`] and [`ApiClient::until_gone`].
    pub async fn delete_and_wait(&self, plural: &str, id: i64, deadline: Duration) -> Result<()> {
        self.delete(plural, id).await?;
        self.until_gone(plural, id, deadline).await
    }

    /// All records that a query selects.
    ///
    /// # Errors
    /// When the API refuses.
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

    /// `GET path`, whatever the answer says.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn try_get(&self, path: &str) -> Result<Answer> {
        self.send(Method::GET, path, None).await
    }

    /// Requests a new record, whatever the answer says.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn try_create(&self, plural: &str, body: &Value) -> Result<Answer> {
        self.send(Method::POST, &format!("/v0/{plural}"), Some(body)).await
    }

    /// Requests a record's deletion, whatever the answer says.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn try_delete(&self, plural: &str, id: i64) -> Result<Answer> {
        self.send(Method::DELETE, &format!("/v0/{plural}/{id}"), None).await
    }

    /// Any request with a JSON body or without a body.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        match body {
            Some(body) => self.send_text(method, path, body.to_string()).await,
            None => self.send_raw(method, path, &[], "").await,
        }
    }

    /// A request whose body is called JSON, whatever it is.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn send_text(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Result<Answer> {
        self.send_raw(method, path, &[JSON], body).await
    }

    /// A request with these headers and this body, whatever they hold.
    ///
    /// # Errors
    /// When nobody answers, or the request is none of HTTP.
    pub async fn send_raw(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer> {
        let mut request = Request::builder()
            .method(method)
            .uri(wire::target(&self.address, path)?)
            .header(header::HOST, &self.address);
        if let Some(value) = &self.authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept")) {
            request = request.header(header::ACCEPT, "*/*");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into()))?;
        timeout(ANSWERED_WITHIN, wire::exchange(&self.address, self.tls.as_ref(), request))
            .await
            .context("no answer in time")?
    }

    /// Reads a record until `check` says that it is as wanted, and returns it.
    ///
    /// # Errors
    /// After `deadline`, with the record in the message, or when the record can't be read.
    pub async fn until(
        &self,
        plural: &str,
        id: i64,
        deadline: Duration,
        check: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let begun = Instant::now();
        loop {
            let record = self.get(plural, id).await?;
            if check(&record) {
                return Ok(record);
            }
            if begun.elapsed() >= deadline {
                bail!("{plural}/{id} is not as wanted after {deadline:?}: {record:#}");
            }
            sleep(pause(begun.elapsed())).await;
        }
    }

    /// Waits until a record is `Reconciled` and its condition `Ready` is True, and returns it.
    ///
    /// # Errors
    /// As [`ApiClient::until`].
    pub async fn until_ready(&self, plural: &str, id: i64, deadline: Duration) -> Result<Value> {
        self.until(plural, id, deadline, |record| record["Reconciled"] == true && is_true(record, "Ready")).await
    }

    /// Pauses a record, and waits until no reconcile that began before can change anything any more.
    ///
    /// # Errors
    /// When the API refuses, or as [`ApiClient::until`].
    pub async fn pause(&self, plural: &str, id: i64) -> Result<()> {
        self.patch(plural, id, &json!({"InterruptReconciliation": true})).await?;
        self.until(plural, id, INSTALLED, |record| condition(record, "Paused").is_some()).await.map(drop)
    }

    /// Has a paused record go on.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn go_on(&self, plural: &str, id: i64) -> Result<()> {
        self.patch(plural, id, &json!({"InterruptReconciliation": false})).await.map(drop)
    }

    /// Waits until a record answers 404.
    ///
    /// # Errors
    /// After `deadline`, with the record in the message.
    pub async fn until_gone(&self, plural: &str, id: i64, deadline: Duration) -> Result<()> {
        let begun = Instant::now();
        loop {
            let answer = self.try_get(&format!("/v0/{plural}/{id}")).await?;
            if answer.code == 404 {
                return Ok(());
            }
            if begun.elapsed() >= deadline {
                bail!("{plural}/{id} is still there after {deadline:?}: {:#}", answer.record());
            }
            sleep(pause(begun.elapsed())).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Router, extract::Request, routing::any};

    /// An API that says what it was asked.
    async fn echo() -> ApiClient {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let echo = async |request: Request| {
            let text = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            let heads = [text("accept"), text("content-type"), text("authorization")];
            serde_json::json!([request.method().as_str(), request.uri().to_string(), heads]).to_string()
        };
        tokio::spawn(axum::serve(listener, Router::new().fallback(any(echo))).into_future());
        ApiClient::new(&url)
    }

    #[tokio::test]
    async fn requests_are_sent_as_they_are_and_paths_are_encoded() {
        let client = echo().await.with_token("secret");
        let answer = client.send(Method::GET, "/v0/events?name=a b", None).await.unwrap();
        let heads = serde_json::json!(["*/*", null, "Bearer secret"]);
        assert_eq!(answer.body, serde_json::json!(["GET", "/v0/events?name=a%20b", heads]));
        let answer = client.send_raw(Method::PUT, "/x", &[("Accept", "a/b"), JSON], "{}").await.unwrap();
        let heads = serde_json::json!(["a/b", "application/json", "Bearer secret"]);
        assert_eq!((answer.code, answer.body), (200, serde_json::json!(["PUT", "/x", heads])));
    }

    #[tokio::test]
    async fn nobody_answers() {
        assert!(ApiClient::new("http://127.0.0.1:1").try_get("/version").await.is_err());
    }
}
