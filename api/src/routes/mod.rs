//! What answers which path.

pub mod access_tokens;
pub mod audit_events;
pub mod events;
pub mod health;
pub mod records;
pub mod workloads;
