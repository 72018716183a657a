//! Which hosted zone each hostname is published in.

use super::super::Turn;
use super::client::route53;
use causeway_dns::{DnsError, Freshness, HostedZone, Route53};
use causeway_records::inputs::{DomainNameInputs, PublishedZone};
use causeway_render::{
    domain_name::{RecordSet, zone_of},
    hostnames::{ZonesOf, any_is_asked},
};
use std::collections::BTreeMap;

/// The zones of the hostnames that are to be published.
#[derive(Default)]
pub(super) struct Placement {
    /// By hostname.
    pub(super) zones: ZonesOf,
    /// The zone of the domain itself, if any hostname under it is asked for.
    pub(super) domain_zone: Option<PublishedZone>,
    /// Hostnames whose zone could not be found, and why.
    pub(super) errors: BTreeMap<String, DnsError>,
}

/// Finds the zone of each hostname.
pub(super) async fn place(
    ctx: Turn<'_>,
    inputs: &DomainNameInputs,
    wanted: &BTreeMap<String, Vec<RecordSet>>,
) -> Placement {
    let mut placement = Placement::default();
    if !any_is_asked(inputs) {
        return placement;
    }
    let route53 = route53(ctx, inputs, inputs.definition.spec.aws_account_id).await;
    for hostname in wanted.keys() {
        let found = find(&route53, inputs, hostname).await;
        // While Route 53 doesn't say where a hostname belongs, it stays where it is.
        let known = || zone_of(inputs, hostname).filter(|_| !matches!(&found, Err(error) if error.is_of_domain()));
        if let Some(zone) = found.as_ref().ok().or_else(known) {
            placement.zones.insert(hostname.clone(), zone.clone());
        }
        if let Err(error) = found
            && (error.retry_after().is_none() || !placement.zones.contains_key(hostname))
        {
            placement.errors.insert(hostname.clone(), error);
        }
    }
    // Only the hostnames need one.
    placement.domain_zone = find(&route53, inputs, inputs.definition.spec.domain.as_str()).await.ok();
    placement
}

async fn find(
    route53: &Result<Route53, DnsError>,
    inputs: &DomainNameInputs,
    hostname: &str,
) -> Result<PublishedZone, DnsError> {
    let spec = &inputs.definition.spec;
    let route53 = route53.as_ref().map_err(Clone::clone)?;
    let zone = route53.zone(hostname, spec.hosted_zone_id.as_deref(), spec.zone).await?;
    // Nothing is published where nobody could see it. What is read here, others need as well.
    route53.records(&zone, Freshness::Shared).await?;
    let HostedZone { id, name, private } = zone;
    Ok(PublishedZone { account: spec.aws_account_id, id, name, private })
}
