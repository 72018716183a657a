//! The wire contract of Threeport v0, one test for each line of it that an API without workers can show. Where Causeway deviates on purpose,
//! the test asserts the deviation and says so.
//!
//! `make test-one T=contract` runs it.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod audit;
mod chain;
mod deletion;
mod envelope;
mod filters;
mod iam_policy;
mod import;
mod injection;
mod keys;
mod limits;
mod lists;
mod load;
mod manifests;
mod negotiation;
mod overview;
mod page_size;
mod plans;
mod refusals;
mod requests;
mod routes;
mod runtimes;
mod shared_gateways;
mod take_over;
mod tls_ports;
mod tptctl;
mod traces;
mod wildcards;

use causeway_rig::Endpoints;
use causeway_testkit::{Answer, ControlPlane, Setup};
use http::Method;
use hyper::body::Bytes;
use serde_json::Value;
use std::time::Duration;
use tokio::sync::OnceCell;

/// The control plane that all tests share. Nothing here gets as far as a cluster.
async fn platform() -> &'static ControlPlane {
    static PLATFORM: OnceCell<ControlPlane> = OnceCell::const_new();
    let start = || async {
        let setup = Setup { workers: 0, ..Setup::for_test("contract") };
        let endpoints = Endpoints::from_env().expect("no rig");
        ControlPlane::start(&endpoints, setup).await.expect("the control plane doesn't start")
    };
    PLATFORM.get_or_init(start).await
}

/// A request with these headers and this body, whatever they hold.
async fn send(method: Method, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    platform().await.client().send_raw(method, path, headers, body).await.expect("nobody answers")
}

const JSON: &[(&str, &str)] = &[("Content-Type", "application/json")];

/// Threeport's client says that an empty body is JSON, too.
async fn get(path: &str) -> Answer {
    send(Method::GET, path, JSON, "").await
}

async fn post(plural: &str, body: &Value) -> Answer {
    send(Method::POST, &format!("/v0/{plural}"), JSON, body.to_string()).await
}

async fn patch(plural: &str, id: i64, body: &Value) -> Answer {
    send(Method::PATCH, &format!("/v0/{plural}/{id}"), JSON, body.to_string()).await
}

async fn put(plural: &str, id: i64, body: &Value) -> Answer {
    send(Method::PUT, &format!("/v0/{plural}/{id}"), JSON, body.to_string()).await
}

async fn read(plural: &str, id: i64) -> Answer {
    get(&format!("/v0/{plural}/{id}")).await
}

async fn delete(plural: &str, id: i64) -> Answer {
    send(Method::DELETE, &format!("/v0/{plural}/{id}"), JSON, "").await
}

/// Makes a record and returns its id.
async fn made(plural: &str, body: &Value) -> i64 {
    id(post(plural, body).await.done(201).record())
}

fn id(record: &Value) -> i64 {
    record["ID"].as_i64().expect("a record has an id")
}

/// Works off deletions as a worker would that finds nothing in the cluster.
async fn confirm_deleted(kind: &str, id: i64) {
    let store = causeway_store::Store::connect(&platform().await.database_url(), 1, Duration::from_secs(30)).unwrap();
    assert_eq!(
        store.confirm_deleted(kind.parse().unwrap(), id).await.unwrap(),
        causeway_store::Confirmed::Gone,
        "{kind} {id}"
    );
}
