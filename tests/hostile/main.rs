//! Hostile clusters and hostile clients beside good ones.
//!
//! ```text
//!  good client ──▶ API ◀── hostile clients (client/ways.rs)          measured: how long the good ones wait,
//!                   │                                                the peak memory of both programs,
//!  good cluster ◀── worker ──▶ hostile clusters (cluster/ways.rs)    whether both live
//! ```
//!
//! `make hostile` measures the good ones alone, then beside the hostile clusters, then beside the hostile clients, `HOSTILE_SECONDS` each. `make test`
//! does the same for seconds, and looks at memory and life only: times mean nothing while other tests run.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod attackers;
mod client;
mod cluster;
mod fixture;
mod good;
mod measure;

use attackers::Attackers;
use fixture::Fixture;
use measure::{Figures, Limits};
use std::time::Duration;

/// What the good ones may wait beside hostile ones, as a multiple of what they wait alone.
const MOST_SLOWER: f64 = 2.0;
/// Each program.
const MOST_MEGABYTES: u64 = 400;

/// Each phase for so long, one after the other.
async fn play(name: &str, alone: Duration, hostile: Duration, limits: Limits) {
    let fixture = Fixture::start(name).await;
    let before = good::measure(&fixture, alone).await;
    let mut figures = Figures::new(before);

    let attackers = Attackers::start();
    let clusters = cluster::Hostile::start(&fixture, &attackers).await;
    figures.add("beside hostile clusters", good::measure(&fixture, hostile).await, &fixture);
    clusters.until_each_was_asked().await;
    clusters.print(&fixture).await;
    attackers.stop();
    clusters.withdraw(&fixture).await;

    let attackers = Attackers::start();
    let clients = client::Hostile::start(&fixture, &attackers).await;
    figures.add("beside hostile clients", good::measure(&fixture, hostile).await, &fixture);
    clients.until_each_came_through().await;
    clients.print();
    attackers.stop();

    figures.print();
    figures.check(&limits);
    fixture.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_clusters_and_clients_end_no_program_and_fill_no_memory() {
    let limits = Limits { megabytes: MOST_MEGABYTES, slower: None };
    play("hostile", Duration::from_secs(3), Duration::from_secs(12), limits).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes on a machine that does nothing else; run it with make hostile"]
async fn hostile_clusters_and_clients_keep_nobody_waiting() {
    let seconds = std::env::var("HOSTILE_SECONDS").map_or(300, |text| text.parse().unwrap());
    let hostile = Duration::from_secs(seconds);
    let limits = Limits { megabytes: MOST_MEGABYTES, slower: Some(MOST_SLOWER) };
    play("hostile_long", hostile.min(Duration::from_secs(60)), hostile, limits).await;
}
