//! A sequence: what clients request, what an admin changes in the cluster, and what dies meanwhile, step by step.
//!
//! Steps name records by number (the third gateway that there is then), so that a sequence still makes sense when steps are taken out of it.

use std::{collections::BTreeMap, fmt, ops::Range};

use anyhow::Result;
use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    sample::select,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    draft::{GatewayDraft, draft},
    faults::{Fault, fault},
    foreign::{Meddling, meddling},
    late::Odd,
    publishing::{Publishing, publishing, weight},
    zones::InZone,
};

/// The clusters: the rig's main one with its real controllers, and one that has their definitions only.
pub(crate) const CLUSTERS: u8 = 2;

/// Whatever is there of a kind, counted from the first, and from the first again after the last.
pub(crate) type Pick = u8;

/// Steps, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Sequence(pub(crate) Vec<Step>);

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    /// Milliseconds before it.
    pub(crate) pause: u64,
    pub(crate) act: Act,
}

/// What is done. Whatever can't be, because nothing is there to do it with, is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Act {
    /// Makes a workload definition, or changes one when there are enough: ConfigMaps by name, each with a value,
    /// and perhaps an object of a kind that isn't served.
    SetWorkloadDefinition {
        which: Pick,
        maps: BTreeMap<String, u8>,
        #[serde(default)]
        odd: Option<Odd>,
    },
    /// Makes a workload instance.
    AddWorkload { definition: Pick, cluster: u8 },
    /// Gives a workload instance another definition.
    MoveWorkload { workload: Pick, definition: Pick },
    /// Makes a domain name definition, or gives one another domain.
    SetDomain {
        which: Pick,
        #[serde(default)]
        zone: InZone,
    },
    /// Moves a domain into a zone, or says otherwise which it is in.
    MoveDomain { which: Pick, zone: InZone },
    /// Has the records of a domain written by somebody else, or with weights, or without.
    Publish { which: Pick, how: Publishing },
    /// Makes a gateway definition, or changes one when there are enough.
    SetGatewayDefinition { which: Pick, gateway: GatewayDraft },
    /// Makes a gateway instance.
    AddGateway { definition: Pick, workload: Pick },
    /// Makes a domain name instance for a workload of the first cluster.
    AddName { domain: Pick, workload: Pick },
    /// Gives a domain name instance a weight, or takes it.
    Weigh { which: Pick, weight: Option<u8> },
    /// Asks for a record's deletion.
    Delete { noun: Noun, which: Pick },
    /// Asks for another reconcile.
    Force { noun: Noun, which: Pick },
    /// An admin brings the definitions of late kinds.
    Define { cluster: u8 },
    /// The load balancer of a Gateway gets other addresses, of the first cluster.
    Address { which: Pick, addresses: Addresses },
    /// Somebody else does something to an object of ours.
    Meddle { cluster: u8, which: Pick, how: Meddling },
    /// Something dies, hangs or lies, for so many milliseconds.
    Fault { fault: Fault, holds: u64 },
}

/// Addresses of a load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Addresses {
    /// The one that it had first.
    Own,
    V4,
    V6,
    Both,
    /// A host name, as AWS gives one.
    Name,
}

impl Addresses {
    /// As the status of a Service has them; None: whatever the load balancer gives.
    pub(crate) fn ingress(self) -> Option<Value> {
        let (v4, v6) = (json!({"ip": "192.0.2.7", "ipMode": "VIP"}), json!({"ip": "2001:db8::7", "ipMode": "VIP"}));
        match self {
            Self::Own => None,
            Self::V4 => Some(json!([v4])),
            Self::V6 => Some(json!([v6])),
            Self::Both => Some(json!([v4, v6])),
            Self::Name => Some(json!([{"hostname": "lb.example.net"}])),
        }
    }
}

/// What clients ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Noun {
    WorkloadDefinition,
    Workload,
    Domain,
    GatewayDefinition,
    Gateway,
    Name,
}

impl Sequence {
    /// The sequence that belongs to a seed: always the same.
    pub(crate) fn of(seed: u64) -> Result<Self> {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let tree = sequence().new_tree(&mut runner).map_err(|reason| anyhow::anyhow!("no sequence: {reason}"))?;
        Ok(tree.current())
    }

    /// Sequences with fewer or plainer steps, those that lack most first: each a try at the shortest that still fails.
    pub(crate) fn smaller(&self, chunk: usize) -> Vec<Self> {
        let without = |from: usize| {
            let kept = self.0.iter().enumerate().filter(|(n, _)| !(from..from + chunk).contains(n));
            Self(kept.map(|(_, step)| step.clone()).collect())
        };
        (0..self.0.len()).step_by(chunk.max(1)).map(without).collect()
    }
}

/// One step a line, as a person would say it.
impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, step) in self.0.iter().enumerate() {
            writeln!(f, "  {:>2}. after {:>4} ms {:?}", n + 1, step.pause, step.act)?;
        }
        Ok(())
    }
}

/// One in four in both clusters, the others in the one without controllers, where less has to be waited for.
fn sequence() -> impl Strategy<Value = Sequence> {
    prop_oneof![1 => sequence_in(0..CLUSTERS), 3 => sequence_in(1..CLUSTERS)]
}

/// Something to begin with, then anything in any order.
fn sequence_in(clusters: Range<u8>) -> impl Strategy<Value = Sequence> {
    let beginning = (maps(), odd(), clusters.clone(), draft()).prop_map(|(maps, odd, cluster, gateway)| {
        let acts = [
            Act::SetWorkloadDefinition { which: 0, maps, odd },
            Act::AddWorkload { definition: 0, cluster },
            Act::SetDomain { which: 0, zone: InZone::Public },
            Act::SetGatewayDefinition { which: 0, gateway },
            Act::AddGateway { definition: 0, workload: 0 },
        ];
        acts.map(|act| Step { pause: 0, act })
    });
    (beginning, vec(step(clusters), 4..20))
        .prop_map(|(beginning, steps)| Sequence(beginning.into_iter().chain(steps).collect()))
}

fn step(clusters: Range<u8>) -> impl Strategy<Value = Step> {
    let pause = prop_oneof![4 => Just(0_u64), 3 => 20..200_u64, 1 => 300..1000_u64];
    (pause, act(clusters)).prop_map(|(pause, act)| Step { pause, act })
}

fn act(clusters: Range<u8>) -> impl Strategy<Value = Act> {
    let pick = any::<Pick>;
    let cluster = || clusters.clone();
    prop_oneof![
        2 => (pick(), maps(), odd()).prop_map(|(which, maps, odd)| Act::SetWorkloadDefinition { which, maps, odd }),
        1 => cluster().prop_map(|cluster| Act::Define { cluster }),
        3 => (pick(), cluster()).prop_map(|(definition, cluster)| Act::AddWorkload { definition, cluster }),
        1 => (pick(), pick()).prop_map(|(workload, definition)| Act::MoveWorkload { workload, definition }),
        2 => (pick(), in_zone()).prop_map(|(which, zone)| Act::SetDomain { which, zone }),
        1 => (pick(), in_zone()).prop_map(|(which, zone)| Act::MoveDomain { which, zone }),
        2 => (pick(), publishing()).prop_map(|(which, how)| Act::Publish { which, how }),
        1 => (pick(), weight()).prop_map(|(which, weight)| Act::Weigh { which, weight }),
        1 => (pick(), addresses()).prop_map(|(which, addresses)| Act::Address { which, addresses }),
        4 => (pick(), draft()).prop_map(|(which, gateway)| Act::SetGatewayDefinition { which, gateway }),
        6 => (pick(), pick()).prop_map(|(definition, workload)| Act::AddGateway { definition, workload }),
        3 => (pick(), pick()).prop_map(|(domain, workload)| Act::AddName { domain, workload }),
        5 => (noun(), pick()).prop_map(|(noun, which)| Act::Delete { noun, which }),
        1 => (noun(), pick()).prop_map(|(noun, which)| Act::Force { noun, which }),
        2 => (cluster(), pick(), meddling()).prop_map(|(cluster, which, how)| Act::Meddle { cluster, which, how }),
        4 => (fault(clusters.clone()), 50..2000_u64).prop_map(|(fault, holds)| Act::Fault { fault, holds }),
    ]
}

fn noun() -> impl Strategy<Value = Noun> {
    prop_oneof![
        1 => Just(Noun::WorkloadDefinition),
        2 => Just(Noun::Workload),
        1 => Just(Noun::Domain),
        1 => Just(Noun::GatewayDefinition),
        4 => Just(Noun::Gateway),
        2 => Just(Noun::Name),
    ]
}

fn odd() -> impl Strategy<Value = Option<Odd>> {
    prop_oneof![6 => Just(None), 1 => Just(Some(Odd::Never)), 1 => Just(Some(Odd::Late)), 1 => Just(Some(Odd::Wide))]
}

fn in_zone() -> impl Strategy<Value = InZone> {
    prop_oneof![
        3 => Just(InZone::Public),
        1 => Just(InZone::Private),
        1 => Just(InZone::PublicById),
        1 => Just(InZone::PrivateById),
    ]
}

fn addresses() -> impl Strategy<Value = Addresses> {
    select(vec![Addresses::Own, Addresses::V4, Addresses::V6, Addresses::Both, Addresses::Name])
}

fn maps() -> impl Strategy<Value = BTreeMap<String, u8>> {
    btree_map("[a-d]", any::<u8>(), 0..4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_means_the_same_sequence() {
        let [one, again, other] = [7, 7, 8].map(|seed| Sequence::of(seed).unwrap());
        assert_eq!(one, again);
        assert_ne!(one, other);
    }

    #[test]
    fn a_sequence_that_was_printed_can_be_played_again() {
        let one = Sequence::of(11).unwrap();
        let text = serde_json::to_string_pretty(&one).unwrap();
        assert_eq!(serde_json::from_str::<Sequence>(&text).unwrap(), one);
    }

    #[test]
    fn smaller_sequences_lack_each_step_once() {
        let one = Sequence::of(3).unwrap();
        let smaller = one.smaller(1);
        assert_eq!(smaller.len(), one.0.len());
        assert!(smaller.iter().all(|smaller| smaller.0.len() + 1 == one.0.len()));
        assert_eq!(one.smaller(one.0.len()), [Sequence(vec![])]);
    }
}
