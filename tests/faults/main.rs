//! What happens when a part dies, hangs, lies or comes back too late: one test for each, and after each the cluster, the records and the
//! inventories say the same. `docs/faults.md` is the list. `make test` runs each once, `make soak` again and again.
//!
//! Every test has a control plane of its own ([`fixture::Fixture`]) on the rig's bare cluster, so none disturbs another.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod crash;
mod database;
mod dns;
mod failover;
mod fixture;
mod fleet;
mod frozen;
mod hints;
mod nats_cluster;
mod network;
mod patroni;
mod restore;
mod upgrade;
