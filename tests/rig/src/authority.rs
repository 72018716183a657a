//! What stands before Pebble: it passes on whatever comes, but for orders of domains for which a test wants another answer. cert-manager can't tell it from an
//! authority that is down, refuses, or has had enough.
//!
//! An authority that isn't there at all has no directory, and all tests have one and the same. So each domain has another address of it, `/dir/DOMAIN`, which
//! is answered as the domain's orders are.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Result;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsConnector;

use crate::{faults::Tls, net::loopback, pki::Pki};

/// Where Pebble has its directory, and where each domain has it once more.
const DIRECTORY: &str = "/dir";
const DIRECTORIES: &str = "/dir/";
/// No request of ACME is larger.
const MOST_BYTES: usize = 1 << 20;

/// How the authority answers orders for hostnames of one domain, and who asks for the directory at the domain's own address; in the words of RFC 8555.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct OrderFault {
    /// The HTTP status.
    pub status: u16,
    /// What kind of problem it is, such as `rateLimited` or `caa`.
    pub problem: String,
    /// The authority's words.
    pub detail: String,
}

/// By domain, how its orders are answered. The others get Pebble's own answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct OrderFaults(Arc<Mutex<BTreeMap<String, OrderFault>>>);

impl OrderFaults {
    pub(crate) fn set(&self, domain: String, fault: Option<OrderFault>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match fault {
            Some(fault) => drop(all.insert(domain, fault)),
            None => drop(all.remove(&domain)),
        }
    }

    /// The fault of one of these hostnames.
    fn of(&self, hostnames: &[String]) -> Option<OrderFault> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_under =
            |hostname: &String, domain: &String| hostname == domain || hostname.ends_with(&format!(".{domain}"));
        all.iter()
            .find(|(domain, _)| hostnames.iter().any(|hostname| is_under(hostname, domain)))
            .map(|(_, fault)| fault.clone())
    }
}

#[derive(Clone)]
struct Front {
    connector: TlsConnector,
    pebble: u16,
    faults: OrderFaults,
}

/// Listens at a port of loopback, with the certificate of `pki`, for Pebble at another one.
pub(crate) async fn front(pki: &Pki, port: u16, pebble: u16, faults: OrderFaults) -> Result<JoinHandle<()>> {
    let listener = Tls::on(TcpListener::bind(loopback(port)).await?, pki)?;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pki.ca().as_bytes())?)?;
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let front = Front { connector: TlsConnector::from(Arc::new(config)), pebble, faults };
    let router = Router::new().fallback(answer).with_state(front);
    Ok(tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "what stands before the authority ended");
        }
    }))
}

async fn answer(State(front): State<Front>, request: Request) -> Response {
    front.pass_on(request).await.unwrap_or_else(|error| (StatusCode::BAD_GATEWAY, format!("{error:#}")).into_response())
}

impl Front {
    async fn pass_on(&self, request: Request) -> Result<Response> {
        let (mut head, body) = request.into_parts();
        let body = to_bytes(body, MOST_BYTES).await?;
        let directory_of = head.uri.path().strip_prefix(DIRECTORIES).map(|domain| vec![domain.to_owned()]);
        if directory_of.is_some() {
            head.uri = Uri::from_static(DIRECTORY);
        }
        if let Some(fault) = self.faults.of(&directory_of.unwrap_or_else(|| ordered(&body))) {
            return Ok(refused(&fault));
        }
        // Pebble names itself as the client does, and checks that requests were signed for that name: all headers stay, `Host` among them.
        let stream = TcpStream::connect(loopback(self.pebble)).await?;
        let stream = self.connector.connect(ServerName::try_from("localhost")?, stream).await?;
        let (mut pebble, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let answer = pebble.send_request(Request::from_parts(head, Body::from(body))).await?;
        let (mut head, body) = answer.into_parts();
        head.headers.remove(header::TRANSFER_ENCODING);
        head.headers.remove(header::CONNECTION);
        Ok(Response::from_parts(head, Body::new(body)))
    }
}

fn refused(fault: &OrderFault) -> Response {
    let problem = json!({
        "type": format!("urn:ietf:params:acme:error:{}", fault.problem), "detail": fault.detail, "status": fault.status,
    });
    let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, "application/problem+json")], problem.to_string()).into_response()
}

/// The hostnames that a request orders a certificate for; none: it is no order.
fn ordered(body: &[u8]) -> Vec<String> {
    let hostnames = || {
        let signed: Value = serde_json::from_slice(body).ok()?;
        let payload: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(signed["payload"].as_str()?).ok()?).ok()?;
        let identifiers = payload["identifiers"].as_array()?;
        Some(identifiers.iter().filter_map(|identifier| identifier["value"].as_str()).map(str::to_owned).collect())
    };
    hostnames().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_known_by_its_hostnames() {
        let payload = json!({"identifiers": [{"type": "dns", "value": "www.a.test"}]}).to_string();
        let order = json!({"protected": "x", "payload": URL_SAFE_NO_PAD.encode(payload), "signature": "y"}).to_string();
        assert_eq!(ordered(order.as_bytes()), ["www.a.test"]);
        assert!(ordered(b"{}").is_empty() && ordered(b"").is_empty());
        let faults = OrderFaults::default();
        let fault = OrderFault { status: 429, problem: "rateLimited".into(), detail: "too many".into() };
        faults.set("a.test".into(), Some(fault));
        assert!(faults.of(&["www.a.test".into()]).is_some() && faults.of(&["wwwa.test".into()]).is_none());
        faults.set("a.test".into(), None);
        assert!(faults.of(&["www.a.test".into()]).is_none());
    }
}
