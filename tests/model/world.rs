//! What was asked for, and what the API must say to the next request: the model. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    claims::{Claim, clash},
    draft::{HttpPort, Layer4},
    late::Odd,
    publishing::Publishing,
    sequence::{Act, Noun, Pick},
    zones::InZone,
};

/// A record, in the order in which they were asked for. Never given out twice in a sequence.
pub(crate) type Handle = u32;

/// How many there may be of a kind at a time.
const MOST: [(Noun, usize); 6] = [
    (Noun::WorkloadDefinition, 2),
    (Noun::Workload, 3),
    (Noun::Domain, 2),
    (Noun::GatewayDefinition, 3),
    (Noun::Gateway, 5),
    (Noun::Name, 3),
];

/// A record as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    WorkloadDefinition {
        maps: BTreeMap<String, u8>,
        odd: Option<Odd>,
    },
    Workload {
        definition: Handle,
        cluster: u8,
    },
    Domain {
        label: String,
        zone: InZone,
        publishing: Publishing,
    },
    GatewayDefinition {
        domain: Option<Handle>,
        hosts: Hosts,
        dedicated: bool,
        http: Vec<HttpPort>,
        layer4: Vec<(Layer4, u16)>,
    },
    Gateway {
        definition: Handle,
        workload: Handle,
    },
    Name {
        domain: Handle,
        workload: Handle,
        weight: Option<u8>,
    },
}

/// Which hostnames below its domain a gateway definition asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hosts {
    /// The domain itself, or this label before it.
    Sub(Option<String>),
    /// These, as they were spelled when they were asked for: with the domain's label of then.
    List(Vec<String>),
}

/// A request to the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Makes the record, or changes it when it is there.
    Put(Handle, Record),
    Delete(Handle),
    Force(Handle),
}

/// What the API must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accepted,
    /// And why.
    Refused(String),
    /// Records that are on their way out may still be in the way.
    Either,
}

/// All records that were asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    next: Handle,
    /// Those that shall be.
    pub(crate) records: BTreeMap<Handle, Record>,
    /// The clusters that have the definitions of late kinds.
    pub(crate) defined: BTreeSet<u8>,
    /// Those whose deletion was asked for, and that weren't seen to be gone.
    pub(crate) leaving: BTreeMap<Handle, Record>,
}

impl Record {
    pub(crate) fn noun(&self) -> Noun {
        match self {
            Self::WorkloadDefinition { .. } => Noun::WorkloadDefinition,
            Self::Workload { .. } => Noun::Workload,
            Self::Domain { .. } => Noun::Domain,
            Self::GatewayDefinition { .. } => Noun::GatewayDefinition,
            Self::Gateway { .. } => Noun::Gateway,
            Self::Name { .. } => Noun::Name,
        }
    }

    /// The records that it can't be without.
    fn needs(&self) -> Vec<Handle> {
        match self {
            Self::WorkloadDefinition { .. } | Self::Domain { .. } => vec![],
            Self::Workload { definition, .. } => vec![*definition],
            Self::GatewayDefinition { domain, .. } => domain.iter().copied().collect(),
            Self::Gateway { definition, workload } => vec![*definition, *workload],
            Self::Name { domain, workload, .. } => vec![*domain, *workload],
        }
    }
}

impl World {
    /// The handles of a kind, in order.
    pub(crate) fn of(&self, noun: Noun) -> Vec<Handle> {
        self.records.iter().filter(|(_, record)| record.noun() == noun).map(|(handle, _)| *handle).collect()
    }

    pub(crate) fn pick(&self, noun: Noun, which: Pick) -> Option<Handle> {
        let all = self.of(noun);
        all.get(usize::from(which) % all.len().max(1)).copied()
    }

    /// A new handle, or the picked record's when there are enough of a kind.
    fn target(&self, noun: Noun, which: Pick) -> Handle {
        let all = self.of(noun);
        let index = usize::from(which) % self.most(noun);
        all.get(index).copied().unwrap_or(self.next)
    }

    fn most(&self, noun: Noun) -> usize {
        MOST.iter().find(|(of, _)| *of == noun).map_or(1, |(_, most)| *most)
    }

    fn has_room(&self, noun: Noun) -> bool {
        self.of(noun).len() < self.most(noun)
    }

    /// The label of a domain, live or not.
    pub(crate) fn domain_label(&self, domain: Handle) -> &str {
        match self.records.get(&domain).or_else(|| self.leaving.get(&domain)) {
            Some(Record::Domain { label, .. }) => label,
            _ => "",
        }
    }

    /// What a step comes to; None when there is nothing to do it with, or nobody could say what comes of it.
    pub(crate) fn request(&self, act: &Act) -> Option<Request> {
        self.requested(act).filter(|request| !self.after(request).quarrels())
    }

    fn requested(&self, act: &Act) -> Option<Request> {
        Some(match act {
            Act::SetWorkloadDefinition { which, maps, odd } => {
                let record = Record::WorkloadDefinition { maps: maps.clone(), odd: *odd };
                Request::Put(self.target(Noun::WorkloadDefinition, *which), record)
            }
            Act::AddWorkload { definition, cluster } => {
                let definition = self.pick(Noun::WorkloadDefinition, *definition)?;
                self.add(Record::Workload { definition, cluster: *cluster })?
            }
            Act::MoveWorkload { workload, definition } => {
                let workload = self.pick(Noun::Workload, *workload)?;
                let definition = self.pick(Noun::WorkloadDefinition, *definition)?;
                let Record::Workload { cluster, .. } = self.records.get(&workload)? else { return None };
                Request::Put(workload, Record::Workload { definition, cluster: *cluster })
            }
            Act::SetDomain { which, zone } => {
                let handle = self.target(Noun::Domain, *which);
                let moved = self.domain_label(handle) == format!("d{handle}");
                let label = if moved { format!("moved{handle}") } else { format!("d{handle}") };
                Request::Put(handle, Record::Domain { label, zone: *zone, publishing: self.publishing(handle) })
            }
            Act::MoveDomain { which, zone } => {
                let handle = self.pick(Noun::Domain, *which)?;
                let label = self.domain_label(handle).to_owned();
                Request::Put(handle, Record::Domain { label, zone: *zone, publishing: self.publishing(handle) })
            }
            Act::Publish { which, how } => self.publish(*which, *how)?,
            Act::SetGatewayDefinition { which, gateway } => {
                let handle = self.target(Noun::GatewayDefinition, *which);
                Request::Put(handle, self.drawn(gateway, self.records.get(&handle)))
            }
            Act::AddGateway { definition, workload } => {
                let definition = self.pick(Noun::GatewayDefinition, *definition)?;
                self.add(Record::Gateway { definition, workload: self.pick(Noun::Workload, *workload)? })?
            }
            Act::AddName { domain, workload } => {
                let here =
                    |handle: &Handle| matches!(self.records.get(handle), Some(Record::Workload { cluster: 0, .. }));
                let workloads: Vec<Handle> = self.of(Noun::Workload).into_iter().filter(here).collect();
                let workload = *workloads.get(usize::from(*workload) % workloads.len().max(1))?;
                self.add(Record::Name { domain: self.pick(Noun::Domain, *domain)?, workload, weight: None })?
            }
            Act::Weigh { which, weight } => self.weigh(*which, *weight)?,
            Act::Delete { noun, which } => Request::Delete(self.pick(*noun, *which)?),
            // Nothing has to be brought about for a domain itself.
            Act::Force { noun: Noun::Domain, .. }
            | Act::Define { .. }
            | Act::Address { .. }
            | Act::Meddle { .. }
            | Act::Fault { .. } => return None,
            Act::Force { noun, which } => Request::Force(self.pick(*noun, *which)?),
        })
    }

    fn add(&self, record: Record) -> Option<Request> {
        self.has_room(record.noun()).then_some(Request::Put(self.next, record))
    }

    /// What the API must say to a request.
    pub(crate) fn verdict(&self, request: &Request) -> Verdict {
        match request {
            Request::Force(_) => Verdict::Accepted,
            Request::Delete(handle) => {
                let user = self.records.iter().find(|(_, record)| record.needs().contains(handle));
                user.map_or(Verdict::Accepted, |(user, _)| Verdict::Refused(format!("record {user} needs it")))
            }
            Request::Put(_, record) => match self.refuses_weight(record) {
                Some(why) => Verdict::Refused(why),
                None => self.after(request).verdict_on_claims(),
            },
        }
    }

    fn verdict_on_claims(&self) -> Verdict {
        match self.claims().map(|claims| clash(&claims)) {
            Err(why) | Ok(Some(why)) => Verdict::Refused(why),
            // Until its row is gone, a gateway instance holds what it held.
            Ok(None) if self.leaving.values().any(|record| record.noun() == Noun::Gateway) => Verdict::Either,
            Ok(None) => Verdict::Accepted,
        }
    }

    /// The world after a request was accepted.
    pub(crate) fn after(&self, request: &Request) -> Self {
        let mut world = self.clone();
        match request {
            Request::Force(_) => {}
            Request::Put(handle, record) => {
                world.next = world.next.max(handle + 1);
                world.records.insert(*handle, record.clone());
            }
            Request::Delete(handle) => {
                if let Some(record) = world.records.remove(handle) {
                    world.leaving.insert(*handle, record);
                }
            }
        }
        world
    }

    /// The hostnames below the lane's zone that a gateway definition answers to; none for every one. Err when they don't fit its domain.
    pub(crate) fn hosts(&self, domain: Option<Handle>, hosts: &Hosts) -> Result<Vec<String>, String> {
        let Some(domain) = domain else { return Ok(vec![]) };
        let label = self.domain_label(domain);
        match hosts {
            Hosts::Sub(None) => Ok(vec![label.to_owned()]),
            Hosts::Sub(Some(sub)) => Ok(vec![format!("{sub}.{label}")]),
            Hosts::List(list) => match list.iter().find(|host| !host.ends_with(&format!(".{label}"))) {
                Some(host) => Err(format!("{host} is not under {label}")),
                None => Ok(list.clone()),
            },
        }
    }

    /// What all live gateway instances claim, those of one instance side by side.
    pub(crate) fn claims(&self) -> Result<Vec<Claim>, String> {
        let mut claims = vec![];
        for (handle, record) in &self.records {
            let Record::Gateway { definition, workload } = record else { continue };
            let Some(Record::GatewayDefinition { domain, hosts, dedicated, http, layer4 }) =
                self.records.get(definition)
            else {
                continue;
            };
            let Some(Record::Workload { cluster, .. }) = self.records.get(workload) else { continue };
            let hosts = self.hosts(*domain, hosts)?;
            claims.extend(crate::claims::of(*handle, *cluster, *dedicated, &hosts, http, layer4));
        }
        Ok(claims)
    }
}
