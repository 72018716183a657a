//! Measures Causeway on the rig, each figure beside its floor: what the parts below (the API server, Postgres) need for the same work in the
//! same run. Ratios say more than times, for the machine is never quiet.
//!
//! Two groups, each with a fixture and a floor of its own: [`reconcile`] measures the way from a request to objects in a cluster beside plain
//! applies of the same objects; [`serving`] measures the API beside a hand-written server on the same database. They share the report, the
//! client and the counters.
//!
//! `make bench` and `make bench-api` run them. To add a benchmark: a function in one of the groups that puts its figures into a
//! [`report::Report`], or a program in `src/bin/` that writes one into `target/bench/`.

pub mod client;
pub mod counts;
mod plot;
pub mod processors;
pub mod reconcile;
pub mod report;
pub mod serving;
pub mod views;
