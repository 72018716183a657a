//! Clients that misbehave, each in one way again and again. They come from other addresses than the good one.

mod ways;
mod wire;

use self::{ways::WAYS, wire::Target};
use crate::{attackers::Attackers, fixture::Fixture};
use causeway_testkit::{eventually, unique_name};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::time::sleep;

/// Between two rounds of one way.
const PAUSE: Duration = Duration::from_millis(200);
/// So many large records, which lists then have.
const LARGE_RECORDS: usize = 12;

/// All of them, and how many rounds each has made.
pub(crate) struct Hostile {
    rounds: Vec<(&'static str, Arc<AtomicUsize>)>,
}

impl Hostile {
    /// Starts one of each.
    pub(crate) async fn start(fixture: &Fixture, attackers: &Attackers) -> Self {
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{a: \"{}\"}}\n",
            "x".repeat(1_900_000)
        );
        for _ in 0..LARGE_RECORDS {
            let body = json!({"Name": unique_name("large"), "YAMLDocument": text});
            fixture.admin.create("workload-definitions", &body).await.unwrap();
        }
        let target = Arc::new(Target::new(fixture));
        let mut rounds = vec![];
        for (number, way) in WAYS.iter().enumerate() {
            let (count, target) = (Arc::new(AtomicUsize::new(0)), target.clone());
            rounds.push((way.name, count.clone()));
            attackers.spawn(async move {
                loop {
                    // The next round begins whatever became of this one.
                    let _ = (way.round)(&target.from(number)).await;
                    count.fetch_add(1, Ordering::Relaxed);
                    sleep(PAUSE).await;
                }
            });
        }
        Self { rounds }
    }

    /// Waits until each has come to the end of a round: before, it may have attacked nobody.
    pub(crate) async fn until_each_came_through(&self) {
        eventually("each hostile client has made a round", async || {
            let not_yet = self.rounds.iter().filter(|(_, count)| count.load(Ordering::Relaxed) == 0);
            let not_yet: Vec<_> = not_yet.map(|(name, _)| *name).collect();
            if not_yet.is_empty() { Ok(()) } else { Err(not_yet) }
        })
        .await;
    }

    /// How many rounds each has made.
    pub(crate) fn print(&self) {
        for (name, count) in &self.rounds {
            println!("  client {name}: {} rounds", count.load(Ordering::Relaxed));
        }
    }
}
