//! The store against a real Postgres, each test in a database of its own.
#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod attachment;
mod audit;
mod aws_accounts;
mod beside;
mod classes;
mod documents;
mod domain_names;
mod eks;
mod event_log;
mod fence;
mod figures;
mod fixture;
mod gateways;
mod keys;
mod lease;
mod listeners;
mod pool;
mod reach;
mod records;
mod route53_requests;
mod schema;
mod shadows;
mod summary;
mod tls;
mod traces;
mod trial;
mod wake;
mod webhooks;
mod wildcards;
mod woken;
mod workload_events;
mod zone_deletions;
