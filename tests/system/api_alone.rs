//! An API without workers, requests to it as they are, and what must hold of its refusals.

use causeway_rig::Endpoints;
use causeway_testkit::{Answer, ControlPlane, Setup};
use http::Method;
use hyper::body::Bytes;
use tokio::sync::OnceCell;

/// A control plane without workers: nothing here gets as far as a cluster.
pub(crate) async fn platform() -> &'static ControlPlane {
    static PLATFORM: OnceCell<ControlPlane> = OnceCell::const_new();
    let start = || async {
        let setup = Setup { workers: 0, ..Setup::for_test("api_alone") };
        let endpoints = Endpoints::from_env().expect("no rig");
        ControlPlane::start(&endpoints, setup).await.expect("the control plane doesn't start")
    };
    PLATFORM.get_or_init(start).await
}

/// A request as it is, whatever it holds.
pub(crate) async fn raw(method: Method, path: &str, content_type: &str, body: impl Into<Bytes>) -> Answer {
    let headers = [("Content-Type", content_type)];
    platform().await.client().send_raw(method, path, &headers, body).await.expect("nobody answers")
}

pub(crate) async fn post(plural: &str, body: impl Into<Bytes>) -> Answer {
    raw(Method::POST, &format!("/v0/{plural}"), "application/json", body).await
}

pub(crate) async fn get(path: &str) -> Answer {
    raw(Method::GET, path, "application/json", "").await
}

/// The answer refuses, by this code and with a sentence that holds all of this.
#[track_caller]
pub(crate) fn refused(answer: &Answer, code: u16, says: &[&str]) {
    assert_eq!(answer.code, code, "{:#}", answer.body);
    assert_eq!(answer.body["Status"]["code"], code, "the envelope says the same: {:#}", answer.body);
    for part in says {
        assert!(answer.error().contains(part), "`{}` does not say `{part}`", answer.error());
    }
}

/// The API still runs, and has not failed once.
pub(crate) async fn assert_unharmed(platform: &ControlPlane) {
    assert!(platform.api().is_running(), "the API has ended");
    let answer = reqwest::get(format!("{}/metrics", platform.url())).await.expect("no figures");
    let figures = answer.text().await.expect("the figures break off");
    assert!(figures.contains("causeway_api_requests_total"), "{figures}");
    let failed: Vec<_> =
        figures.lines().filter(|line| line.contains("requests_total") && line.contains("code=\"5")).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}
