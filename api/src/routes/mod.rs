//! What answers which path.

pub mod events;
pub mod health;
pub mod records;
pub mod workloads;
