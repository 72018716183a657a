//! Events of records, followed over `/v0/watch` as a program of somebody else would: nothing is missing, nothing comes twice, whatever dies in between.
//!
//! `make test-one T=events` runs it. `EVENT_ROUNDS` says how often parts are killed; `make soak` does so a thousand times.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod flips;
mod follower;
mod kills;
mod last_event_id;
mod limits;
mod many;
mod messages;
mod news;
mod page_news;
mod restores;
mod streams;
mod webhook_pages;
mod webhooks;
mod writers;

use causeway_rig::Endpoints;
use causeway_testkit::{ControlPlane, Setup};

/// An API without workers, of its own for one test.
async fn api(name: &str, arguments: &[&str]) -> ControlPlane {
    let api_arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let setup = Setup { workers: 0, api_arguments, ..Setup::for_test(name) };
    ControlPlane::start(&Endpoints::from_env().expect("no rig"), setup).await.unwrap()
}
