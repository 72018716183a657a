//! The seam between Causeway and the gateway controller: everything in which controllers differ.
//!
//! Gateways, ListenerSets, routes and their conditions are standard Gateway API, rendered and read alike for every controller that speaks it
//! ([`crate::gateway`], [`crate::shared_gateway`], [`crate::conditions`]). What is left is asked here, and only here. What the API must know
//! before anything is rendered (services, bound ports, which of two matches wins, the driver of a class) is in the crate `causeway-rules`.
//!
//! A controller that needs nothing of its own needs no driver: its class is driven by [`Driver::Standard`]. To add one:
//! 1. A variant of [`Driver`] in `causeway-rules`, with its support services, its port rule and its order of matches; a bundle in `deploy/` for what it installs.
//! 2. A file beside this one. The compiler lists the functions below that need an arm for it.
//! 3. [`Driver::of_class`] must tell it apart from the others.

mod envoy_gateway;
mod gateway_api;
mod unobserved;

pub use causeway_rules::driver::Driver;
pub use unobserved::{touched, unobserved_routes};

use crate::{k8s::Ours, plan::Object, targets::Targets};
use causeway_records::nouns::Service;
use serde_json::Value;

/// The support services that a cluster needs for a gateway: those of the driver and, where a listener ends TLS, cert-manager.
pub fn support_services(driver: Driver, has_tls: bool) -> Vec<Service> {
    let certificates = has_tls.then_some(Service::CertManager);
    driver.services().iter().copied().chain(certificates).collect()
}

/// The GatewayClass that a Gateway refers to: the one that its record names, or else Causeway's own, which is named like the Gateway.
pub(crate) fn gateway_class_name(named: Option<&str>, gateway: &str) -> String {
    named.unwrap_or(gateway).to_owned()
}

/// Causeway's own GatewayClass, which hands a Gateway to the driver's controller.
pub(crate) fn gateway_class(driver: Driver, ours: &Ours<'_>, name: &str) -> Object {
    match driver {
        // Only classes that somebody else has made are driven by the standard alone.
        Driver::EnvoyGateway | Driver::Standard => gateway_api::class(ours, name, driver.controller()),
    }
}

/// Where clients reach a Gateway, by its status.
pub fn addresses(driver: Driver, gateway_status: &Value) -> Targets {
    match driver {
        Driver::EnvoyGateway | Driver::Standard => gateway_api::addresses(gateway_status),
    }
}

/// Types of conditions by which the controller says that a route has no working backend, beside `ResolvedRefs`. False means that it has
/// none; absent, nothing.
pub(crate) fn backend_conditions(driver: Driver) -> &'static [&'static str] {
    match driver {
        Driver::EnvoyGateway => envoy_gateway::BACKEND_CONDITIONS,
        Driver::Standard => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tls_needs_cert_manager() {
        for driver in Driver::ALL {
            assert_eq!(support_services(*driver, false), driver.services());
            let with_tls = support_services(*driver, true);
            assert_eq!(with_tls.split_last(), Some((&Service::CertManager, driver.services())));
        }
    }
}
