//! The Gateway, its listeners and their certificates: steps that both kinds of gateway have.

use super::{
    ADDRESS_ASSIGNED, CERTIFICATES_READY, GATEWAY_ACCEPTED, GATEWAY_PROGRAMMED, LISTENERS_READY, Obstacle, PENDING,
    count, first_of,
    status::{condition, of, should_hold},
    step,
    trouble::{Troubled, all_serve},
};
use crate::{
    domain_name::gateway_addresses,
    k8s::{
        cert_manager::{CERTIFICATE, CHALLENGE},
        gateway_api::LISTENER_SET,
    },
    observed::{Observed, Seen},
};
use causeway_records::{inventory::ObjectRef, status::Finding};
use serde_json::Value;
use std::collections::BTreeMap;

/// Reason of every step that needs a Gateway which isn't there.
pub(super) const GATEWAY_NOT_FOUND: &str = "GatewayNotFound";

/// The next thing to do about the Gateway of the record itself.
pub(super) const OWN_GATEWAY: &str = "see whether it could be applied";

/// What is in the way when the Gateway isn't there, and the next thing to do about it.
pub(super) fn gateway_missing(gateway: &ObjectRef, next: &str) -> Obstacle {
    Obstacle::fails(GATEWAY_NOT_FOUND, format!("{gateway} does not stand in the cluster yet; {next}"))
}

/// GatewayAccepted, GatewayProgrammed, AddressAssigned.
pub(super) fn gateway(at: &ObjectRef, seen: &Seen, next: &str) -> Vec<Finding> {
    let Some(gateway) = seen.get(at) else {
        let missing = |kind| step(kind, vec![gateway_missing(at, next)], "");
        return [GATEWAY_ACCEPTED, GATEWAY_PROGRAMMED, ADDRESS_ASSIGNED].map(missing).into();
    };
    vec![accepted(at, gateway), programmed(at, gateway), address(at, gateway)]
}

fn accepted(at: &ObjectRef, gateway: &Observed) -> Finding {
    let obstacle = should_hold(
        of(gateway, "Accepted"),
        |says| format!("{at} is refused by its controller: {}", says.because()),
        || {
            format!(
                "no controller has taken up {at} yet; if it stays so, check that its GatewayClass exists and its controller runs"
            )
        },
    );
    step(GATEWAY_ACCEPTED, obstacle.into_iter().collect(), format!("{at} is accepted by its controller"))
}

fn programmed(at: &ObjectRef, gateway: &Observed) -> Finding {
    let obstacle = should_hold(
        of(gateway, "Programmed"),
        |says| {
            let next = match says.reason {
                "AddressNotAssigned" => {
                    "the cloud has given its Service no address yet; check the cluster's load balancers"
                }
                "NoResources" => "its proxies do not run yet; look at the controller's Deployments and Pods",
                "AddressNotUsable" | "UnsupportedAddress" => "ask for other addresses, or for none",
                _ => "look at the Gateway in the cluster",
            };
            format!("{at} is not programmed: {}; {next}", says.because())
        },
        || format!("the controller has not said yet whether {at} is programmed"),
    );
    step(GATEWAY_PROGRAMMED, obstacle.into_iter().collect(), format!("the proxies of {at} run"))
}

fn address(at: &ObjectRef, gateway: &Observed) -> Finding {
    let found = gateway_addresses(&gateway.status);
    let texts: Vec<String> = found.ips.iter().map(ToString::to_string).chain(found.hostnames).collect();
    let obstacle = if !texts.is_empty() {
        None
    } else if of(gateway, "Accepted").is_none() {
        Some(Obstacle::unknown(PENDING, format!("waits for the controller of {at}")))
    } else {
        let next = "check that the cluster gives addresses to Services of type LoadBalancer";
        Some(Obstacle::fails("AddressNotAssigned", format!("{at} has no address yet; {next}")))
    };
    step(ADDRESS_ASSIGNED, obstacle.into_iter().collect(), texts.join(", "))
}

/// ListenersReady, for some of the listeners of a Gateway, of which these don't work.
pub(super) fn listeners(
    gateway: &ObjectRef,
    number: usize,
    troubled: &[Troubled<'_>],
    seen: &Seen,
    next: &str,
) -> Finding {
    if !seen.contains_key(gateway) {
        return step(LISTENERS_READY, vec![gateway_missing(gateway, next)], "");
    }
    let first = Troubled::first(troubled).map(Troubled::obstacle);
    first_of(LISTENERS_READY, first, troubled.len(), count(number, "listener"))
}

/// Whether a ListenerSet with all its listeners, or a Certificate, is as it should be: all conditions hold, at its generation. Said of the whole
/// object, once for each change of it. Of other kinds nobody asks.
pub fn works(at: &ObjectRef, object: &Value, generation: i64) -> bool {
    if CERTIFICATE.is(at) {
        return condition(&object["status"]["conditions"], "Ready", generation).is_some_and(|says| says.holds());
    }
    LISTENER_SET.is(at) && all_serve(object, generation)
}

/// CertificatesReady, for the certificates of some hostnames; absent without any. `issuers` are the ones that we made for them.
pub(super) fn certificates(
    certificates: &BTreeMap<&str, ObjectRef>,
    issuers: impl Iterator<Item = ObjectRef>,
    seen: &Seen,
) -> Option<Finding> {
    if certificates.is_empty() {
        return None;
    }
    let mut obstacles = issuer_obstacles(issuers, seen);
    obstacles.extend(certificates.iter().filter_map(|(hostname, at)| certificate_obstacle(hostname, at, seen)));
    Some(step(CERTIFICATES_READY, obstacles, count(certificates.len(), "certificate")))
}

/// What keeps a hostname from having a valid certificate: the nearest thing to a cause that can be seen.
pub(super) fn certificate_obstacle(hostname: &str, at: &ObjectRef, seen: &Seen) -> Option<Obstacle> {
    let Some(observed) = seen.get(at) else {
        return Some(Obstacle::unknown(PENDING, format!("{at} for {hostname} is not seen in the cluster yet")));
    };
    if observed.works {
        return None;
    }
    let challenge = || {
        challenge_reason(at, seen)
            .map(|why| format!("; the authority could not verify {hostname}: {why}"))
            .unwrap_or_default()
    };
    should_hold(
        of(observed, "Ready"),
        |says| format!("the certificate for {hostname} ({at}) is not valid: {}{}", says.because(), challenge()),
        || format!("cert-manager has not taken up {at} for {hostname} yet{}", challenge()),
    )
}

/// While a challenge fails, the Certificate says only that it is being issued; the reason stands in the Challenge, whose name begins with
/// the Certificate's.
fn challenge_reason<'a>(certificate: &ObjectRef, seen: &'a Seen) -> Option<&'a str> {
    let first = CHALLENGE.at(certificate.namespace.as_deref()?, &format!("{}-", certificate.name));
    let of_certificate =
        |at: &ObjectRef| CHALLENGE.is(at) && at.namespace == first.namespace && at.name.starts_with(&first.name);
    let challenges = seen.range(&first..).take_while(|(at, _)| of_certificate(at));
    challenges.filter_map(|(_, observed)| observed.status["reason"].as_str()).find(|reason| !reason.is_empty())
}

/// What is wrong with issuers: told before what follows from it for each certificate.
fn issuer_obstacles(issuers: impl Iterator<Item = ObjectRef>, seen: &Seen) -> Vec<Obstacle> {
    let obstacle = |at: ObjectRef| {
        let says = of(seen.get(&at)?, "Ready").filter(|says| says.status == "False")?;
        Some(Obstacle::fails(
            says.reason,
            format!("{at} can't sign: {}; correct the domain name definition", says.because()),
        ))
    };
    issuers.filter_map(obstacle).collect()
}
