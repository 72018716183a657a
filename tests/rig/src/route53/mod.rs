//! A strict stand-in for AWS Route53, the one service here that can't be real.
//!
//! It refuses what Route53 refuses, for a lenient one would let wrong records pass the tests: a batch is made whole or not at
//! all, a DELETE has to name exactly what is there, names stay inside their zone, values follow the syntax of their type, a
//! CNAME stands alone. A change is PENDING for a while. What it doesn't do: check signatures, throttle unasked, route
//! answers, or serve DNS.
//!
//! Beside the operations it answers below `/rig/`: `GET journal?after=N` (every accepted change, with its time), `GET calls`
//! (how often each operation was called) and `PUT faults` ([`Faults`]).

mod fault;
mod handlers;
mod name;
mod record;
mod side;
mod state;
#[cfg(test)]
mod tests;
mod wire;
mod zone;

use anyhow::Result;
use axum::{
    Router, middleware,
    routing::{get, post},
};
use tokio::{net::TcpListener, task::JoinHandle};

pub use self::state::{Faults, JournalEntry};
use self::{fault::Fault, state::Shared};
use crate::net::{free_port, loopback};

/// A running emulator, on loopback.
#[derive(Debug)]
pub struct Route53 {
    port: u16,
    server: JoinHandle<()>,
}

impl Route53 {
    /// Starts it, without any zone.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start() -> Result<Self> {
        let port = free_port()?;
        let listener = TcpListener::bind(loopback(port)).await?;
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router(Shared::default())).await {
                tracing::error!(%error, "the Route53 emulator ended");
            }
        });
        Ok(Self { port, server })
    }

    /// The endpoint for AWS clients.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port of loopback it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops it, and forgets everything.
    pub fn stop(&self) {
        self.server.abort();
    }
}

/// The operations under `/2013-04-01`, and the rig's own paths.
fn router(shared: Shared) -> Router {
    let operations = Router::new()
        .route("/hostedzone", get(handlers::list_zones).post(handlers::create_zone))
        .route("/hostedzonesbyname", get(handlers::list_zones_by_name))
        .route("/hostedzone/{id}", get(handlers::get_zone).delete(handlers::delete_zone))
        .route("/hostedzone/{id}/rrset", get(handlers::list_records).post(handlers::change_records))
        .route("/hostedzone/{id}/rrset/", post(handlers::change_records))
        .route("/change/{id}", get(handlers::get_change))
        .route("/tags/hostedzone", post(handlers::list_tags_of_many))
        .route("/tags/hostedzone/{id}", get(handlers::list_tags).post(handlers::change_tags))
        .fallback(async || Fault::no_such_operation())
        .layer(middleware::from_fn_with_state(shared.clone(), side::count_delay_and_fail));
    Router::new().nest("/2013-04-01", operations).nest("/rig", side::router()).with_state(shared)
}
