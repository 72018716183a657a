//! A sequence: what clients request, what an admin changes in the cluster, and what dies meanwhile, step by step.
//!
//! Steps name records by number (the third gateway that there is then), so that a sequence still makes sense when steps are taken out of it.

use std::{collections::BTreeMap, fmt, ops::Range};

use anyhow::Result;
use proptest::{
    collection::{btree_map, btree_set, vec},
    prelude::*,
    sample::select,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde::{Deserialize, Serialize};

use crate::faults::{Fault, fault};

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
    /// Makes a workload definition, or changes one when there are enough: ConfigMaps by name, each with a value.
    SetWorkloadDefinition { which: Pick, maps: BTreeMap<String, u8> },
    /// Makes a workload instance.
    AddWorkload { definition: Pick, cluster: u8 },
    /// Gives a workload instance another definition.
    MoveWorkload { workload: Pick, definition: Pick },
    /// Makes a domain name definition, or gives one another domain.
    SetDomain { which: Pick },
    /// Makes a gateway definition, or changes one when there are enough.
    SetGatewayDefinition { which: Pick, gateway: GatewayDraft },
    /// Makes a gateway instance.
    AddGateway { definition: Pick, workload: Pick },
    /// Makes a domain name instance for a workload of the first cluster.
    AddName { domain: Pick, workload: Pick },
    /// Asks for a record's deletion.
    Delete { noun: Noun, which: Pick },
    /// Asks for another reconcile.
    Force { noun: Noun, which: Pick },
    /// Somebody else deletes an object of ours, or changes it.
    Meddle { cluster: u8, which: Pick, delete: bool },
    /// Something dies, hangs or lies, for so many milliseconds.
    Fault { fault: Fault, holds: u64 },
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

/// A gateway definition as a step asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GatewayDraft {
    /// The domain, if it has one. Without, it answers to every hostname, and HTTPS becomes HTTP.
    pub(crate) domain: Option<Pick>,
    /// Labels before the domain: none is the domain itself, one a SubDomain, several are Hostnames.
    pub(crate) labels: Vec<String>,
    /// A Gateway of its own.
    pub(crate) dedicated: bool,
    /// HTTP and HTTPS ports.
    pub(crate) http: Vec<HttpPort>,
    /// Ports whose whole traffic goes to the workload.
    pub(crate) layer4: Vec<(Layer4, u16)>,
}

/// A protocol whose traffic the proxy does not look into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Layer4 {
    Tcp,
    Udp,
}

impl Layer4 {
    pub(crate) const ALL: &'static [Self] = &[Self::Tcp, Self::Udp];

    /// As listeners spell it.
    pub(crate) fn protocol(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }

    /// The list of a gateway definition.
    pub(crate) fn list(self) -> &'static str {
        match self {
            Self::Tcp => "TcpPorts",
            Self::Udp => "UdpPorts",
        }
    }
}

/// A port and the beginning of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct HttpPort {
    pub(crate) port: u16,
    pub(crate) path: String,
    pub(crate) how: How,
}

/// What happens on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum How {
    /// To the workload, without TLS.
    Plain,
    /// To the workload, with a certificate.
    Tls,
    /// To HTTPS.
    Redirect,
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
    let beginning = (maps(), clusters.clone(), draft()).prop_map(|(maps, cluster, gateway)| {
        let acts = [
            Act::SetWorkloadDefinition { which: 0, maps },
            Act::AddWorkload { definition: 0, cluster },
            Act::SetDomain { which: 0 },
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
        2 => (pick(), maps()).prop_map(|(which, maps)| Act::SetWorkloadDefinition { which, maps }),
        3 => (pick(), cluster()).prop_map(|(definition, cluster)| Act::AddWorkload { definition, cluster }),
        1 => (pick(), pick()).prop_map(|(workload, definition)| Act::MoveWorkload { workload, definition }),
        2 => pick().prop_map(|which| Act::SetDomain { which }),
        4 => (pick(), draft()).prop_map(|(which, gateway)| Act::SetGatewayDefinition { which, gateway }),
        6 => (pick(), pick()).prop_map(|(definition, workload)| Act::AddGateway { definition, workload }),
        3 => (pick(), pick()).prop_map(|(domain, workload)| Act::AddName { domain, workload }),
        5 => (noun(), pick()).prop_map(|(noun, which)| Act::Delete { noun, which }),
        1 => (noun(), pick()).prop_map(|(noun, which)| Act::Force { noun, which }),
        2 => (cluster(), pick(), any::<bool>()).prop_map(|(cluster, which, delete)| Act::Meddle { cluster, which, delete }),
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

fn maps() -> impl Strategy<Value = BTreeMap<String, u8>> {
    btree_map("[a-d]", any::<u8>(), 0..4)
}

fn draft() -> impl Strategy<Value = GatewayDraft> {
    let domain = prop_oneof![3 => any::<Pick>().prop_map(Some), 1 => Just(None)];
    let labels = btree_set("[a-c]", 0..3).prop_map(|labels| labels.into_iter().collect());
    let dedicated = prop_oneof![3 => Just(false), 1 => Just(true)];
    let http = prop_oneof![6 => btree_set(http_port(), 1..4), 1 => btree_set(http_port(), 0..1)];
    let port = prop_oneof![Just(5432_u16), Just(8080), Just(10443)];
    let layer4 = btree_set((select(Layer4::ALL), port), 0..3);
    (domain, labels, dedicated, http, layer4).prop_map(|(domain, labels, dedicated, http, layer4)| {
        let mut http: Vec<HttpPort> = http.into_iter().collect();
        // One meaning for each path of a port: what contradicts itself is no test of anything.
        http.dedup_by_key(|port| (port.port, port.path.trim_end_matches('/').to_owned()));
        let mut layer4: Vec<_> = layer4.into_iter().collect();
        if http.is_empty() && layer4.is_empty() {
            layer4.push((Layer4::Tcp, 5432));
        }
        GatewayDraft { domain, labels, dedicated, http, layer4 }
    })
}

fn http_port() -> impl Strategy<Value = HttpPort> {
    let port = prop_oneof![4 => Just(80_u16), 4 => Just(443), 2 => Just(8080), 1 => Just(8443), 1 => Just(10080)];
    let path = prop_oneof![Just("/"), Just("/api"), Just("/shop/")].prop_map(str::to_owned);
    let how = prop_oneof![2 => Just(None), 1 => Just(Some(How::Redirect)), 1 => Just(Some(How::Plain))];
    (port, path, how).prop_map(|(port, path, how)| {
        let usual = if [443, 8443].contains(&port) { How::Tls } else { How::Plain };
        HttpPort { port, path, how: how.unwrap_or(usual) }
    })
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
