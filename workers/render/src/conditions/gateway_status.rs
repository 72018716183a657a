//! The Gateway, its listeners and their certificates: conditions that a gateway instance and a shared gateway have in common.

use super::{
    ADDRESS_ASSIGNED, CERTIFICATES_READY, GATEWAY_ACCEPTED, GATEWAY_PROGRAMMED, LISTENERS_READY, NotReady,
    controller_condition::{ControllerCondition, require_true},
    count,
    listener_status::FaultyListener,
    report_first, summarize,
    tls_secret::tls_secret_not_ready,
};
use crate::{
    certificates::IssuedCertificates,
    driver::{self, Driver},
    k8s::{
        cert_manager::{CERTIFICATE, CHALLENGE},
        core::SECRET,
    },
    observed::{Observed, Seen},
    targets::Targets,
};
use causeway_records::{inventory::ObjectRef, status::NewCondition};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The Gateway of a record, as far as it is seen in the cluster.
pub(super) struct GatewayStatus<'a> {
    /// The driver whose controller writes the status.
    pub(super) driver: Driver,
    /// Namespace and name of the Gateway.
    pub(super) at: ObjectRef,
    /// None while it is not in the cluster.
    pub(super) observed: Option<&'a Observed>,
    /// The next thing to do when it is missing.
    pub(super) if_missing: String,
}

impl<'a> GatewayStatus<'a> {
    /// Of the Gateway that the record itself renders.
    pub(super) fn find_own(driver: Driver, at: ObjectRef, seen: &'a Seen) -> Self {
        let observed = seen.get(&at);
        Self { driver, at, observed, if_missing: "see whether it could be applied".to_owned() }
    }

    /// What every condition reports that needs the Gateway, while it is missing.
    pub(super) fn missing(&self) -> NotReady {
        let message = format!("{} does not stand in the cluster yet; {}", self.at, self.if_missing);
        NotReady::failed("GatewayNotFound", message)
    }

    /// GatewayAccepted, GatewayProgrammed, AddressAssigned.
    pub(super) fn conditions(&self) -> Vec<NewCondition> {
        let Some(gateway) = self.observed else {
            let missing = |condition_type| summarize(condition_type, vec![self.missing()], "");
            return [GATEWAY_ACCEPTED, GATEWAY_PROGRAMMED, ADDRESS_ASSIGNED].map(missing).into();
        };
        vec![self.accepted(gateway), self.programmed(gateway), self.address_assigned(gateway)]
    }

    /// Where clients reach it; empty while it is missing.
    pub(super) fn addresses(&self) -> Targets {
        self.observed.map(|gateway| driver::addresses(self.driver, &gateway.status)).unwrap_or_default()
    }

    /// The same as others read it: in the shape of a Gateway's status and in one order, since the same addresses in another order are no news.
    pub(super) fn published_addresses(&self) -> Value {
        self.addresses().texts().into_iter().map(|value| json!({"value": value})).collect()
    }

    fn accepted(&self, gateway: &Observed) -> NewCondition {
        let at = &self.at;
        let not_ready = require_true(
            ControllerCondition::find_current(gateway, "Accepted"),
            |accepted| format!("{at} is refused by its controller: {}", accepted.explanation()),
            || {
                format!(
                    "no controller has taken up {at} yet; if it stays so, check that its GatewayClass exists and its controller runs"
                )
            },
        );
        let unresolved = || {
            // Only where it refers to something, such as the certificate that it shows to Services.
            let resolved = ControllerCondition::find_current(gateway, "ResolvedRefs")?;
            let failed = |resolved: &ControllerCondition<'_>| {
                format!("{at} refers to what it can't use: {}; see TLS of the shared gateway", resolved.explanation())
            };
            require_true(Some(resolved), failed, || format!("the controller still looks for what {at} refers to"))
        };
        let not_ready = not_ready.or_else(unresolved);
        summarize(GATEWAY_ACCEPTED, not_ready.into_iter().collect(), format!("{at} is accepted by its controller"))
    }

    fn programmed(&self, gateway: &Observed) -> NewCondition {
        let at = &self.at;
        let not_ready = require_true(
            ControllerCondition::find_current(gateway, "Programmed"),
            |programmed| {
                let next = match programmed.reason {
                    "AddressNotAssigned" => {
                        "the cloud has given its Service no address yet; check the cluster's load balancers"
                    }
                    "NoResources" => "its proxies do not run yet; look at the controller's Deployments and Pods",
                    "AddressNotUsable" | "UnsupportedAddress" => "ask for other addresses, or for none",
                    _ => "look at the Gateway in the cluster",
                };
                format!("{at} is not programmed: {}; {next}", programmed.explanation())
            },
            || format!("the controller has not said yet whether {at} is programmed"),
        );
        summarize(GATEWAY_PROGRAMMED, not_ready.into_iter().collect(), format!("the proxies of {at} run"))
    }

    fn address_assigned(&self, gateway: &Observed) -> NewCondition {
        let at = &self.at;
        let texts = self.addresses().texts();
        let not_ready = if !texts.is_empty() {
            None
        } else if ControllerCondition::find_current(gateway, "Accepted").is_none() {
            Some(NotReady::pending(format!("waits for the controller of {at}")))
        } else {
            let next = "check that the cluster gives addresses to Services of type LoadBalancer";
            Some(NotReady::failed("AddressNotAssigned", format!("{at} has no address yet; {next}")))
        };
        summarize(ADDRESS_ASSIGNED, not_ready.into_iter().collect(), texts.join(", "))
    }

    /// ListenersReady, for a number of the Gateway's listeners, of which these do not work.
    pub(super) fn listeners_ready(&self, number: usize, faulty: &[FaultyListener<'_>]) -> NewCondition {
        if self.observed.is_none() {
            return summarize(LISTENERS_READY, vec![self.missing()], "");
        }
        let first = FaultyListener::most_important(faulty).map(FaultyListener::describe);
        report_first(LISTENERS_READY, first, faulty.len(), count(number, "listener"))
    }
}

/// CertificatesReady, for some certificates by what they are for; absent without any. `issuers` are the ClusterIssuers that Causeway made for them.
pub(super) fn certificates_ready(
    certificates: &BTreeSet<(String, ObjectRef)>,
    issuers: impl Iterator<Item = ObjectRef>,
    seen: &Seen,
) -> Option<NewCondition> {
    if certificates.is_empty() {
        return None;
    }
    // An issuer that does not work is the cause of what follows for each of its certificates, so it is reported first.
    let mut not_ready: Vec<_> = issuers.filter_map(|at| issuer_not_ready(&at, seen)).collect();
    not_ready.extend(certificates.iter().filter_map(|(name, at)| any_not_ready(name, at, seen)));
    Some(summarize(CERTIFICATES_READY, not_ready, count(certificates.len(), "certificate")))
}

/// Why a certificate can't be used, be it ordered or brought.
pub(super) fn any_not_ready(name: &str, at: &ObjectRef, seen: &Seen) -> Option<NotReady> {
    if SECRET.is(at) { tls_secret_not_ready(name, at, seen) } else { certificate_not_ready(name, at, seen) }
}

/// Whether the controller has said something of each listener of a Gateway or ListenerSet as it is now.
pub fn is_taken_up(holder: &Observed) -> bool {
    let is_current = |entry: &Value| {
        let find = |of: &&str| ControllerCondition::find_at(&entry["conditions"], of, holder.generation).is_some();
        ["ResolvedRefs", "Accepted", "Programmed"].iter().any(find)
    };
    let entries = holder.status["listeners"].as_array();
    entries.is_some_and(|entries| !entries.is_empty() && entries.iter().all(is_current))
}

/// Those among what is seen that were issued, be it before they were asked for as they are now.
pub fn issued_certificates(seen: &Seen) -> IssuedCertificates {
    let is_issued = |observed: &Observed| observed.status["notAfter"].is_string();
    let issued = seen.iter().filter(|(at, observed)| CERTIFICATE.is(at) && is_issued(observed));
    IssuedCertificates(issued.map(|(at, observed)| (at.clone(), is_valid(observed))).collect())
}

fn is_valid(certificate: &Observed) -> bool {
    ControllerCondition::find_current(certificate, "Ready").is_some_and(|ready| ready.is_true())
}

/// Why a hostname has no valid certificate, with the cause that is nearest to the authority.
pub(super) fn certificate_not_ready(hostname: &str, at: &ObjectRef, seen: &Seen) -> Option<NotReady> {
    let Some(observed) = seen.get(at) else {
        return Some(NotReady::pending(format!("{at} for {hostname} is not seen in the cluster yet")));
    };
    let cause = || {
        let cause = challenge_failure(hostname, at, seen).or_else(|| request_failure(observed));
        cause.map(|cause| format!("; {cause}")).unwrap_or_default()
    };
    require_true(
        ControllerCondition::find_current(observed, "Ready"),
        |ready| format!("the certificate for {hostname} ({at}) is not valid: {}{}", ready.explanation(), cause()),
        || format!("cert-manager has not taken up {at} for {hostname} yet{}", cause()),
    )
}

/// The Certificates whose Challenges say more than they do: those that are not valid.
pub fn certificates_in_the_making(seen: &Seen) -> impl Iterator<Item = &ObjectRef> {
    let certificates = seen.iter().filter(|(at, _)| CERTIFICATE.is(at));
    certificates.filter(move |(_, observed)| !is_valid(observed)).map(|(at, _)| at)
}

/// While a challenge fails, the Certificate says only that it is being issued; the reason is in the Challenge, whose name begins with the
/// Certificate's. What the authority says comes before what cert-manager waits for.
fn challenge_failure(hostname: &str, certificate: &ObjectRef, seen: &Seen) -> Option<String> {
    let first = CHALLENGE.at(certificate.namespace.as_deref()?, &format!("{}-", certificate.name));
    let of_certificate =
        |at: &ObjectRef| CHALLENGE.is(at) && at.namespace == first.namespace && at.name.starts_with(&first.name);
    let challenges = seen.range(&first..).take_while(|(at, _)| of_certificate(at));
    let text = |observed: &Observed, key: &str| observed.status[key].as_str().unwrap_or_default().trim().to_owned();
    let failures = challenges.filter_map(|(_, observed)| {
        let (state, reason) = (text(observed, "state"), text(observed, "reason"));
        let reason = reason.trim_end_matches('.');
        match state.as_str() {
            _ if reason.is_empty() => None,
            "valid" => None,
            "invalid" | "errored" | "expired" => {
                Some((false, format!("the authority doesn't believe that {hostname} is ours: {reason}")))
            }
            _ => Some((true, format!("the proof for {hostname} is not there yet: {reason}"))),
        }
    });
    failures.min_by_key(|(waits, _)| *waits).map(|(_, failure)| failure)
}

/// What cert-manager says of the last attempt, when it failed before a Challenge was made: the authority takes no order, or the account is not
/// accepted.
fn request_failure(certificate: &Observed) -> Option<String> {
    let issuing = ControllerCondition::find_current(certificate, "Issuing")?;
    (issuing.is_false() && issuing.reason == "Failed").then(|| issuing.explanation().to_owned())
}

/// None also for an issuer that is not in the cluster, or of which nothing is known: its certificates report that.
pub(super) fn issuer_not_ready(at: &ObjectRef, seen: &Seen) -> Option<NotReady> {
    let ready = ControllerCondition::find_current(seen.get(at)?, "Ready").filter(|ready| ready.is_false())?;
    let next =
        "correct the domain name definition, unless the authority is only down: cert-manager asks it again by itself";
    let message = format!("{at} can't sign: {}; {next}", ready.explanation());
    Some(NotReady::failed(ready.reason, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::k8s::gateway_api::GATEWAY;

    #[test]
    fn addresses_are_published_in_one_form_and_order() {
        let at = GATEWAY.at("shop", "shop");
        let published = |addresses: &[&str]| {
            let values: Vec<_> = addresses.iter().map(|value| json!({"type": "Any", "value": value})).collect();
            let status = json!({"addresses": values});
            let gateway = Observed { at: at.clone(), uid: "u".into(), generation: 1, replicas: None, status };
            let seen = Seen::from([(at.clone(), gateway)]);
            GatewayStatus::find_own(Driver::for_class(None), at.clone(), &seen).published_addresses()
        };
        assert_eq!(
            published(&["LB.example.net.", "2001:db8::1", "192.0.2.1"]),
            json!([{"value": "192.0.2.1"}, {"value": "2001:db8::1"}, {"value": "lb.example.net"}])
        );
        assert_eq!(published(&[]), json!([]));
    }
}
