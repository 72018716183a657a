//! Handlers, by path.

pub(crate) mod access_tokens;
pub(crate) mod audit_events;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod records;
pub(crate) mod workloads;
