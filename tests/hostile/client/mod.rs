//! Clients that misbehave, each in one way again and again. They come from other addresses than the good one.

mod ways;
mod wire;

use self::{ways::WAYS, wire::Target};
use crate::{
    attack::Hostile,
    attackers::{self, Attackers},
    connections::until_closed,
    fixture::Fixture,
};
use causeway_testkit::{id_of, unique_name};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{task::JoinHandle, time::sleep};

/// Between two rounds of one way.
const PAUSE: Duration = Duration::from_millis(200);
/// So many large records, which lists then have.
const LARGE_RECORDS: usize = 12;
/// Until workers have read one of them.
const SOON: Duration = Duration::from_secs(60);

pub(crate) struct Clients<'a> {
    fixture: &'a Fixture,
    attackers: &'a Attackers,
    target: Target,
}

/// A client at work.
pub(crate) struct Client {
    task: JoinHandle<()>,
    target: Target,
    rounds: Arc<AtomicUsize>,
}

impl<'a> Clients<'a> {
    /// Makes what they ask for.
    pub(crate) async fn new(fixture: &'a Fixture, attackers: &'a Attackers) -> Self {
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{a: \"{}\"}}\n",
            "x".repeat(1_900_000)
        );
        let mut large = 0;
        for _ in 0..LARGE_RECORDS {
            let body = json!({"Name": unique_name("large"), "YAMLDocument": text});
            large = id_of(&fixture.admin.create("workload-definitions", &body).await.unwrap()).unwrap();
            // Otherwise this work falls into the turn of the first client.
            let read = fixture.admin.until("workload-definitions", large, SOON, |record| record["Reconciled"] == true);
            read.await.unwrap();
        }
        Self { fixture, attackers, target: Target::new(fixture, large) }
    }
}

impl Hostile for Clients<'_> {
    type Attack = Client;

    fn fixture(&self) -> &Fixture {
        self.fixture
    }

    fn ways(&self) -> Vec<String> {
        WAYS.iter().map(|way| format!("client {:?}", way.name)).collect()
    }

    async fn begin(&self, way: usize) -> Client {
        let (target, rounds, round) = (self.target.from(way), Arc::new(AtomicUsize::new(0)), WAYS[way].round);
        let (task_target, task_rounds) = (target.clone(), rounds.clone());
        let task = self.attackers.spawn(async move {
            loop {
                // The next round begins whatever became of this one.
                let _ = round(&task_target).await;
                task_rounds.fetch_add(1, Ordering::Relaxed);
                sleep(PAUSE).await;
            }
        });
        Client { task, target, rounds }
    }

    fn has_begun(client: &Client) -> bool {
        client.target.connections() > 0
    }

    fn came_through(client: &Client) -> bool {
        client.rounds.load(Ordering::Relaxed) > 0
    }

    /// What a client gets for what it does is what the other suites show.
    async fn judge(&self, _: &Client) {}

    async fn end(&self, clients: Vec<Client>) -> Vec<String> {
        let mut outcomes = vec![];
        for client in clients {
            attackers::end(client.task).await;
            let rounds = client.rounds.load(Ordering::Relaxed);
            outcomes.push(format!("{rounds} rounds, {} connections", client.target.connections()));
        }
        until_closed("hostile clients", |connection| self.target.is_hostile(connection)).await;
        outcomes
    }
}
