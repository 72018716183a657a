//! A gateway definition as a step asks for it: its ports and hostnames.

use proptest::{collection::btree_set, prelude::*, sample::select};
use serde::{Deserialize, Serialize};

use crate::{
    sequence::{Noun, Pick},
    world::{Hosts, Record, World},
};

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

pub(crate) fn draft() -> impl Strategy<Value = GatewayDraft> {
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

impl World {
    /// A gateway definition out of a draft. HTTPS needs a domain; an empty list of ports changes nothing.
    pub(crate) fn drawn(&self, draft: &GatewayDraft, stored: Option<&Record>) -> Record {
        let domain = draft.domain.and_then(|which| self.pick(Noun::Domain, which));
        let hosts = match (domain, draft.labels.as_slice()) {
            (None, _) | (_, []) => Hosts::Sub(None),
            (Some(_), [label]) => Hosts::Sub(Some(label.clone())),
            (Some(domain), labels) => {
                Hosts::List(labels.iter().map(|label| format!("{label}.{}", self.domain_label(domain))).collect())
            }
        };
        let (mut http, mut layer4) = (draft.http.clone(), draft.layer4.clone());
        if let Some(Record::GatewayDefinition { http: stored_http, layer4: stored_layer4, .. }) = stored {
            http = if http.is_empty() { stored_http.clone() } else { http };
            // An empty list is no list: the stored one stays.
            let kept = stored_layer4.iter().filter(|(of, _)| draft.layer4.iter().all(|(drawn, _)| drawn != of));
            layer4.extend(kept.copied());
            layer4.sort_unstable();
        }
        for port in http.iter_mut().filter(|port| domain.is_none() && port.how == How::Tls) {
            port.how = How::Plain;
        }
        Record::GatewayDefinition { domain, hosts, dedicated: draft.dedicated, http, layer4 }
    }
}
