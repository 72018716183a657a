//! What other gateway instances take of the requests that one claims.

use super::driver;
use causeway_records::inputs::{ClaimBeside, GatewayInputs};
use causeway_rules::{
    claims::{RouteClaim, claims_of},
    conflicts::ClaimHolder,
    shadows,
};

/// A sentence for each that is taken.
pub(super) fn warnings(inputs: &GatewayInputs) -> Vec<String> {
    if inputs.beside.is_empty() {
        return vec![];
    }
    let domain = inputs.domain.as_ref().map(|domain| &domain.spec.domain);
    // What claims nothing has been refused by the API.
    let own = claims_of(&inputs.definition.spec, domain).unwrap_or_default();
    let others: Vec<_> = inputs.beside.iter().map(other).collect();
    shadows::warnings(driver(inputs), &own, &others)
}

fn other(beside: &ClaimBeside) -> (RouteClaim, ClaimHolder) {
    let claim = RouteClaim {
        listener: beside.listener.clone(),
        requests: beside.requests.clone(),
        // One listener has routes of one kind.
        grpc: false,
        redirect: beside.redirect,
        // One listener has one certificate, whoever uses it.
        tls_secret: None,
    };
    (claim, ClaimHolder { id: beside.gateway_instance_id, name: beside.gateway_instance.clone() })
}
