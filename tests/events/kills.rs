//! The API, Postgres, NATS and the client itself are killed under load, again and again.

use std::{env, time::Duration};

use causeway_rig::{Endpoints, Nats, Postgres, Server, tools::Tools};
use causeway_testkit::{ControlPlane, Setup, unique_name, within};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::{Instant, sleep};

use crate::{
    follower::{Follower, number},
    writers::{Writers, committed, told},
};

/// Rounds of `make test`.
const ROUNDS: usize = 20;
/// How long the load runs before something is killed, at most, in milliseconds.
const LOAD: u64 = 300;
/// Clients that write.
const WRITERS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_goes_on_after_kills_has_seen_exactly_what_was_committed() {
    let setting = |name: &str| env::var(name).ok().and_then(|value| value.parse().ok());
    let (rounds, seed) = (setting("EVENT_ROUNDS").unwrap_or(ROUNDS), setting("EVENT_SEED").unwrap_or(7));
    println!("{rounds} rounds with EVENT_SEED={seed}");
    let mut random = StdRng::seed_from_u64(u64::try_from(seed).unwrap());
    let endpoints = Endpoints::from_env().unwrap();
    let dir = endpoints.run_dir.join(unique_name("events-kills"));
    let mut postgres = Postgres::start(&dir, &dir.join("logs")).await.unwrap();
    let mut nats = Nats::start(&Tools::find().unwrap(), &dir.join("logs")).await.unwrap();
    let server = Server { url: postgres.admin_url(), pid: postgres.pid() };
    let setup = Setup { workers: 0, nats_url: Some(nats.url()), ..Setup::for_test("events_kills") };
    let mut platform = ControlPlane::start(&Endpoints { postgres: server, ..endpoints }, setup).await.unwrap();
    let url = platform.url();
    let mut follower = Follower::begin(&url).await;
    let writers = Writers::start(&platform.client(), WRITERS);
    let begun = Instant::now();
    for round in 1..=rounds {
        let load = Duration::from_millis(random.random_range(0..LOAD));
        let victim = random.random_range(0..4);
        let kill = async {
            // Not a wait: the load runs for a while, and then something dies.
            sleep(load).await;
            match victim {
                0 => {
                    platform.kill_api().await;
                    platform.start_api_again().await.unwrap();
                }
                1 => {
                    postgres.crash().await;
                    postgres.start_again().await.unwrap();
                }
                2 => {
                    nats.stop().await;
                    nats.start_again().await.unwrap();
                }
                // The client: its stream is dropped in the middle.
                _ => {}
            }
        };
        // It follows meanwhile, and is dropped wherever it is when that is over.
        let followed = async {
            let seen = follower.seen.len();
            follower.follow(&url, "", |now| now.seen.len() > seen + 1_000_000).await;
        };
        tokio::select! { () = followed => {}, () = kill => {} }
        if round % 100 == 0 {
            println!("{round} rounds, {} events, {} s", follower.seen.len(), begun.elapsed().as_secs());
        }
    }
    let (database, end) = (platform.database_url(), Duration::from_secs(90));
    // However slow the machine is.
    within(end, "enough has happened", async || {
        let records = committed(&database).await.len();
        if records > rounds { Ok(()) } else { Err(records) }
    })
    .await;
    writers.stop().await;
    // A client that was cut off may still have a write under way, which runs to its end; and the API has to find out that Postgres is back.
    let before = within(end, "all is told, and nothing more is written", async || {
        let before = committed(&database).await;
        follower.try_catch_up(&url, "").await?;
        if committed(&database).await == before { Ok(before) } else { Err("something was written".to_owned()) }
    })
    .await;
    assert_eq!(follower.resets, Vec::<String>::new(), "no position was forgotten");
    let positions: Vec<_> = follower.seen.iter().map(number).collect();
    assert!(positions.windows(2).all(|pair| pair[0] < pair[1]), "something came twice, or out of order");
    let (told, events) = (told(&follower.seen), follower.seen.len());
    assert!(told.len() > rounds && follower.connections > 1, "{events} events of {} records", told.len());
    for (id, happened) in &before {
        assert_eq!(told.get(id), Some(happened), "of account {id}");
    }
    assert_eq!(told.len(), before.len(), "more was told than happened");
    println!(
        "{events} events of {} records over {} streams, in {} s",
        told.len(),
        follower.connections,
        begun.elapsed().as_secs()
    );
    platform.stop().await;
    nats.stop().await;
    postgres.stop().await;
}
