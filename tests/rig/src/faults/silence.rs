//! A server that takes every request and never answers: an admission webhook that hangs.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Result;
use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::{io, net::TcpListener, task::JoinHandle};

use super::answers::acceptor;
use crate::pki::Pki;

/// The server. It ends with this value.
#[derive(Debug)]
pub struct Silence {
    url: String,
    ca: String,
    calls: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

impl Silence {
    /// Listens on a free port. `dir` takes its certificates.
    ///
    /// # Errors
    /// When it can't be started.
    pub async fn start(dir: &Path) -> Result<Self> {
        let pki = Pki::create(dir)?;
        let (acceptor, listener) = (acceptor(&pki)?, TcpListener::bind("127.0.0.1:0").await?);
        let (url, calls) = (format!("https://{}", listener.local_addr()?), Arc::<AtomicUsize>::default());
        let counted = calls.clone();
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, calls) = (acceptor.clone(), counted.clone());
                tokio::spawn(async move {
                    if let Ok(mut stream) = acceptor.accept(stream).await {
                        calls.fetch_add(1, Ordering::Relaxed);
                        // Until the caller gives up.
                        let _ = io::copy(&mut stream, &mut io::sink()).await;
                    }
                });
            }
        });
        Ok(Self { url, ca: STANDARD.encode(pki.ca()), calls, server })
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

    /// How many connections were made.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        self.server.abort();
    }
}
