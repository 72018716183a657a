//! A client and a cluster as they should be.

use crate::{
    fixture::Fixture,
    waits::{Good, Turn, Waits},
};
use causeway_testkit::{
    api, config_map, id_of, kinds::CONFIG_MAP, kube_client, object_name, objects::becomes, unique_name,
};
use serde_json::json;
use std::{cell::Cell, future::Future, time::Duration};
use tokio::time::{Instant, sleep};

/// Between two of its requests, and between two workloads.
const PAUSE: Duration = Duration::from_millis(100);

/// When something began, and in whose turn.
struct Begun {
    turn: usize,
    at: Instant,
}

impl Begun {
    fn now(turn: &Turn) -> Self {
        Self { turn: turn.get(), at: Instant::now() }
    }

    /// It is over.
    fn note(self, waits: &mut Waits) {
        waits.add(self.turn, self.at.elapsed());
    }
}

/// Measures both at the same time, while the attack lasts, and gives what comes of it. A wait counts for the turn in which it began.
pub(crate) async fn measure<T>(fixture: &Fixture, turn: &Turn, attack: impl Future<Output = T>) -> (Good, T) {
    let over = Cell::new(false);
    let attack = async {
        let outcome = attack.await;
        over.set(true);
        outcome
    };
    let (outcome, requests, workloads) =
        tokio::join!(attack, requests(fixture, turn, &over), workloads(fixture, turn, &over));
    (Good { requests, workloads }, outcome)
}

/// Makes, changes and reads gateway definitions.
async fn requests(fixture: &Fixture, turn: &Turn, over: &Cell<bool>) -> Waits {
    let (client, mut waits) = (&fixture.admin, Waits::default());
    while waits.count() == 0 || !over.get() {
        let begun = Begun::now(turn);
        let body = json!({"Name": unique_name("good"), "HttpPorts": [{"Port": 80}]});
        let made = client.create("gateway-definitions", &body).await.expect("a good client is refused");
        begun.note(&mut waits);
        let id = id_of(&made).unwrap();
        sleep(PAUSE).await;
        let begun = Begun::now(turn);
        let change = json!({"HttpPorts": [{"Port": 8080}]});
        client.patch("gateway-definitions", id, &change).await.expect("a good client is refused");
        begun.note(&mut waits);
        sleep(PAUSE).await;
        let begun = Begun::now(turn);
        client.get("gateway-definitions", id).await.expect("a good client is refused");
        begun.note(&mut waits);
        client.delete("gateway-definitions", id).await.expect("a good client is refused");
        sleep(PAUSE).await;
    }
    waits
}

/// Makes workloads of one ConfigMap, and waits for each.
async fn workloads(fixture: &Fixture, turn: &Turn, over: &Cell<bool>) -> Waits {
    let (client, mut waits) = (&fixture.admin, Waits::default());
    let kube = kube_client(&fixture.cluster).await.unwrap();
    let of = json!({"Name": unique_name("good"), "YAMLDocument": config_map("good", "1")});
    let of = id_of(&client.create("workload-definitions", &of).await.unwrap()).unwrap();
    while waits.count() == 0 || !over.get() {
        let name = unique_name("good");
        let body = json!({"Name": name, "KubernetesRuntimeInstanceID": fixture.runtime, "WorkloadDefinitionID": of});
        let begun = Begun::now(turn);
        let made = client.create("workload-instances", &body).await.expect("a good client is refused");
        let id = id_of(&made).unwrap();
        let maps = api(&kube, CONFIG_MAP, Some(&object_name(&name, id)));
        becomes(&maps, "good", "the workload's ConfigMap", |_| true).await;
        begun.note(&mut waits);
        client.delete("workload-instances", id).await.expect("a good client is refused");
        sleep(PAUSE).await;
    }
    waits
}
