//! Requests in: JSON over HTTP to records in Postgres, in Threeport's v0 wire format.
//!
//! A request goes from [`app`] (the whole API on one screen) through one generic set of handlers for all nouns ([`routes::records`]) to the
//! store. The API writes intent only, publishes a hint after the commit, and waits for nothing else.

pub mod accept;
pub mod app;
pub mod association;
pub mod audit;
pub mod auth;
pub mod body;
pub mod config;
pub mod dev_ca;
pub mod envelope;
pub mod etag;
pub mod keys;
pub mod limit;
mod negotiation;
pub mod openapi;
pub mod origin;
mod overload;
pub mod query;
pub mod routes;
pub mod secrets;
pub mod state;
pub mod tls;
pub mod verbs;
