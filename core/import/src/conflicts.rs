//! What the API would refuse: a record by itself, or two that claim the same requests. Gateway API serves the older of two routes then; here one of them has to go.

use crate::{
    output::{Domain, Gateway, Shared},
    report::{Finding, Loss},
};
use causeway_records::nouns::{GatewayDefinition, Placement, Rules};
use causeway_rules::{
    attachment::{Attachment, check},
    claims::{RouteClaim, claims_of},
};
use std::collections::BTreeMap;

/// The gateways that can be on record, and what is to be told about the others and about claims that two have.
pub(crate) fn checked(
    gateways: Vec<Gateway>,
    domains: &BTreeMap<String, Domain>,
    shared: &[Shared],
) -> (Vec<Gateway>, Vec<Finding>) {
    let (mut kept, mut findings) = (vec![], vec![]);
    let mut holders: BTreeMap<(Option<String>, RouteClaim), String> = BTreeMap::new();
    for gateway in gateways {
        let mut tell = |loss, problem: String| {
            findings.push(Finding { object: gateway.from.clone(), field: "spec".into(), loss, problem });
        };
        // With a domain, whatever its id will be.
        let domain_name_definition_id = gateway.domain.as_ref().map(|_| 0);
        let definition = GatewayDefinition { domain_name_definition_id, ..gateway.definition.clone() };
        if let Some(problem) = definition.check().first() {
            tell(Loss::Unsupported, format!("no record can say it: {problem}"));
            continue;
        }
        let domain = gateway.domain.as_ref().and_then(|name| domains.get(name)).map(|domain| &domain.domain);
        let claims = match claims_of(&definition, domain) {
            Ok(claims) => claims,
            Err(refusal) => {
                tell(Loss::Unsupported, format!("no record can say it: {refusal}"));
                continue;
            }
        };
        let named =
            gateway.shared.as_ref().and_then(|name| shared.iter().find(|one| one.gateway.name.as_str() == name));
        let asked = Attachment { placement: Placement::Shared, class: None, claims: &claims };
        if let Some(refusal) = named.and_then(|one| check(&one.gateway, &asked).err()) {
            tell(Loss::Unsupported, format!("no record can say it: {refusal}"));
            continue;
        }
        let held = |claim: &RouteClaim| holders.get(&(gateway.shared.clone(), claim.clone()));
        if gateway.route_name.is_some()
            && let Some((claim, holder)) = claims.iter().find_map(|claim| Some((claim, held(claim)?)))
        {
            let problem = format!(
                "it isn't taken over, and stays as it is: {claim} is {holder}'s, too, and only one of them can be on record"
            );
            tell(Loss::Unsupported, problem);
            continue;
        }
        // A definition without an instance claims nothing.
        for claim in claims.into_iter().filter(|_| gateway.is_attached) {
            let place = (gateway.shared.clone(), claim);
            match holders.get(&place) {
                Some(holder) if !place.1.redirect => {
                    let problem = format!(
                        "{} is {holder}'s, too, and only one of them can be on record: take it out of one",
                        place.1
                    );
                    tell(Loss::Needed, problem);
                    break;
                }
                Some(_) => {}
                None => drop(holders.insert(place, gateway.from.to_string())),
            }
        }
        kept.push(gateway);
    }
    (kept, findings)
}
