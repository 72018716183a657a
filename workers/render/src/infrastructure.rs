//! What is asked of the cloud for a Gateway, shared by both placements.

use crate::k8s::gateway_api;
use causeway_records::nouns::{Infrastructure, Texts};
use std::{collections::BTreeSet, net::IpAddr};

/// Addresses to ask the cloud for, each once.
pub(crate) fn addresses(wanted: Option<&Texts>) -> Vec<gateway_api::Address> {
    let address = |text: &String| {
        let kind = if text.parse::<IpAddr>().is_ok() { "IPAddress" } else { "Hostname" };
        gateway_api::Address { kind, value: text.clone() }
    };
    let each: BTreeSet<_> = wanted.into_iter().flat_map(|texts| &texts.0).map(address).collect();
    each.into_iter().collect()
}

/// Labels and annotations for what the controller makes; None if there are none.
pub(crate) fn labels_and_annotations(wanted: Option<&Infrastructure>) -> Option<gateway_api::Infrastructure> {
    let wanted = wanted.filter(|wanted| !wanted.labels.is_empty() || !wanted.annotations.is_empty())?;
    Some(gateway_api::Infrastructure { labels: wanted.labels.clone(), annotations: wanted.annotations.clone() })
}
