//! Phases of a run: one hostile one that misbehaves in each way by turn, and all at once.

use crate::{
    figures::{Phase, Way},
    fixture::Fixture,
    good,
    programs::Program,
    waits::{Good, Turn},
};
use causeway_testkit::eventually;
use std::time::Duration;
use tokio::time::sleep;

/// Clusters or clients that misbehave.
pub(crate) trait Hostile {
    /// One that is at work.
    type Attack;

    fn fixture(&self) -> &Fixture;

    /// The names of the ways, by number.
    fn ways(&self) -> Vec<String>;

    /// Starts one that misbehaves in the way with this number.
    async fn begin(&self, way: usize) -> Self::Attack;

    /// Whether the program that it attacks has heard of it.
    fn has_begun(attack: &Self::Attack) -> bool;

    /// Whether it has done all that it does once.
    fn came_through(attack: &Self::Attack) -> bool;

    /// Waits until what must come of it alone has come. Beside others it may come to something else.
    async fn judge(&self, attack: &Self::Attack);

    /// Ends these, waits until their connections are closed at both ends, and tells what became of each.
    async fn end(&self, attacks: Vec<Self::Attack>) -> Vec<String>;
}

/// One after the other, with equal shares of this time. A turn ends when nothing of it is left.
pub(crate) async fn by_turn<H: Hostile>(name: &'static str, hostile: &H, duration: Duration) -> Phase {
    let (ways, turn) = (hostile.ways(), Turn::default());
    let share = duration / u32::try_from(ways.len()).unwrap();
    let each = async {
        let mut outcomes = vec![];
        for (way, name) in ways.iter().enumerate() {
            turn.set(way);
            let attack = hostile.begin(way).await;
            sleep(share).await;
            until_all(&[(name, &attack)], "begun", H::has_begun).await;
            hostile.judge(&attack).await;
            outcomes.extend(hostile.end(vec![attack]).await);
        }
        outcomes
    };
    let (good, outcomes) = good::measure(hostile.fixture(), &turn, each).await;
    phase(name, hostile, good, outcomes, true)
}

/// All together for so long. What they need to come through, and to end, isn't measured.
pub(crate) async fn at_once<H: Hostile>(name: &'static str, hostile: &H, duration: Duration) -> Phase {
    let ways = hostile.ways();
    let mut attacks = vec![];
    for way in 0..ways.len() {
        attacks.push(hostile.begin(way).await);
    }
    let (good, ()) = good::measure(hostile.fixture(), &Turn::default(), sleep(duration)).await;
    let named: Vec<_> = ways.iter().zip(&attacks).collect();
    until_all(&named, "come through", H::came_through).await;
    let outcomes = hostile.end(attacks).await;
    phase(name, hostile, good, outcomes, false)
}

async fn until_all<A>(attacks: &[(&String, &A)], what: &str, has: impl Fn(&A) -> bool) {
    eventually(&format!("each hostile one has {what}"), async || {
        let not_yet: Vec<_> = attacks.iter().filter(|(_, attack)| !has(attack)).map(|(name, _)| name).collect();
        if not_yet.is_empty() { Ok(()) } else { Err(not_yet) }
    })
    .await;
}

fn phase<H: Hostile>(name: &'static str, hostile: &H, good: Good, outcomes: Vec<String>, by_turn: bool) -> Phase {
    let named = hostile.ways().into_iter().zip(outcomes);
    Phase {
        name,
        good,
        ways: named.map(|(name, outcome)| Way { name, outcome }).collect(),
        by_turn,
        programs: hostile.fixture().programs().map(Program::look_at).collect(),
    }
}
