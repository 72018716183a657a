//! An admission webhook that refuses whatever it is asked about.

use std::path::Path;

use anyhow::Result;
use axum::{Json, Router, serve::Listener};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::answers::Tls;

/// The server. It ends with this value.
#[derive(Debug)]
pub struct Refusal {
    url: String,
    ca: String,
    server: JoinHandle<()>,
}

impl Refusal {
    /// Listens on a free port, and refuses with this sentence. `dir` takes its certificates.
    ///
    /// # Errors
    /// When it can't be started.
    pub async fn start(dir: &Path, sentence: &str) -> Result<Self> {
        let (listener, ca) = Tls::listen(dir).await?;
        let (url, sentence) = (format!("https://{}", listener.local_addr()?), sentence.to_owned());
        let refuse = async move |Json(review): Json<Value>| {
            Json(json!({
                "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
                "response": {"uid": review["request"]["uid"], "allowed": false, "status": {"message": sentence}},
            }))
        };
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, Router::new().fallback(refuse)).await {
                tracing::error!(%error, "the webhook that refuses ended");
            }
        });
        Ok(Self { url, ca: STANDARD.encode(ca), server })
    }

    /// Its `https://` address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The authority of its certificate, as a webhook configuration has it: PEM in base64.
    #[must_use]
    pub fn ca_bundle(&self) -> &str {
        &self.ca
    }
}

impl Drop for Refusal {
    fn drop(&mut self) {
        self.server.abort();
    }
}
