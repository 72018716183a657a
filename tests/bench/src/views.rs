//! Many clusters on one API server: a thin proxy before it gives each runtime a view of its own.
//!
//! A view has its own uid of namespace kube-system, by which Causeway identifies clusters; every object that is applied through it gets a
//! label with the number of the view, and lists and watches through it find only those. Everything else is passed on as it is, streams too.

use std::{io, net::SocketAddr, sync::Arc};

use anyhow::{Context, Result};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
    routing::any,
};
use causeway_rig::ClusterEndpoints;
use causeway_testkit::objects::kube_client_of;
use http::{Method, StatusCode, Uri, header};
use rcgen::CertifiedKey;
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// The label of the objects of a view.
const VIEW: &str = "bench.example/view";
/// Larger than any object that a benchmark applies.
const LARGEST: usize = 8 << 20;

/// The proxy.
pub struct Views {
    address: SocketAddr,
    certificate: String,
    server: JoinHandle<()>,
}

impl Views {
    /// Starts it before a cluster.
    ///
    /// # Errors
    /// When no port is free, or the cluster's credentials can't be used.
    pub async fn start(cluster: &ClusterEndpoints) -> Result<Self> {
        let kube = kube_client_of(&cluster.causeway.kubeconfig).await?;
        let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der()).into();
        let config =
            rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(vec![cert.der().clone()], key)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = Router::new().route("/{view}/{*path}", any(pass_on)).with_state(kube);
        let tls = Tls::over(listener, TlsAcceptor::from(Arc::new(config)));
        let server = tokio::spawn(async move { drop(axum::serve(tls, router).await) });
        Ok(Self { address, certificate: cert.pem(), server })
    }

    /// Where a view's API server seems to be.
    #[must_use]
    pub fn endpoint(&self, view: usize) -> String {
        format!("https://{}/{view}", self.address)
    }

    /// Whom to trust there.
    #[must_use]
    pub fn ca(&self) -> &str {
        &self.certificate
    }

    /// Ends it.
    pub fn stop(&self) {
        self.server.abort();
    }
}

async fn pass_on(
    State(kube): State<kube::Client>,
    Path((view, _)): Path<(usize, String)>,
    request: Request,
) -> Response {
    match exchange(&kube, view, request).await {
        Ok(response) => response,
        Err(error) => (StatusCode::BAD_GATEWAY, format!("{error:#}")).into_response(),
    }
}

async fn exchange(kube: &kube::Client, view: usize, request: Request) -> Result<Response> {
    let (mut head, body) = request.into_parts();
    head.uri = inner(&head.uri, view, &head.method)?;
    head.headers.remove(header::AUTHORIZATION);
    head.headers.remove(header::HOST);
    let bytes = to_bytes(body, LARGEST).await?.to_vec();
    let is_apply = head
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/apply-patch"));
    let bytes = if head.method == Method::PATCH && is_apply { labelled(&bytes, view)? } else { bytes };
    if head.headers.contains_key(header::CONTENT_LENGTH) {
        head.headers.insert(header::CONTENT_LENGTH, bytes.len().into());
    }
    let identity = head.uri.path() == "/api/v1/namespaces/kube-system";
    let response = kube.send(http::Request::from_parts(head, bytes.into())).await?;
    let (mut head, body) = response.into_parts();
    if !identity {
        return Ok(Response::from_parts(head, Body::new(body)));
    }
    let mut namespace: Value = serde_json::from_slice(&to_bytes(Body::new(body), LARGEST).await?)?;
    namespace["metadata"]["uid"] = json!(format!("view-{view}"));
    head.headers.remove(header::CONTENT_LENGTH);
    Ok(Response::from_parts(head, Body::from(namespace.to_string())))
}

/// The address behind the proxy; reads of collections see the view's objects only.
fn inner(uri: &Uri, view: usize, method: &Method) -> Result<Uri> {
    let path = uri.path().strip_prefix(&format!("/{view}")).context("not of this view")?;
    let mut query = uri.query().unwrap_or_default().to_owned();
    if method == Method::GET && query.contains("labelSelector=") {
        query = query.replacen("labelSelector=", &format!("labelSelector={}%3D{view}%2C", VIEW.replace('/', "%2F")), 1);
    }
    let separator = if query.is_empty() { "" } else { "?" };
    Ok(format!("{path}{separator}{query}").parse()?)
}

fn labelled(body: &[u8], view: usize) -> Result<Vec<u8>> {
    let mut object: Value = serde_json::from_slice(body)?;
    object["metadata"]["labels"][VIEW] = json!(view.to_string());
    Ok(object.to_string().into_bytes())
}

/// Connections whose handshakes are done: a slow one keeps no other waiting.
struct Tls {
    address: SocketAddr,
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl Tls {
    fn over(listener: TcpListener, acceptor: TlsAcceptor) -> Self {
        let (send, ready) = mpsc::channel(64);
        let address = listener.local_addr().unwrap_or_else(|_| SocketAddr::from(([127, 0, 0, 1], 0)));
        tokio::spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                let (acceptor, send) = (acceptor.clone(), send.clone());
                tokio::spawn(async move {
                    let _ = stream.set_nodelay(true);
                    if let Ok(stream) = acceptor.accept(stream).await {
                        let _ = send.send((stream, peer)).await;
                    }
                });
            }
        });
        Self { address, ready }
    }
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_sees_its_own_objects() {
        let uri = |text: &str| text.parse::<Uri>().unwrap();
        let seen = inner(&uri("/7/api/v1/services?&labelSelector=a%3Db&watch=true"), 7, &Method::GET).unwrap();
        assert_eq!(seen, "/api/v1/services?&labelSelector=bench.example%2Fview%3D7%2Ca%3Db&watch=true");
        assert_eq!(inner(&uri("/7/version"), 7, &Method::GET).unwrap(), "/version");
        assert!(inner(&uri("/8/version"), 7, &Method::GET).is_err());
    }

    #[test]
    fn an_applied_object_gets_the_label_of_its_view() {
        let body = labelled(br#"{"metadata": {"labels": {"a": "b"}}}"#, 7).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["metadata"]["labels"], json!({"a": "b", "bench.example/view": "7"}));
    }
}
