//! Objects seen to conditions: how far the cluster is on the way to what a record asks for.
//!
//! The word of a controller counts only for the generation it was given at; before, a condition is `Unknown`. Controllers leave `True` behind
//! on objects whose Gateway is gone, so a condition that needs the Gateway looks at that first. Conditions that don't apply are absent.
//!
//! Per noun there is one file with one public function. `gateway_status` and `routes` read what both kinds of gateway have in common,
//! `listener_status` a single listener, `rollout` what runs Pods, `controller_condition` a single condition of any object.

mod certificates;
mod controller_condition;
mod domain_name;
mod drained;
mod gateway;
mod gateway_status;
mod listener_set;
mod listener_status;
mod rollout;
mod routes;
mod shared_gateway;
mod supported;
mod tls_secret;
mod workload;

pub use certificates::certificates;
pub use domain_name::{domain_name_instance, published_before};
pub use drained::{drained, drained_by_cluster_alone, drained_in};
pub use gateway::{gateway_addresses, gateway_instance, gateway_instance_state};
pub use gateway_status::{certificates_in_the_making, is_taken_up, issued_certificates};
pub use listener_set::{listener_set, listener_set_state, users_to_wake};
pub use shared_gateway::{listener_sets_applied, shared_gateway, shared_gateway_state};
pub use workload::workload_instance;

use causeway_records::status::NewCondition;

/// The record's objects are in the cluster as they were rendered.
pub const APPLIED: &str = "Applied";
/// The cluster, and the controller of the Gateway's class, can do what is asked for, as far as they say it.
pub const SUPPORTED: &str = "Supported";
/// The Gateway's controller has accepted it.
pub const GATEWAY_ACCEPTED: &str = "GatewayAccepted";
/// The Gateway's proxies run as the Gateway asks.
pub const GATEWAY_PROGRAMMED: &str = "GatewayProgrammed";
/// The Gateway can be reached from outside.
pub const ADDRESS_ASSIGNED: &str = "AddressAssigned";
/// The listeners that the record uses work.
pub const LISTENERS_READY: &str = "ListenersReady";
/// The certificates of the HTTPS listeners that the record uses are valid.
pub const CERTIFICATES_READY: &str = "CertificatesReady";
/// The listeners have let the routes attach.
pub const ROUTES_ACCEPTED: &str = "RoutesAccepted";
/// The Services behind the routes exist and have endpoints.
pub const REFS_RESOLVED: &str = "RefsResolved";
/// The DNS records are in the hosted zone.
pub const DNS_PUBLISHED: &str = "DnsPublished";
/// No answer of DNS leads to a cluster that is taken out.
pub const DRAINED: &str = "Drained";
/// The workload's objects run.
pub const RESOURCES_READY: &str = "ResourcesReady";

/// Reason of a condition that waits for the first report of a controller.
const PENDING: &str = "Pending";

/// Why one object keeps a condition from being met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotReady {
    /// Nothing is known of the object yet, and it may become ready by itself: the condition is `Unknown`, not `False`.
    pub(crate) pending: bool,
    /// One word for programs. A controller may give the reason [`PENDING`] too, for what is known to be not ready.
    pub(crate) reason: String,
    /// A sentence that names the object and the next thing to do.
    pub(crate) message: String,
}

impl NotReady {
    /// The object is known not to be as it should.
    pub(crate) fn failed(reason: &str, message: impl Into<String>) -> Self {
        Self { pending: false, reason: reason.to_owned(), message: message.into() }
    }

    /// Nothing is known of the object yet.
    pub(crate) fn pending(message: impl Into<String>) -> Self {
        Self { pending: true, ..Self::failed(PENDING, message) }
    }
}

/// A condition over several objects. It is met when all are ready (`met` is its message then); otherwise it reports the first that failed, or
/// else the first that is pending, and the number of the others.
pub(crate) fn summarize(
    condition_type: &'static str,
    mut not_ready: Vec<NotReady>,
    met: impl Into<String>,
) -> NewCondition {
    let first = not_ready.iter().position(|object| !object.pending).unwrap_or(0);
    let number = not_ready.len();
    not_ready.truncate(first + 1);
    report_first(condition_type, not_ready.pop(), number, met)
}

/// As [`summarize`], for callers that have only the one to report and the number of all that are not ready.
pub(crate) fn report_first(
    condition_type: &'static str,
    first: Option<NotReady>,
    number: usize,
    met: impl Into<String>,
) -> NewCondition {
    let Some(first) = first else { return NewCondition::met(condition_type, condition_type, met) };
    let message = match number {
        1 => first.message,
        _ => format!("{} (and {} more)", first.message, number - 1),
    };
    let condition = if first.pending { NewCondition::unknown } else { NewCondition::not_met };
    condition(condition_type, &first.reason, message)
}

/// What is to be looked at although it stands in nothing's way: the first of many, and how many there are besides.
pub(crate) fn remarks(warnings: &[String]) -> String {
    if warnings.is_empty() { String::new() } else { format!("; look at this: {}", list(warnings)) }
}

/// The first of many, and how many there are besides.
pub(crate) fn list(of: &[String]) -> String {
    const NAMED: usize = 10;
    let named = of.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match of.len().checked_sub(NAMED) {
        None | Some(0) => named,
        Some(more) => format!("{named} and {more} more"),
    }
}

/// `one listener`, `3 listeners`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("one {noun}") } else { format!("{number} {noun}s") }
}
