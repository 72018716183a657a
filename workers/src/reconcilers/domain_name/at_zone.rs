//! A hosted zone with what there is to do in it.

use super::{
    super::Turn,
    ZoneWork,
    client::route53,
    seen::{self, ZoneState},
};
use causeway_dns::{DnsError, Freshness, HostedZone, Route53, ZoneRecord};
use causeway_records::inputs::{DomainNameInputs, PublishedZone};
use causeway_render::support_service::dns_owner;
use causeway_store::StoreError;

/// A zone, and what there is to do in it.
pub(super) struct AtZone<'a> {
    pub(super) ctx: Turn<'a>,
    pub(super) inputs: &'a DomainNameInputs,
    pub(super) work: &'a ZoneWork,
    pub(super) route53: Route53,
    pub(super) zone: HostedZone,
    /// In the ownership records of what is ours.
    pub(super) owner: String,
    /// All that are concerned.
    hosts: Vec<String>,
}

impl<'a> AtZone<'a> {
    pub(super) async fn new(ctx: Turn<'a>, inputs: &'a DomainNameInputs, work: &'a ZoneWork) -> Result<Self, DnsError> {
        let route53 = route53(ctx, inputs, work.zone.account).await?;
        let PublishedZone { id, name, private, .. } = work.zone.clone();
        let owner = dns_owner(&inputs.control_plane, ctx.session.cluster_id());
        let wanted = work.wanted.iter().map(|wanted| wanted.host.clone());
        let mut hosts: Vec<String> = wanted.chain(work.leaving.iter().chain(work.as_read.keys()).cloned()).collect();
        hosts.sort();
        hosts.dedup();
        Ok(Self { ctx, inputs, work, route53, zone: HostedZone { id, name, private }, owner, hosts })
    }

    /// How new the records have to be before anything is decided.
    pub(super) fn freshness(&self) -> Freshness {
        if self.work.leaving.is_empty() { Freshness::Shared } else { Freshness::New }
    }

    pub(super) async fn read(&self, freshness: Freshness) -> Result<Vec<ZoneRecord>, DnsError> {
        self.route53.read(&self.zone, &self.hosts, freshness).await
    }

    /// Whether the worker may still change anything.
    pub(super) fn may_change(&self) -> bool {
        self.ctx.session.guard().is_held()
    }

    /// What the zone says.
    pub(super) fn state(&self, records: &[ZoneRecord]) -> ZoneState {
        seen::state(self.inputs, self.work, records, &self.owner)
    }
}

/// Why the work in a zone came to no end.
pub(super) enum Stopped {
    Dns(DnsError),
    /// The budget of deletions can't be read.
    Store(StoreError),
}

impl From<DnsError> for Stopped {
    fn from(error: DnsError) -> Self {
        Self::Dns(error)
    }
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
