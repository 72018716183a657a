//! A strict emulator of AWS Route53 for tests, with the API of hosted zones, record sets, changes and tags.
//!
//! It refuses what Route53 refuses, because a lenient emulator would let wrong records pass the tests: a batch is applied
//! as a whole or not at all, a DELETE must name exactly what is stored, names must lie inside their zone, values must follow
//! the syntax of their type, and a CNAME can't share its name with other records. A change is PENDING for a while, and until it
//! is INSYNC the zone's name servers ([`dns`]) still answer with what was before. An account has five requests a second
//! (`limit.rs`). An access key with a policy of IAM may do what that allows, and nothing else (`policy`). The emulator doesn't check
//! signatures, and its health checks are always well.
//!
//! Beside AWS's operations it answers requests of tests, below `/rig/`: `GET journal?after=N&zone=ID` returns every accepted
//! change with its time, without `zone` those of all zones; `GET calls` returns how often each operation was called and how many calls were over the limit,
//! `GET calls/<zone>` how often each access key asked about a zone, and `PUT faults` sets [`Faults`]. `PUT policies/<access key>` sets the
//! policy of a key, or with `null` none, and `GET policies/<access key>` returns the ids of its statements that have allowed a request.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! let route53 = causeway_route53::Route53::start().await?;
//! println!("point an AWS client at {}", route53.url());
//! # Ok(()) }
//! ```

pub mod dns;
mod fault;
mod faults;
mod handlers;
mod limit;
mod name;
mod policy;
mod record;
mod served;
mod side;
mod state;
#[cfg(test)]
mod tests;
mod wire;
mod zone;

use std::net::Ipv4Addr;

use anyhow::Result;
use axum::{
    Router, middleware,
    routing::{get, post},
};
use tokio::{net::TcpListener, task::JoinHandle};

use self::{fault::Fault, state::Shared};
pub use self::{faults::Faults, state::JournalEntry};

/// A running emulator, on loopback.
pub struct Route53 {
    port: u16,
    shared: Shared,
    server: JoinHandle<()>,
}

impl Route53 {
    /// Starts it on a free port, without any zone.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let shared = Shared::default();
        let router = router(shared.clone());
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the Route53 emulator ended");
            }
        });
        Ok(Self { port, shared, server })
    }

    /// What the name servers of its public zones know.
    #[must_use]
    pub fn public_zones(&self) -> dns::PublicZones {
        dns::PublicZones(self.shared.clone())
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

/// The operations under `/2013-04-01`, and the tests' own paths under `/rig`.
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
        .layer(middleware::from_fn_with_state(shared.clone(), policy::admit))
        .layer(middleware::from_fn_with_state(shared.clone(), side::count_delay_and_fail));
    Router::new().nest("/2013-04-01", operations).nest("/rig", side::router()).with_state(shared)
}
