//! What stands in the cluster, as steps on the way to what a record asks for: inputs and what the watch saw in, findings out.
//!
//! A controller's word counts only for the generation it was given at; before, a step is `Unknown`. Controllers leave `True` behind on
//! objects whose Gateway is gone, so a step that needs the Gateway looks at that first. Steps that don't apply are absent.

mod domain_name;
mod gateway;
mod listeners;
mod routes;
mod shared_gateway;
mod status;
mod trouble;
mod workload;

pub use domain_name::domain_name_instance;
pub use gateway::gateway_instance;
pub use listeners::works;
pub use shared_gateway::{changed_listeners, shared_gateway};
pub use workload::workload_instance;

use causeway_records::status::Finding;

/// The Gateway's controller has taken it up.
pub const GATEWAY_ACCEPTED: &str = "GatewayAccepted";
/// The Gateway's proxies run as the Gateway asks.
pub const GATEWAY_PROGRAMMED: &str = "GatewayProgrammed";
/// The Gateway can be reached from outside.
pub const ADDRESS_ASSIGNED: &str = "AddressAssigned";
/// The listeners concerned work.
pub const LISTENERS_READY: &str = "ListenersReady";
/// The certificates of the HTTPS listeners concerned are valid.
pub const CERTIFICATES_READY: &str = "CertificatesReady";
/// The listeners have let the routes attach.
pub const ROUTES_ACCEPTED: &str = "RoutesAccepted";
/// The Services behind the routes exist and answer.
pub const REFS_RESOLVED: &str = "RefsResolved";
/// The DNS records stand in the zone.
pub const DNS_PUBLISHED: &str = "DnsPublished";
/// The workload's objects run.
pub const RESOURCES_READY: &str = "ResourcesReady";

/// What keeps a step from holding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Obstacle {
    /// Whether it may be gone by itself: nobody has said yet that the step doesn't hold.
    pub(crate) unknown: bool,
    /// One word for programs.
    pub(crate) reason: String,
    /// A sentence that names the object and the next thing to do.
    pub(crate) message: String,
}

impl Obstacle {
    pub(crate) fn fails(reason: &str, message: impl Into<String>) -> Self {
        Self { unknown: false, reason: reason.to_owned(), message: message.into() }
    }
    pub(crate) fn unknown(reason: &str, message: impl Into<String>) -> Self {
        Self { unknown: true, reason: reason.to_owned(), message: message.into() }
    }
}

/// Reason of a step that no controller has spoken about yet.
pub(crate) const PENDING: &str = "Pending";

/// The finding of a step over several objects. It holds when nothing is in the way (`holds` says what was found); otherwise it tells of the
/// first failure, or else of the first thing unknown, and counts the others.
pub(crate) fn step(kind: &'static str, mut obstacles: Vec<Obstacle>, holds: impl Into<String>) -> Finding {
    let (first, number) = (obstacles.iter().position(|obstacle| !obstacle.unknown).unwrap_or(0), obstacles.len());
    obstacles.truncate(first + 1);
    first_of(kind, obstacles.pop(), number, holds)
}

/// The same where only the one to tell of is known, and how many there are.
pub(crate) fn first_of(
    kind: &'static str,
    first: Option<Obstacle>,
    number: usize,
    holds: impl Into<String>,
) -> Finding {
    let Some(first) = first else { return Finding::holds(kind, kind, holds) };
    let message = match number {
        1 => first.message,
        _ => format!("{} (and {} more)", first.message, number - 1),
    };
    let finding = if first.unknown { Finding::unknown } else { Finding::fails };
    finding(kind, &first.reason, message)
}

/// `one listener`, `3 listeners`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("one {noun}") } else { format!("{number} {noun}s") }
}
