//! The cluster's DNS: names of Services for its pods, and for all others what the world's name servers say, which are those of
//! the emulated Route53.

use std::{net::Ipv4Addr, net::SocketAddrV4, sync::Arc};

use anyhow::Result;
use causeway_route53::dns::{
    Answer, Lookup, NAME_SERVERS, NameServer, ResponseCode,
    rr::{Name, RData, Record, RecordType},
};

use crate::{
    network::PodNetwork,
    services::{KnownServices, RESOLVER},
};

const PORT: u16 = 53;
/// The suffix of the cluster's own names.
const CLUSTER: &str = "cluster.local";
/// Services come and go, so nobody shall keep an answer.
const TTL: u32 = 0;

/// Starts it in the network of pods.
///
/// # Errors
/// When its sockets can't be made.
pub(crate) async fn start(network: &PodNetwork, services: KnownServices, world: impl Lookup) -> Result<NameServer> {
    let at = SocketAddrV4::new(RESOLVER, PORT);
    let names = ClusterNames { services, world };
    Ok(NameServer::start(Arc::new(names), network.bind_udp(at).await?, network.listen(at).await?)?)
}

/// Nothing has a name outside of a cluster.
pub(crate) struct NoWorld;

impl Lookup for NoWorld {
    fn answer(&self, _: &Name, _: RecordType) -> Answer {
        Answer::failed(ResponseCode::NXDomain)
    }
}

struct ClusterNames<L> {
    services: KnownServices,
    world: L,
}

impl<L: Lookup> Lookup for ClusterNames<L> {
    fn answer(&self, name: &Name, kind: RecordType) -> Answer {
        let text = name.to_ascii().to_ascii_lowercase();
        if NAME_SERVERS.contains(&text.as_str()) {
            // Whoever asks a zone's own name servers asks here, too.
            return addresses(name, kind, vec![RESOLVER]);
        }
        let Some(inside) = text.trim_end_matches('.').strip_suffix(CLUSTER) else {
            return self.world.answer(name, kind);
        };
        let Some((namespace, service)) = parse(inside) else { return Answer::failed(ResponseCode::NXDomain) };
        match self.services.addresses(namespace, service) {
            None => Answer::failed(ResponseCode::NXDomain),
            Some(found) => addresses(name, kind, found),
        }
    }
}

/// These addresses for who asks for some; nothing of another type.
fn addresses(name: &Name, kind: RecordType, found: Vec<Ipv4Addr>) -> Answer {
    let found = if kind == RecordType::A { found } else { vec![] };
    let record = |address: Ipv4Addr| Record::from_rdata(name.clone(), TTL, RData::A(address.into()));
    Answer::found(found.into_iter().map(record).collect())
}

/// Namespace and name of a Service, from `NAME.NAMESPACE.svc.`.
fn parse(inside: &str) -> Option<(&str, &str)> {
    let (service, namespace) = inside.strip_suffix(".svc.")?.split_once('.')?;
    (!namespace.contains('.')).then_some((namespace, service))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_the_cluster_has_the_service_and_its_namespace() {
        assert_eq!(parse("web.shop.svc."), Some(("shop", "web")));
        for other in ["web.shop.", "a.web.shop.svc.", "shop.svc.", ""] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
