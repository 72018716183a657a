//! What controllers of Gateway API have in common: drivers take it from here.

use crate::{
    k8s::{
        Ours,
        gateway_api::{GATEWAY_CLASS, GatewayClassSpec},
    },
    plan::Object,
    targets::Targets,
};
use serde_json::Value;
use std::{collections::BTreeSet, net::IpAddr};

/// A GatewayClass for the controller of this name.
pub(super) fn class(ours: &Ours<'_>, name: &str, controller_name: &'static str) -> Object {
    GATEWAY_CLASS.object(ours, GATEWAY_CLASS.cluster(name), &GatewayClassSpec { controller_name })
}

/// The addresses in the status of a Gateway, each once and sorted. An address counts as IP address if it parses as one, whatever its type
/// says.
pub(super) fn addresses(status: &Value) -> Targets {
    let (mut ips, mut hostnames) = (BTreeSet::new(), BTreeSet::new());
    let addresses = status["addresses"].as_array().into_iter().flatten();
    for text in addresses.filter_map(|address| address["value"].as_str()).filter(|text| !text.is_empty()) {
        if let Ok(ip) = text.parse::<IpAddr>() {
            ips.insert(ip);
        } else {
            hostnames.insert(text.trim_end_matches('.').to_ascii_lowercase());
        }
    }
    Targets { ips: ips.into_iter().collect(), hostnames: hostnames.into_iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    proptest! {
        #[test]
        fn the_order_of_addresses_changes_nothing(
            (values, shuffled) in proptest::collection::vec("[a-c]\\.example|192\\.0\\.2\\.[1-3]", 0..6)
                .prop_flat_map(|values| (Just(values.clone()), Just(values).prop_shuffle())),
        ) {
            let status = |values: &[String]| {
                json!({"addresses": values.iter().map(|value| json!({"value": value})).collect::<Vec<_>>()})
            };
            prop_assert_eq!(addresses(&status(&values)), addresses(&status(&shuffled)));
        }
    }
}
