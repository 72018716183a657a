//! What can go wrong in the middle of a sequence.

use std::ops::Range;

use causeway_failpoints::{
    CLUSTER_BOUND, CONFIRM_NEXT, DNS_DONE, DNS_NEXT, INVENTORY_AFTER, INVENTORY_AHEAD, LEASE_TAKEN, OBJECT_GONE,
    OBJECT_STANDS, PRUNE_NEXT, Point, RECONCILE_BEGUN, STATUS_NEXT, WAKE_NEXT, WRITE_NEXT,
};
use proptest::{collection, prelude::*, sample::select};
use serde::{Deserialize, Serialize};

use crate::{
    foreign::{Habit, habit},
    sequence::Pick,
};

/// Where a worker can be ended or frozen.
pub(crate) const POINTS: [&Point; 14] = [
    &RECONCILE_BEGUN,
    &INVENTORY_AHEAD,
    &WRITE_NEXT,
    &OBJECT_STANDS,
    &PRUNE_NEXT,
    &OBJECT_GONE,
    &INVENTORY_AFTER,
    &STATUS_NEXT,
    &WAKE_NEXT,
    &CONFIRM_NEXT,
    &LEASE_TAKEN,
    &CLUSTER_BOUND,
    &DNS_NEXT,
    &DNS_DONE,
];

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Fault {
    /// A worker is killed at once.
    WorkerKilled { worker: Pick },
    /// A worker is killed when it comes to a point for the so-manieth time, if it does.
    WorkerDiesAt { worker: Pick, point: u8, after: u8 },
    /// A worker is frozen at a point; when the time is over it goes on.
    WorkerFreezesAt { worker: Pick, point: u8, after: u8 },
    /// A worker is frozen at once, for longer than its leases last.
    WorkerFrozen { worker: Pick },
    /// Another worker comes, and stays.
    WorkerJoins,
    /// The API is killed at once.
    ApiKilled,
    /// The API dies between the commit of the next write and its answer.
    ApiDiesAfterCommit,
    /// NATS is away.
    NatsAway,
    /// Hints come again, for what there is and for what there isn't.
    Hints,
    /// Every connection to Postgres is cut.
    PostgresCut,
    /// Postgres takes no connections.
    PostgresAway,
    /// The way to a cluster is slow, silent, deaf, reset, cut or closed.
    Network { cluster: u8, how: Way },
    /// A cluster's API server answers nonsense, or loses its answers.
    Answers { cluster: u8, answers: Vec<Reply> },
    /// Somebody else does something for a while.
    Somebody { cluster: u8, which: Pick, habit: Habit },
    /// An admission webhook answers no write of ours in this cluster; the API server waits so many seconds for each, and goes on or refuses.
    Webhook { cluster: u8, seconds: u8, refuses: bool },
    /// Route53 throttles.
    Throttled { times: u8 },
}

/// What is wrong with the way to a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Way {
    Slow,
    Silent,
    Deaf,
    Reset,
    Cut,
    Closed,
}

/// What becomes of a request to an API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reply {
    Real,
    Lost,
    Code(u16),
}

pub(crate) fn fault(clusters: Range<u8>) -> impl Strategy<Value = Fault> {
    let (worker, cluster) = (any::<Pick>, || clusters.clone());
    let point = || 0..u8::try_from(POINTS.len()).unwrap_or(u8::MAX);
    prop_oneof![
        2 => worker().prop_map(|worker| Fault::WorkerKilled { worker }),
        6 => (worker(), point(), 0..6_u8).prop_map(|(worker, point, after)| Fault::WorkerDiesAt { worker, point, after }),
        2 => (worker(), point(), 0..6_u8).prop_map(|(worker, point, after)| Fault::WorkerFreezesAt { worker, point, after }),
        1 => worker().prop_map(|worker| Fault::WorkerFrozen { worker }),
        1 => Just(Fault::WorkerJoins),
        2 => Just(Fault::ApiKilled),
        2 => Just(Fault::ApiDiesAfterCommit),
        2 => Just(Fault::NatsAway),
        2 => Just(Fault::Hints),
        2 => Just(Fault::PostgresCut),
        2 => Just(Fault::PostgresAway),
        3 => (cluster(), way()).prop_map(|(cluster, how)| Fault::Network { cluster, how }),
        6 => (cluster(), collection::vec(reply(), 1..12)).prop_map(|(cluster, answers)| Fault::Answers { cluster, answers }),
        4 => (cluster(), worker(), habit()).prop_map(|(cluster, which, habit)| Fault::Somebody { cluster, which, habit }),
        2 => (cluster(), select(vec![1, 3, 17]), any::<bool>())
            .prop_map(|(cluster, seconds, refuses)| Fault::Webhook { cluster, seconds, refuses }),
        1 => (1..8_u8).prop_map(|times| Fault::Throttled { times }),
    ]
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![
        Just(Way::Slow),
        Just(Way::Silent),
        Just(Way::Deaf),
        Just(Way::Reset),
        Just(Way::Cut),
        Just(Way::Closed)
    ]
}

fn reply() -> impl Strategy<Value = Reply> {
    let code = select(vec![200, 403, 404, 409, 422, 429, 500, 503]).prop_map(Reply::Code);
    prop_oneof![4 => Just(Reply::Real), 2 => Just(Reply::Lost), 4 => code]
}
