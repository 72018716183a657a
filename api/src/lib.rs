//! Requests in: JSON over HTTP to records in Postgres, in Threeport's v0 wire format.
//!
//! The API writes intent only, publishes a hint after the commit, and waits for nothing else. Where to look, from the outside to the inside:
//!
//! - [`commands`]: what the program can do; `serve` starts everything. [`config`]: its flags.
//! - [`server`]: connections, their limits and their ends. `tls`: certificates of both sides.
//! - [`layers`]: what every request passes: id, log, time limit, authentication, rate limit, content negotiation.
//! - [`app`]: the list of all routes. [`route`]: how a route states the role that it asks for.
//! - [`watch`]: events of records, followed once for all clients.
//! - `diagnosis`: why a hostname isn't served.
//! - `webhooks`: the same events, sent to receivers.
//! - `routes`: the handlers, one generic set for all nouns. [`aside`]: where they do what takes much time or memory.
//! - `ui`: the dashboard, one file for each page.
//! - [`wire`]: what a request says (body, query, `If-Match`) and how it is answered (envelope, `ETag`, redaction).
//! - [`auth`]: who the caller is.
//! - `openapi`: the API document, made of the list of routes and the nouns' tables.
//!
//! Modules use those below them in this list or at its end, never the other way round; `openapi` gets the routes as an argument.

pub mod app;
pub mod aside;
pub mod auth;
pub mod commands;
pub mod config;
pub mod diagnosis;
mod keyed_limit;
pub mod layers;
mod openapi;
pub mod route;
mod routes;
pub mod server;
pub mod state;
mod tls;
mod ui;
pub mod watch;
pub mod webhooks;
pub mod wire;
