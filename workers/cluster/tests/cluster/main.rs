//! The cluster module against a real API server: what it writes, what it leaves alone, and what it costs.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod answers;
mod apply;
mod exclusive;
mod foreign;
mod give_back;
mod kinds;
mod prune;
mod support;
mod watch;
