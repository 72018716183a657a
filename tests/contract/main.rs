//! The wire contract of Threeport v0, one test for each line of it that an API without workers can show. Where Causeway deviates on purpose,
//! the test asserts the deviation and says so.
//!
//! Run it below `causeway-rig run -- cargo test -p causeway-tests --test contract`.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod audit;
mod chain;
mod deletion;
mod envelope;
mod filters;
mod injection;
mod keys;
mod limits;
mod lists;
mod load;
mod negotiation;
mod refusals;
mod requests;
mod runtimes;
mod tptctl;

use causeway_rig::{
    Endpoints,
    platform::{ControlPlane, Setup},
};
use reqwest::{Body, Method, header::HeaderMap};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::OnceCell;
use uuid::Uuid;

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

/// An answer as it came.
struct Answer {
    code: u16,
    headers: HeaderMap,
    text: String,
    body: Value,
}

impl Answer {
    /// The only record.
    fn record(&self) -> &Value {
        &self.body["Data"][0]
    }

    fn error(&self) -> &str {
        self.body["Status"]["error"].as_str().unwrap_or_default()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// All ids, in their order.
    #[track_caller]
    fn ids(&self) -> Vec<i64> {
        let records = self.body["Data"].as_array();
        records.unwrap_or_else(|| panic!("no records: {}", self.text)).iter().map(id).collect()
    }

    /// An envelope with one record.
    #[track_caller]
    fn done(self, code: u16) -> Self {
        assert_eq!(self.code, code, "{}", self.text);
        assert_eq!(self.body["Data"].as_array().map(Vec::len), Some(1), "{}", self.text);
        self
    }

    /// An envelope that refuses with a sentence that holds `says`.
    #[track_caller]
    fn refused(self, code: u16, says: &str) -> Self {
        assert_eq!(self.code, code, "{}", self.text);
        assert_eq!(self.body["Status"]["code"], code, "the envelope says the same");
        assert!(self.body["Data"].is_null() && self.body["Meta"]["TotalCount"] == 0, "{}", self.text);
        assert!(self.error().contains(says), "`{}` does not say `{says}`", self.error());
        self
    }

    /// A refusal with this word for programs and exactly these fields to blame, each with a sentence of its own.
    #[track_caller]
    fn because(self, reason: &str, fields: &[&str]) -> Self {
        let status = &self.body["Status"];
        assert_eq!(status["reason"], reason, "{}", self.text);
        let details = status["details"].as_array().expect("details are an array");
        let blamed: Vec<_> = details.iter().map(|detail| detail["field"].as_str().unwrap()).collect();
        assert_eq!(blamed, fields, "{}", self.text);
        assert!(details.iter().all(|detail| detail["problem"].as_str().is_some_and(|text| !text.is_empty())));
        self
    }
}

/// A request with these headers and this body, whatever they hold.
async fn send(method: Method, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    let url = format!("{}{path}", platform().await.url());
    let request = reqwest::Client::new().request(method, url).body(body);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let response = request.send().await.expect("nobody answers");
    let (code, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.expect("the answer breaks off");
    Answer { code, headers, body: serde_json::from_str(&text).unwrap_or_default(), text }
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

/// A name that no other test has.
fn name(what: &str) -> String {
    format!("{what}-{}", &Uuid::new_v4().simple().to_string()[..8])
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
