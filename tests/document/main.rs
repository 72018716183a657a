//! The API document against a running API: its examples, a fuzzer that reads it, and a client that is generated from it. The tools are Python;
//! `tests/python` holds their settings.
//!
//! `make test-one T=document` runs it.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod client;
mod docs;
mod examples;
mod fuzz;
mod python;

use causeway_rig::Endpoints;
use causeway_testkit::{ControlPlane, Setup};

/// An API without workers, of its own for one test, and a token of an admin.
async fn api(name: &str) -> (ControlPlane, String) {
    let api_arguments = ["--auth", "tokens"].map(str::to_owned).to_vec();
    let setup = Setup { workers: 0, api_arguments, ..Setup::for_test(name) };
    let platform = ControlPlane::start(&Endpoints::from_env().unwrap(), setup).await.unwrap();
    let made = platform.run_api(&["token", "create", "--name", "admin", "--role", "admin"]).await.unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    (platform, token)
}
