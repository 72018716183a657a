//! The load: a number of connections that are kept, each of which sends its next request when it has the answer to the last one.
//!
//! All of it runs on one thread, so it takes at most one processor from what it measures, and the same for value and floor.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Bytes,
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinSet,
};
use tokio_rustls::TlsConnector;

use super::asked::Asked;

type Sender = SendRequest<Full<Bytes>>;

/// Where requests go.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// Address.
    pub(super) address: SocketAddr,
    /// The authority's certificate and the token to send, where the server asks for them.
    pub(super) secure: Option<(ClientConfig, String)>,
}

impl Target {
    /// Plain HTTP, no token.
    pub(super) fn plain(address: SocketAddr) -> Self {
        Self { address, secure: None }
    }

    /// TLS with a server certificate of this authority, and an access token.
    ///
    /// # Errors
    /// When the certificate can't be read.
    pub(super) fn secure(address: SocketAddr, authority: &Path, token: &str) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority)?)?;
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Ok(Self { address, secure: Some((config, format!("Bearer {token}"))) })
    }

    async fn connect(&self) -> Result<Sender> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        match &self.secure {
            None => speak(stream).await,
            Some((config, _)) => {
                let name = ServerName::from(self.address.ip());
                speak(TlsConnector::from(Arc::new(config.clone())).connect(name, stream).await?).await
            }
        }
    }
}

async fn speak(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<Sender> {
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

fn request(asked: &Asked, n: u64, target: &Target) -> Result<Request<Full<Bytes>>> {
    let mut request = Request::builder().method(&asked.method).uri((asked.path)(n)).header("host", "localhost");
    if let Some((_, token)) = &target.secure {
        request = request.header("authorization", token);
    }
    Ok(match &asked.body {
        Some(body) => request.header("content-type", "application/json").body(Full::from(body(n))),
        None => request.body(Full::default()),
    }?)
}

/// What a turn has shown.
#[derive(Clone, Debug)]
pub(super) struct Answers {
    /// In a second.
    pub(super) rate: f64,
    /// Time of each in milliseconds, in ascending order.
    pub(super) took: Vec<f64>,
}

/// Connections to one target.
pub(super) struct Connections {
    target: Target,
    senders: Vec<Sender>,
}

/// No two requests of a run have the same number.
static NUMBER: AtomicU64 = AtomicU64::new(0);

impl Connections {
    /// So many.
    ///
    /// # Errors
    /// When the server takes no connection.
    pub(super) async fn open(target: &Target, count: usize) -> Result<Self> {
        let mut senders = vec![];
        for _ in 0..count {
            senders.push(target.connect().await.with_context(|| format!("no connection to {}", target.address))?);
        }
        Ok(Self { target: target.clone(), senders })
    }

    /// Sends requests over all of them for a while.
    ///
    /// # Errors
    /// When an answer has another code than it should, or a connection breaks.
    pub(super) async fn turn(&mut self, asked: &Arc<Asked>, lasts: Duration) -> Result<Answers> {
        let begun = Instant::now();
        let mut tasks = JoinSet::new();
        for sender in self.senders.drain(..) {
            tasks.spawn(ask(sender, asked.clone(), self.target.clone(), begun + lasts));
        }
        let mut took = vec![];
        while let Some(done) = tasks.join_next().await {
            let (sender, own) = done??;
            self.senders.push(sender);
            took.extend(own);
        }
        let rate = took.len() as f64 / begun.elapsed().as_secs_f64();
        took.sort_by(f64::total_cmp);
        Ok(Answers { rate, took })
    }

    /// Sends one request, and returns the answer.
    ///
    /// # Errors
    /// As [`Connections::turn`].
    pub(super) async fn once(&mut self, asked: &Asked) -> Result<Value> {
        let sender = self.senders.first_mut().context("no connection")?;
        let bytes = exchange(sender, asked, &self.target).await?;
        serde_json::from_slice(&bytes).context("the answer is no JSON")
    }
}

async fn ask(mut sender: Sender, asked: Arc<Asked>, target: Target, until: Instant) -> Result<(Sender, Vec<f64>)> {
    let mut took = vec![];
    loop {
        let begun = Instant::now();
        if begun >= until {
            return Ok((sender, took));
        }
        exchange(&mut sender, &asked, &target).await?;
        took.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
}

async fn exchange(sender: &mut Sender, asked: &Asked, target: &Target) -> Result<Bytes> {
    let request = request(asked, NUMBER.fetch_add(1, Ordering::Relaxed), target)?;
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    let code = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    if code != asked.code {
        bail!("{code} instead of {}: {}", asked.code, String::from_utf8_lossy(&body));
    }
    Ok(body)
}
