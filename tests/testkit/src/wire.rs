//! Requests over one connection.

use std::sync::Arc;

use anyhow::{Context, Result};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Bytes,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

use crate::answer::Answer;

/// Path and query as they are sent: what a URL can't hold is percent-encoded, as in every client.
pub(crate) fn target(address: &str, path: &str) -> Result<String> {
    let url = reqwest::Url::parse(&format!("http://{address}{path}"))?;
    Ok(url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path())))
}

/// The authorities in a PEM text.
pub(crate) fn roots(authority: &str) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(authority.as_bytes()) {
        roots.add(root?)?;
    }
    Ok(roots)
}

/// Sends a request to `host:port`, over TLS or not, and reads the whole answer.
pub(crate) async fn exchange(
    address: &str,
    tls: Option<&Arc<ClientConfig>>,
    request: Request<Full<Bytes>>,
) -> Result<Answer> {
    let (host, _) = address.split_once(':').context("an address has a port")?;
    exchange_with(TcpStream::connect(address).await?, tls.map(|config| (config, host)), request).await
}

/// The same over a connection that is there. With TLS, the name is the one that the server is asked to prove.
pub(crate) async fn exchange_with(
    stream: TcpStream,
    tls: Option<(&Arc<ClientConfig>, &str)>,
    request: Request<Full<Bytes>>,
) -> Result<Answer> {
    Connection::open(stream, tls).await?.send(request).await
}

/// A connection for requests one after the other.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    certificate: Option<CertificateDer<'static>>,
    task: JoinHandle<()>,
}

impl Connection {
    /// With TLS, the name is the one that the server is asked to prove.
    pub(crate) async fn open(stream: TcpStream, tls: Option<(&Arc<ClientConfig>, &str)>) -> Result<Self> {
        stream.set_nodelay(true)?;
        let Some((config, host)) = tls else { return Self::over(stream, None).await };
        let stream = encrypt(stream, config.clone(), host).await?;
        let presented = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let certificate = presented.map(|certificate| certificate.clone().into_owned());
        Self::over(stream, certificate).await
    }

    async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        certificate: Option<CertificateDer<'static>>,
    ) -> Result<Self> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // How it ends shows in the answers.
        let task = tokio::spawn(async { drop(connection.await) });
        Ok(Self { sender, certificate, task })
    }

    /// Whether the server has not said that it is the last one.
    pub(crate) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer> {
        self.sender.ready().await?;
        let (head, body) = self.sender.send_request(request).await?.into_parts();
        let text = String::from_utf8_lossy(&body.collect().await?.to_bytes()).into_owned();
        let answer = Answer::new(head.status.as_u16(), head.headers, text);
        Ok(Answer { certificate: self.certificate.clone(), ..answer })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// TLS to a server that proves this name.
pub(crate) async fn encrypt(stream: TcpStream, config: Arc<ClientConfig>, host: &str) -> Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned())?;
    Ok(TlsConnector::from(config).connect(name, stream).await?)
}
