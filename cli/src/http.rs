//! Requests over HTTP or TLS.
//!
//! On hyper and not on reqwest: reqwest's feature for rustls without a provider holds for every crate of a workspace, and then a client that is made
//! without a provider panics, also the one that sends traces.

use http::{HeaderMap, HeaderName, Method, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{error::Error, sync::Arc, time::Duration};
use tokio::time::timeout;

use crate::{
    context::{Connection, DEFAULT_SERVER},
    exit::Exit,
    failure::{Failure, Outcome},
};

const CONNECTED_WITHIN: Duration = Duration::from_secs(10);
/// The API itself gives up earlier.
const ANSWERED_WITHIN: Duration = Duration::from_secs(90);
const JSON: &str = "application/json";
/// One JSON object a line.
const LINES: &str = "application/x-ndjson";
/// The longest line that is read.
const LONGEST_LINE: usize = 1 << 20;
/// A page of a list has at most 16 MiB of records.
const MOST_BYTES: usize = 64 << 20;

/// Sends requests to one server.
pub(crate) struct HttpClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    connection: Connection,
}

/// A response, whatever it says.
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl HttpClient {
    pub(crate) fn new(connection: Connection) -> Outcome<Self> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(CONNECTED_WITHIN));
        http.set_nodelay(true);
        let https = HttpsConnectorBuilder::new().with_tls_config(tls(&connection)?).https_or_http();
        let client = Client::builder(TokioExecutor::new()).build(https.enable_http1().wrap_connector(http));
        Ok(Self { client, connection })
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Sends a request and reads the whole response.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        if_match: Option<&str>,
        body: Vec<u8>,
    ) -> Outcome<Reply> {
        let headers = [
            Some((header::ACCEPT, JSON)),
            Some((header::CONTENT_TYPE, JSON)),
            if_match.map(|tag| (header::IF_MATCH, tag)),
        ];
        self.whole(method, path, &headers.into_iter().flatten().collect::<Vec<_>>(), body).await
    }

    /// Reads a response of another media type than JSON.
    pub(crate) async fn read_as(&self, path: &str, media: &str) -> Outcome<Reply> {
        self.whole(Method::GET, path, &[(header::ACCEPT, media)], vec![]).await
    }

    async fn whole(&self, method: Method, path: &str, headers: &[(HeaderName, &str)], body: Vec<u8>) -> Outcome<Reply> {
        let answered = async {
            let (head, body) = self.open(method, path, headers, body).await?.into_parts();
            let body = Limited::new(body, MOST_BYTES).collect().await;
            let body = body.map_err(|error| self.silent(&deepest(&*error)))?;
            Ok(Reply { code: head.status.as_u16(), headers: head.headers, body: body.to_bytes() })
        };
        timeout(ANSWERED_WITHIN, answered).await.map_err(|_| self.silent("no answer in time"))?
    }

    async fn open(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, &str)],
        body: Vec<u8>,
    ) -> Outcome<http::Response<Incoming>> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.connection.server))
            .header(header::USER_AGENT, concat!("causeway/", env!("CARGO_PKG_VERSION")));
        for (name, value) in headers.iter().filter(|(name, _)| *name != header::CONTENT_TYPE || !body.is_empty()) {
            request = request.header(name, *value);
        }
        if let Some(token) = &self.connection.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Full::new(body.into()));
        let request = request.map_err(|error| Failure::usage(format!("this can't be sent: {error}")))?;
        self.client.request(request).await.map_err(|error| self.silent(&deepest(&error)))
    }

    /// Opens a stream of lines; a response that is none is read whole.
    pub(crate) async fn lines(&self, path: &str) -> Outcome<Result<Lines, Reply>> {
        let opened = timeout(ANSWERED_WITHIN, self.open(Method::GET, path, &[(header::ACCEPT, LINES)], vec![])).await;
        let (head, body) = opened.map_err(|_| self.silent("no answer in time"))??.into_parts();
        if head.status.is_success() {
            return Ok(Ok(Lines { body, read: vec![] }));
        }
        let body = Limited::new(body, MOST_BYTES).collect().await.map_err(|error| self.silent(&deepest(&*error)))?;
        Ok(Err(Reply { code: head.status.as_u16(), headers: head.headers, body: body.to_bytes() }))
    }

    /// Nobody answers, or not as an API does.
    fn silent(&self, why: &str) -> Failure {
        let server = &self.connection.server;
        let sentence = format!("the API at {server} doesn't answer: {why}");
        let next = match &self.connection.context {
            Some(_) => "causeway context list",
            None if server == DEFAULT_SERVER => "make up, or causeway context add NAME --server URL",
            None => "causeway context list",
        };
        // An API that takes client certificates alone ends the connection of who has none.
        let exit = if why.contains("CertificateRequired") { Exit::NotAllowed } else { Exit::Unreachable };
        Failure::new(exit, "Unreachable", sentence).next(next)
    }
}

/// A response that is read line by line, while it comes.
pub(crate) struct Lines {
    body: Incoming,
    /// What has come of the next line.
    read: Vec<u8>,
}

impl Lines {
    /// The next whole line; None: the server has ended the stream, or is gone.
    pub(crate) async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let rest = self.read.split_off(end + 1);
                let mut line = std::mem::replace(&mut self.read, rest);
                line.pop();
                return Some(line);
            }
            if self.read.len() > LONGEST_LINE {
                return None;
            }
            let frame = self.body.frame().await?.ok()?;
            if let Some(bytes) = frame.data_ref() {
                self.read.extend_from_slice(bytes);
            }
        }
    }
}

/// The deepest cause says most: the ones above it only say that there is one.
fn deepest(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), deepest)
}

fn tls(connection: &Connection) -> Outcome<ClientConfig> {
    let wrong = |what: &str, error: String| Failure::usage(format!("{what} can't be used: {error}"));
    let mut roots = RootCertStore::empty();
    match &connection.authorities {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate =
                    certificate.map_err(|error| wrong("the authority's certificate", error.to_string()))?;
                roots.add(certificate).map_err(|error| wrong("the authority's certificate", error.to_string()))?;
            }
        }
        None if connection.server.starts_with("https") => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        None => {}
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| wrong("TLS", error.to_string()))?;
    let builder = builder.with_root_certificates(roots);
    let Some((certificate, key)) = &connection.identity else { return Ok(builder.with_no_client_auth()) };
    let chain = CertificateDer::pem_slice_iter(certificate).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| wrong("the client certificate", error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| wrong("the client key", error.to_string()))?;
    builder.with_client_auth_cert(chain, key).map_err(|error| wrong("the client certificate", error.to_string()))
}
