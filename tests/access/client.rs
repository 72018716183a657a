//! A client that shows a certificate, a token, both or nothing.

use crate::pki::Credential;
use anyhow::{Context, Result};
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, body::Bytes, client::conn::http1, header, http::HeaderMap};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    },
};

const WITHIN: Duration = Duration::from_secs(30);

/// Somebody who asks.
#[derive(Clone)]
pub(crate) struct Client {
    address: String,
    tls: Option<Arc<ClientConfig>>,
    authorization: Option<String>,
}

/// An answer as it came.
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
    /// What the server showed.
    pub(crate) server: Option<CertificateDer<'static>>,
}

impl Answer {
    pub(crate) fn error(&self) -> &str {
        self.body["Status"]["error"].as_str().unwrap_or_default()
    }

    pub(crate) fn record(&self) -> &Value {
        &self.body["Data"][0]
    }

    /// An envelope that refuses with a sentence that holds `says`.
    #[track_caller]
    pub(crate) fn refused(self, code: u16, says: &str) -> Self {
        assert_eq!(self.code, code, "{}", self.text);
        assert_eq!(self.body["Status"]["code"], code, "the envelope says the same: {}", self.text);
        assert!(self.body["Data"].is_null(), "{}", self.text);
        assert!(self.error().contains(says), "`{}` does not say `{says}`", self.error());
        self
    }

    #[track_caller]
    pub(crate) fn done(self, code: u16) -> Self {
        assert_eq!(self.code, code, "{}", self.text);
        self
    }
}

impl Client {
    /// Over plain http. `url` is `http://host:port`.
    pub(crate) fn plain(url: &str) -> Self {
        Self { address: url.trim_start_matches("http://").to_owned(), tls: None, authorization: None }
    }

    /// Over https, with a certificate or without. `authority` is the one that the server's certificate must lead to.
    pub(crate) fn tls(url: &str, authority: &str, credential: Option<&Credential>) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(authority.as_bytes()) {
            roots.add(root?)?;
        }
        let config = ClientConfig::builder().with_root_certificates(roots);
        let config = match credential {
            None => config.with_no_client_auth(),
            Some(credential) => config.with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(credential.certificate.as_bytes())?],
                PrivateKeyDer::from_pem_slice(credential.key.as_bytes())?,
            )?,
        };
        let address = url.trim_start_matches("https://").to_owned();
        Ok(Self { address, tls: Some(config.into()), authorization: None })
    }

    /// The same with a token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        self.with_authorization(&format!("Bearer {token}"))
    }

    /// The same with any `Authorization`.
    pub(crate) fn with_authorization(&self, value: &str) -> Self {
        Self { authorization: Some(value.to_owned()), ..self.clone() }
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Answer> {
        self.send(Method::GET, path, String::new()).await
    }

    pub(crate) async fn post(&self, plural: &str, body: &Value) -> Result<Answer> {
        self.send(Method::POST, &format!("/v0/{plural}"), body.to_string()).await
    }

    pub(crate) async fn delete(&self, plural: &str, id: i64) -> Result<Answer> {
        self.send(Method::DELETE, &format!("/v0/{plural}/{id}"), String::new()).await
    }

    /// Any request, on a connection of its own.
    pub(crate) async fn send(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Result<Answer> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.address)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONNECTION, "close");
        let request = match &self.authorization {
            Some(value) => request.header(header::AUTHORIZATION, value),
            None => request,
        };
        let request = request.body(Full::new(body.into()))?;
        timeout(WITHIN, self.exchange(request)).await.context("no answer in time")?
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer> {
        let stream = TcpStream::connect(&self.address).await?;
        let Some(config) = &self.tls else { return exchange(stream, request, None).await };
        let (host, _) = self.address.split_once(':').context("an address has a port")?;
        let name = ServerName::try_from(host.to_owned())?;
        let stream = TlsConnector::from(config.clone()).connect(name, stream).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let server = shown.map(|certificate| certificate.clone().into_owned());
        exchange(stream, request, server).await
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
    server: Option<CertificateDer<'static>>,
) -> Result<Answer> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let (head, body) = response.into_parts();
    let text = String::from_utf8(body.collect().await?.to_bytes().to_vec())?;
    connection.abort();
    let body = serde_json::from_str(&text).unwrap_or_default();
    Ok(Answer { code: head.status.as_u16(), headers: head.headers, text, body, server })
}
