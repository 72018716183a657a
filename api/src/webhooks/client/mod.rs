//! Requests to receivers, which may be anybody: to addresses that may be connected to, bounded in time and bytes, and without following anything.
//!
//! The name is resolved once for each connection, and the very addresses that were judged are connected to. So a name that leads elsewhere in between
//! leads nowhere.

use super::{
    address::{Admission, admission},
    resolver::Resolve,
    verdict::{Outcome, ReceiverAnswer},
};
use crate::config::WebhookSettings;
use anyhow::ensure;
use axum::http::{HeaderMap, HeaderValue, Request, Uri, header};
use causeway_records::watch::MESSAGE_MEDIA;
use chrono::{DateTime, Utc};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::Client as Pool,
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use ipnet::IpNet;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use std::{
    error::Error,
    fmt,
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tower::Service;

/// Longest time for a connection to one address; a name may have several.
const CONNECTED_WITHIN: Duration = Duration::from_secs(5);
/// Addresses of a name that are tried.
const MOST_ADDRESSES: usize = 4;
/// Largest head of an answer, and largest buffer of a connection.
const MAX_BUFFER: usize = 32 * 1024;
/// How much of an answer's body is kept, in bytes.
pub(super) const KEPT_BODY: usize = 2048;
/// How long a connection is kept that isn't in use.
const IDLE: Duration = Duration::from_secs(30);

/// A message as it is sent: what changes from attempt to attempt are its last two headers.
pub(super) struct SignedMessage {
    pub(super) url: String,
    pub(super) id: String,
    pub(super) timestamp: i64,
    pub(super) signature: String,
    pub(super) payload: String,
}

/// Sends messages to receivers. Its connections lead only to addresses that are allowed for receivers.
pub(super) struct Client<R> {
    pool: Pool<HttpsConnector<GuardedConnector<R>>, Full<Bytes>>,
    timeout: Duration,
}

impl<R: Resolve> Client<R> {
    /// Trusts the authorities that this system trusts.
    pub(super) fn new(resolver: R, settings: &WebhookSettings) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = GuardedConnector { resolver, allowed: settings.webhook_allow.clone().into() };
        let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        let pool = Pool::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(1)
            .http1_max_buf_size(MAX_BUFFER)
            .build(https.wrap_connector(connector));
        ensure!(!settings.webhook_timeout.is_zero(), "--webhook-timeout is 0s; say 20s");
        Ok(Self { pool, timeout: settings.webhook_timeout })
    }

    /// Sends a message once.
    pub(super) async fn send(&self, message: SignedMessage) -> Outcome {
        let request = request(message).map_err(|error| format!("the message can't be sent: {error}; check URL"))?;
        let deadline = Instant::now() + self.timeout;
        let overdue = |_| format!("the receiver didn't answer within {}", humantime::format_duration(self.timeout));
        let answer = timeout_at(deadline, self.pool.request(request)).await.map_err(overdue)?;
        let (head, mut body) = answer.map_err(|error| sentence(&error))?.into_parts();
        let mut kept = vec![];
        // The code counts, whatever becomes of the body.
        let _ = timeout_at(deadline, keep(&mut body, &mut kept)).await;
        let retry_after = retry_after(&head.headers, Utc::now());
        Ok(ReceiverAnswer { code: head.status.as_u16(), body: text(&kept), retry_after })
    }
}

fn request(message: SignedMessage) -> Result<Request<Full<Bytes>>, axum::http::Error> {
    Request::post(message.url)
        .header(header::CONTENT_TYPE, MESSAGE_MEDIA)
        .header(header::USER_AGENT, concat!("Causeway/", env!("CARGO_PKG_VERSION")))
        .header("webhook-id", message.id)
        .header("webhook-timestamp", message.timestamp)
        .header("webhook-signature", message.signature)
        .body(Full::new(message.payload.into()))
}

/// Reads the beginning of a body. A connection with more in it is closed.
async fn keep(body: &mut Incoming, kept: &mut Vec<u8>) {
    while kept.len() < KEPT_BODY {
        let Some(Ok(frame)) = body.frame().await else { return };
        let Some(data) = frame.data_ref() else { continue };
        kept.extend_from_slice(&data[..data.len().min(KEPT_BODY - kept.len())]);
    }
}

/// As Postgres can store it. What is no UTF-8 becomes longer.
fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}");
    text[..text.floor_char_boundary(KEPT_BODY)].to_owned()
}

/// Seconds, or a time.
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER).map(HeaderValue::to_str)?.ok()?.trim();
    let until = || (DateTime::parse_from_rfc2822(text).ok()?.to_utc() - now).to_std().ok();
    text.parse().ok().map(Duration::from_secs).or_else(until)
}

/// The deepest cause says most.
fn sentence(error: &(dyn Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    match deepest.downcast_ref::<ConnectError>() {
        Some(error) => error.to_string(),
        None => format!("the receiver can't be asked: {deepest}"),
    }
}

/// Connects to addresses that may be connected to.
#[derive(Clone)]
struct GuardedConnector<R> {
    resolver: R,
    allowed: Arc<[IpNet]>,
}

/// Why there is no connection. Names no address: whoever writes a URL shall not learn where a name leads inside.
#[derive(Debug)]
struct ConnectError(String);

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for ConnectError {}

impl<R: Resolve> Service<Uri> for GuardedConnector<R> {
    type Response = TokioIo<TcpStream>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { connector.connect(&uri).await.map(TokioIo::new).map_err(ConnectError) })
    }
}

impl<R: Resolve> GuardedConnector<R> {
    async fn connect(&self, uri: &Uri) -> Result<TcpStream, String> {
        let is_tls = uri.scheme_str() == Some("https");
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let found = self.resolver.resolve(host.to_owned(), port).await;
        let found = found.map_err(|error| format!("the name {host} can't be resolved: {error}"))?;
        let usable = usable(host, found, is_tls, &self.allowed)?;
        let mut why = String::new();
        for address in usable.into_iter().take(MOST_ADDRESSES) {
            match timeout(CONNECTED_WITHIN, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // A request is written whole.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => why = error.to_string(),
                Err(_) => why = format!("no connection within {}", humantime::format_duration(CONNECTED_WITHIN)),
            }
        }
        Err(format!("{host} can't be connected to on port {port}: {why}"))
    }
}

/// Those addresses of a name that may be connected to, or a sentence that says why none may.
fn usable(host: &str, found: Vec<SocketAddr>, is_tls: bool, allowed: &[IpNet]) -> Result<Vec<SocketAddr>, String> {
    let (mut usable, mut is_public) = (vec![], false);
    for address in found {
        match admission(address.ip(), allowed) {
            Admission::Allowed => usable.push(address),
            Admission::Public if is_tls => usable.push(address),
            Admission::Public => is_public = true,
            Admission::Refused => {}
        }
    }
    match (usable.is_empty(), is_public) {
        (false, _) => Ok(usable),
        (true, true) => {
            Err(format!("{host} is on the internet, where events are sent over https only; change URL to https"))
        }
        (true, false) => Err(format!(
            "{host} leads to no address of the internet; if it should get events, the operator allows its network with --webhook-allow"
        )),
    }
}

#[cfg(test)]
mod tests;
