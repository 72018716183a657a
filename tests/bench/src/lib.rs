//! Measures Causeway on the rig, each figure beside its floor: what the parts below (the API server, Postgres) need for the same work in the
//! same run. Ratios say more than times, for the machine is never quiet.
//!
//! Run them with `make bench`. To add a benchmark: a program in `src/bin/`, which puts its figures into a [`report::Report`] and writes that into
//! `target/bench/`.

pub mod api;
pub mod counts;
pub mod floor;
mod plot;
pub mod processors;
pub mod reconcile;
pub mod report;
pub mod serving;
pub mod sightings;
pub mod stage;
pub mod views;
