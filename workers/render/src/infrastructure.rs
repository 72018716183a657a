//! Addresses, labels and annotations that a definition asks for, in the form of Gateway API. Shared by both placements.

use crate::k8s::gateway_api::{GatewayAddress, GatewayInfrastructure};
use causeway_records::nouns::{Infrastructure, Texts};
use std::{collections::BTreeSet, net::IpAddr};

/// Addresses to ask the cluster's load balancer for, each once.
pub(crate) fn addresses(wanted: Option<&Texts>) -> Vec<GatewayAddress> {
    let address = |text: &String| {
        let address_type = if text.parse::<IpAddr>().is_ok() { "IPAddress" } else { "Hostname" };
        GatewayAddress { address_type, value: text.clone() }
    };
    let each: BTreeSet<_> = wanted.into_iter().flat_map(|texts| &texts.0).map(address).collect();
    each.into_iter().collect()
}

/// Labels and annotations for the objects that the controller makes; None if there are none.
pub(crate) fn labels_and_annotations(wanted: Option<&Infrastructure>) -> Option<GatewayInfrastructure> {
    let wanted = wanted.filter(|wanted| !wanted.labels.is_empty() || !wanted.annotations.is_empty())?;
    Some(GatewayInfrastructure { labels: wanted.labels.clone(), annotations: wanted.annotations.clone() })
}
