//! What is asked for.

use std::sync::Arc;

use http::{Method, StatusCode};
use serde_json::json;

/// One kind of request. Requests of a run are numbered, so that no two say the same.
pub(super) struct Asked {
    /// Its verb.
    pub(super) method: Method,
    /// Path and query of a number.
    pub(super) path: Box<dyn Fn(u64) -> String + Send + Sync>,
    /// Body of a number, in JSON.
    pub(super) body: Option<Box<dyn Fn(u64) -> String + Send + Sync>>,
    /// What is answered when it went well.
    pub(super) code: StatusCode,
}

const ALL: &str = "/v0/gateway-definitions";

/// The body of a gateway definition.
pub(super) fn definition(name: &str, n: u64) -> serde_json::Value {
    json!({"Name": format!("{name}-{n}"), "Hostnames": [format!("{name}-{n}.bench.example")], "ServiceName": "web"})
}

/// A path, read.
pub(super) fn path(path: &'static str) -> Arc<Asked> {
    Arc::new(Asked { method: Method::GET, path: Box::new(|_| path.to_owned()), body: None, code: StatusCode::OK })
}

/// One of these records.
pub(super) fn get(ids: &[i64]) -> Arc<Asked> {
    Arc::new(Asked { method: Method::GET, path: one_of(ids), body: None, code: StatusCode::OK })
}

/// A full page.
pub(super) fn list() -> Arc<Asked> {
    path("/v0/gateway-definitions?page=1&size=50")
}

/// A new record.
pub(super) fn create() -> Arc<Asked> {
    let body = |n| definition("made", n).to_string();
    let (path, body) = (Box::new(|_| ALL.to_owned()), Box::new(body));
    Arc::new(Asked { method: Method::POST, path, body: Some(body), code: StatusCode::CREATED })
}

/// One field of one of these records.
pub(super) fn patch(ids: &[i64]) -> Arc<Asked> {
    let body = Box::new(|n| json!({"ServiceName": format!("web-{n}")}).to_string());
    Arc::new(Asked { method: Method::PATCH, path: one_of(ids), body: Some(body), code: StatusCode::OK })
}

/// The records in turn, so that those that are asked for at the same time are different ones.
fn one_of(ids: &[i64]) -> Box<dyn Fn(u64) -> String + Send + Sync> {
    let ids = ids.to_vec();
    Box::new(move |n| {
        let at = usize::try_from(n).unwrap_or_default() % ids.len().max(1);
        format!("{ALL}/{}", ids.get(at).copied().unwrap_or_default())
    })
}
