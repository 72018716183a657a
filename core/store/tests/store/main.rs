//! The store against a real Postgres, each test in a database of its own.
#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod audit;
mod documents;
mod fence;
mod fixture;
mod keys;
mod listeners;
mod pool;
mod reach;
mod records;
mod schema;
mod wake;
mod workload_events;
