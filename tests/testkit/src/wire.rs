//! One request over one connection.

use std::sync::Arc;

use anyhow::{Context, Result};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, pki_types::ServerName},
};

use crate::answer::Answer;

/// Path and query as they are sent: what a URL can't hold is percent-encoded, as in every client.
pub(crate) fn target(address: &str, path: &str) -> Result<String> {
    let url = reqwest::Url::parse(&format!("http://{address}{path}"))?;
    Ok(url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path())))
}

/// Sends a request to `host:port`, over TLS or not, and reads the whole answer.
pub(crate) async fn exchange(
    address: &str,
    tls: Option<&Arc<ClientConfig>>,
    request: Request<Full<Bytes>>,
) -> Result<Answer> {
    let stream = TcpStream::connect(address).await?;
    let Some(config) = tls else { return over(stream, request).await };
    let (host, _) = address.split_once(':').context("an address has a port")?;
    let name = ServerName::try_from(host.to_owned())?;
    let stream = TlsConnector::from(config.clone()).connect(name, stream).await?;
    let presented = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let certificate = presented.map(|certificate| certificate.clone().into_owned());
    Ok(Answer { certificate, ..over(stream, request).await? })
}

async fn over(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Answer> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let (head, body) = response.into_parts();
    let bytes = body.collect().await?.to_bytes();
    connection.abort();
    Ok(Answer::new(head.status.as_u16(), head.headers, String::from_utf8_lossy(&bytes).into_owned()))
}
