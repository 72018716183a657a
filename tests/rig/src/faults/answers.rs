//! A proxy before a cluster's API server that gives some answers of its own, or loses the server's.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    serve::Listener as _,
};
use kube::{Client, Config, config::KubeConfigOptions, config::Kubeconfig};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde_json::json;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{endpoints::ClusterEndpoints, pki::Pki};

/// No request of ours is larger.
const MOST_BYTES: usize = 16 << 20;

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The server's own answer.
    Real,
    /// This code, and the server never hears of the request.
    Code(u16),
    /// 504, after the server has done what was asked.
    Lost,
}

/// The proxy. It ends with this process.
#[derive(Debug)]
pub struct Answers {
    cluster: ClusterEndpoints,
    script: Script,
    server: JoinHandle<()>,
}

type Script = Arc<Mutex<VecDeque<Answer>>>;

impl Answers {
    /// A proxy that passes everything on as user `causeway`, whoever asks. `dir` takes its certificates.
    ///
    /// # Errors
    /// When it can't be started.
    pub async fn before(cluster: &ClusterEndpoints, dir: &Path) -> Result<Self> {
        let (listener, ca) = Tls::listen(dir).await?;
        let server = format!("https://{}", listener.local_addr()?);
        let kubeconfig = Kubeconfig::read_from(&cluster.causeway.kubeconfig)?;
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        config.default_retry = false;
        let (client, script) = (Client::try_from(config)?, Script::default());
        let router = Router::new().fallback(answer).with_state((client, script.clone()));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the proxy before an API server ended");
            }
        });
        let cluster = ClusterEndpoints { server, ca, ..cluster.clone() };
        Ok(Self { cluster, script, server: task })
    }

    /// The cluster as it is reached through the proxy.
    #[must_use]
    pub fn cluster(&self) -> &ClusterEndpoints {
        &self.cluster
    }

    /// What becomes of the next requests, in the order in which they come; those after them get the server's own answers.
    pub fn script(&self, answers: impl IntoIterator<Item = Answer>) {
        lock(&self.script).extend(answers);
    }

    /// Forgets the script: all further requests get the server's own answers.
    pub fn forget(&self) {
        lock(&self.script).clear();
    }

    /// How many answers of the script are still to be given.
    #[must_use]
    pub fn left(&self) -> usize {
        lock(&self.script).len()
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn lock(script: &Script) -> std::sync::MutexGuard<'_, VecDeque<Answer>> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(State((client, script)): State<(Client, Script)>, request: Request) -> Response {
    let next = lock(&script).pop_front();
    match next {
        Some(Answer::Code(code)) => status(code),
        Some(Answer::Lost) => {
            let done = pass_on(&client, request).await;
            tracing::debug!(code = done.status().as_u16(), "an answer is lost");
            status(504)
        }
        Some(Answer::Real) | None => pass_on(&client, request).await,
    }
}

/// What an API server says with such a code: a Status that is about no object.
fn status(code: u16) -> Response {
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let said = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code.as_u16(),
        "message": "made up by a test", "reason": "",
    });
    let mut response = (code, axum::Json(said)).into_response();
    if code == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

async fn pass_on(client: &Client, request: Request) -> Response {
    let exchange = async {
        let (mut head, body) = request.into_parts();
        head.headers.remove(header::HOST);
        let body = to_bytes(body, MOST_BYTES).await?;
        let request = http::Request::from_parts(head, kube::client::Body::from(body.to_vec()));
        Ok::<_, anyhow::Error>(client.send(request).await?)
    };
    match exchange.await {
        Ok(response) => {
            let (mut head, body) = response.into_parts();
            head.headers.remove(header::TRANSFER_ENCODING);
            head.headers.remove(header::CONNECTION);
            Response::from_parts(head, Body::new(body))
        }
        Err(error) => (StatusCode::BAD_GATEWAY, format!("{error:#}")).into_response(),
    }
}

/// A listener whose connections speak TLS. A handshake that fails concerns only its client.
pub(crate) struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Tls {
    /// On a free port of loopback, with certificates in `dir`; and their authority.
    pub(super) async fn listen(dir: &Path) -> Result<(Self, String)> {
        let pki = Pki::create(dir)?;
        Ok((Self::on(TcpListener::bind("127.0.0.1:0").await?, &pki)?, pki.ca()))
    }

    /// With the server certificate of `pki`.
    pub(crate) fn on(listener: TcpListener, pki: &Pki) -> Result<Self> {
        Ok(Self { listener, acceptor: acceptor(pki)? })
    }
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = axum::serve::Listener::accept(&mut self.listener).await;
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

pub(super) fn acceptor(pki: &Pki) -> Result<TlsAcceptor> {
    let chain = CertificateDer::pem_file_iter(pki.file("server.crt"))?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(pki.file("server.key"))?;
    let config = rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("the proxy's certificate can't be used")?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
