//! An API server for unit tests: what it answers is written in the test. Plain HTTP on loopback, through the client that is used otherwise.

use axum::{
    Json, Router,
    body::{Body, Bytes},
    response::{IntoResponse, Response},
    routing::get,
};
use futures::stream;
use kube::Config;
use serde_json::json;
use tokio::net::TcpListener;

use super::{Cluster, transport};

/// A client of a server that answers so.
pub(crate) async fn cluster(answers: Router) -> Cluster {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, answers).await });
    Cluster::from_client(transport::client(&Config::new(uri), None).unwrap())
}

/// Discovery of a server that has ConfigMaps, Namespaces and nothing else.
pub(crate) fn core_kinds() -> Router {
    let core = json!({"kind": "APIGroupDiscoveryList", "items": [{"metadata": {"name": ""}, "versions": [{
        "version": "v1",
        "resources": [{
            "resource": "configmaps", "responseKind": {"kind": "ConfigMap"}, "scope": "Namespaced",
            "verbs": ["get", "list", "delete"],
        }, {
            "resource": "namespaces", "responseKind": {"kind": "Namespace"}, "scope": "Cluster",
            "verbs": ["get", "list", "delete"],
        }],
    }]}]});
    let none = json!({"kind": "APIGroupDiscoveryList", "items": []});
    Router::new().route("/api", get(async || Json(core))).route("/apis", get(async || Json(none)))
}

/// The same character again and again, for as long as somebody reads.
pub(crate) fn endless(character: &str) -> Response {
    let part = Bytes::from(character.repeat(64 * 1024));
    let parts = stream::repeat_with(move || Ok::<_, std::convert::Infallible>(part.clone()));
    Body::from_stream(parts).into_response()
}
