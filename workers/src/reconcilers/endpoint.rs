//! Whether a gateway answers, seen from the workers.

use super::Reconcile;
use crate::session::EndpointSeen;
use causeway_diagnosis::{Endpoint, Host, Question, StepName};
use causeway_records::{inputs::GatewayInputs, nouns::DomainNameDefinition, status::NewCondition};
use causeway_render::{conditions::gateway_addresses, observed::Seen};
use causeway_rules::claims::claims_of;
use std::collections::{BTreeMap, BTreeSet};

/// The last condition of a gateway instance, where workers connect to gateways.
const ENDPOINT_REACHABLE: &str = "EndpointReachable";
/// Hostnames of one gateway instance that are asked for.
const MOST_HOSTNAMES: usize = 4;

impl Reconcile<'_> {
    /// None: nobody connects to it.
    pub(super) fn endpoint_reachable(&self, inputs: &GatewayInputs, seen: &Seen) -> Option<NewCondition> {
        self.context.endpoint_prober.as_ref()?;
        let addresses = gateway_addresses(inputs, seen);
        let (probes, id) = (&self.session.endpoint_probes, inputs.instance.record.id());
        let questions = questions(inputs, &addresses);
        if questions.is_empty() {
            probes.forget(id);
            return None;
        }
        if addresses.is_empty() {
            probes.forget(id);
            return Some(pending("the Gateway has no address that could be connected to"));
        }
        condition(probes.ask(id, questions))
    }
}

fn pending(message: &str) -> NewCondition {
    NewCondition::unknown(ENDPOINT_REACHABLE, "Pending", message)
}

fn condition(seen: Option<EndpointSeen>) -> Option<NewCondition> {
    Some(match seen {
        None => pending("the workers have not connected to the gateway yet"),
        Some(EndpointSeen::Nothing) => return None,
        Some(EndpointSeen::Answers) => {
            NewCondition::met(ENDPOINT_REACHABLE, ENDPOINT_REACHABLE, "the gateway answers the workers")
        }
        Some(EndpointSeen::Fails(step, message)) => {
            let reason = match step {
                StepName::CertificateValid => "InvalidCertificate",
                StepName::Answered => "NoAnswer",
                _ => "NotConnected",
            };
            NewCondition::not_met(ENDPOINT_REACHABLE, reason, message)
        }
    })
}

/// What to ask, for each hostname, at the ports that it has. None where nobody would confirm anything, as with datagrams.
fn questions(inputs: &GatewayInputs, addresses: &[String]) -> Vec<Question> {
    let domain = inputs.domain.as_ref().map(|domain| &domain.spec);
    // Wrong ones don't come so far.
    let claims = claims_of(&inputs.definition.spec, domain.map(|domain| &domain.domain)).unwrap_or_default();
    let mut by_hostname: BTreeMap<Option<&str>, BTreeSet<Endpoint>> = BTreeMap::new();
    for claim in &claims {
        let endpoint = Endpoint::claimed(claim.listener.port, claim.listener.protocol.as_str(), &claim.requests);
        by_hostname.entry(claim.listener.hostname.as_deref()).or_default().extend(endpoint);
    }
    by_hostname.retain(|_, endpoints| !endpoints.is_empty());
    // Of the listeners of a shared gateway's record the domain doesn't say who signs.
    let signing = domain.filter(|_| inputs.instance.record.spec.shared_gateway_id.is_none());
    let known_authority = signing.is_some_and(DomainNameDefinition::has_known_authority);
    // Who signs what somebody has brought isn't known.
    let brought: BTreeSet<_> = claims
        .iter()
        .filter(|claim| claim.tls_secret.is_some())
        .map(|claim| claim.listener.hostname.as_deref())
        .collect();
    let each = by_hostname.into_iter().take(MOST_HOSTNAMES);
    each.map(|(hostname, endpoints)| Question {
        host: Host::claimed(hostname),
        addresses: addresses.to_vec(),
        endpoints: endpoints.into_iter().collect(),
        known_authority: known_authority && !brought.contains(&hostname),
        ..Question::default()
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::status::ConditionStatus;

    #[test]
    fn the_step_that_fails_gives_the_reason() {
        let of = |step| condition(Some(EndpointSeen::Fails(step, "why".to_owned()))).unwrap();
        let reasons = [StepName::Connected, StepName::CertificateValid, StepName::Answered].map(|step| of(step).reason);
        assert_eq!(reasons, ["NotConnected", "InvalidCertificate", "NoAnswer"]);
        assert_eq!(condition(None).unwrap().status, ConditionStatus::Unknown);
        assert_eq!(condition(Some(EndpointSeen::Answers)).unwrap().status, ConditionStatus::True);
        assert!(condition(Some(EndpointSeen::Nothing)).is_none(), "what can't be seen keeps nobody from being Ready");
    }
}
