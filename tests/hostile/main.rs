//! Hostile clusters and hostile clients beside good ones.
//!
//! ```text
//!  good client ──▶ API ◀── hostile clients (client/ways.rs)          measured: how long the good ones wait,
//!                   │                                                the peak memory of both programs,
//!  good cluster ◀── worker ──▶ hostile clusters (cluster/ways.rs)    whether both live
//! ```
//!
//! `make hostile` runs this program on release programs. First a busy day's requests are sent whose figures nobody reads. It measures the good ones alone; then beside one hostile cluster, which misbehaves in
//! each way by turn, and beside one hostile client, which does the same: `HOSTILE_SECONDS` each. Then it measures them beside all clusters at
//! once, and beside all clients at once. Memory and life are judged in each phase, times only beside one: the machine is the attackers', too.
//! `make test` does the same for seconds, and doesn't judge times, which mean nothing while other tests run.

#![expect(clippy::unwrap_used, reason = "a measurement that can't go on has failed")]

mod attack;
mod attackers;
mod busy_day;
mod client;
mod cluster;
mod connections;
mod figures;
mod fixture;
mod good;
mod programs;
mod waits;

use attackers::Attackers;
use client::Clients;
use cluster::Clusters;
use figures::{Figures, Limits};
use fixture::Fixture;
use std::time::Duration;
use tokio::time::sleep;
use waits::Turn;

/// What the good ones may wait beside one hostile one, as a multiple of what they wait alone.
const MOST_SLOWER: f64 = 2.0;
/// Each program.
const MOST_MEGABYTES: u64 = 400;

/// How long each phase takes.
struct Plan {
    /// Before anything is measured.
    warm_up: Duration,
    alone: Duration,
    /// All ways together have so long.
    by_turn: Duration,
    at_once: Duration,
}

async fn play(name: &str, plan: &Plan, limits: Limits) {
    let fixture = Fixture::start(name).await;
    let attackers = Attackers::start();
    good::measure(&fixture, &Turn::default(), sleep(plan.warm_up)).await;
    let (alone, ()) = good::measure(&fixture, &Turn::default(), sleep(plan.alone)).await;
    let mut figures = Figures::new(alone, limits);

    let clusters = Clusters::new(&fixture, &attackers).await;
    figures.add(attack::by_turn("beside one hostile cluster", &clusters, plan.by_turn).await);
    let clients = Clients::new(&fixture, &attackers).await;
    figures.add(attack::by_turn("beside one hostile client", &clients, plan.by_turn).await);
    figures.add(attack::at_once("beside all hostile clusters", &clusters, plan.at_once).await);
    figures.add(attack::at_once("beside all hostile clients", &clients, plan.at_once).await);

    attackers.stop();
    figures.check();
    fixture.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_clusters_and_clients_end_no_program_and_fill_no_memory() {
    let seconds = Duration::from_secs;
    let plan = Plan { warm_up: seconds(1), alone: seconds(2), by_turn: seconds(8), at_once: seconds(6) };
    play("hostile", &plan, Limits { megabytes: MOST_MEGABYTES, slower: None }).await;
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let by_turn = Duration::from_secs(std::env::var("HOSTILE_SECONDS").map_or(300, |text| text.parse().unwrap()));
    let plan = Plan {
        warm_up: Duration::from_secs(10),
        alone: by_turn.min(Duration::from_secs(90)),
        by_turn,
        at_once: (by_turn / 5).max(Duration::from_secs(12)),
    };
    busy_day::play().await;
    play("hostile_long", &plan, Limits { megabytes: MOST_MEGABYTES, slower: Some(MOST_SLOWER) }).await;
}
