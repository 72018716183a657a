//! What excludes what on one Gateway: a port speaks one protocol of each transport, and a route belongs to one gateway instance.
//!
//! HTTPS and TLS can share a port: Gateway API tells their listeners apart by hostname, so a hostname of such a port is one of them.
//!
//! A UDP listener can be beside a listener of any other protocol on the same port: Gateway API asks for listeners that differ in port, protocol or
//! hostname, and a proxy binds sockets of TCP and of UDP independently.

use crate::{
    claims::RouteClaim,
    driver::{Driver, Socket},
};
use causeway_records::{
    inputs::Protocol,
    problem::{Reason, Refusal},
};
use std::{collections::BTreeMap, fmt};

/// A gateway instance that claims routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimHolder {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
}

impl fmt::Display for ClaimHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gateway instance {}", self.name)
    }
}

/// A port that the proxy of a Gateway binds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundPort {
    /// The listeners' port.
    pub port: i32,
    /// The protocol of a listener on it; those of all others begin alike, see [`Protocol::on_port`].
    pub protocol: Protocol,
    /// The first that uses it; None: it belongs to the Gateway itself.
    pub holder: Option<ClaimHolder>,
}

/// What is on a Gateway already, beside those whose claims are looked at.
#[derive(Clone, Debug, Default)]
pub struct Occupied {
    /// The ports, by what the proxy binds for them.
    pub ports: BTreeMap<Socket, BoundPort>,
    /// Claims with their holders; those of the same listeners are enough.
    pub claims: Vec<(RouteClaim, ClaimHolder)>,
}

/// The ports that a gateway instance adds to a Gateway, by what the proxy binds for them.
///
/// # Errors
/// Refuses claims that can't be beside what is there, or beside each other, and names the holder.
pub fn place_claims(
    driver: Driver,
    occupied: &Occupied,
    instance: &ClaimHolder,
    claims: &[RouteClaim],
) -> Result<BTreeMap<Socket, BoundPort>, Refusal> {
    let mut added: BTreeMap<Socket, BoundPort> = BTreeMap::new();
    let mut placed: Vec<&RouteClaim> = vec![];
    for claim in claims {
        let (port, protocol) = (claim.listener.port, claim.listener.protocol);
        let socket = driver.socket(&claim.listener);
        match occupied.ports.get(&socket).or_else(|| added.get(&socket)) {
            Some(there) if there.port != port || there.protocol.on_port() != protocol.on_port() => {
                return Err(port_taken(claim, there, socket.bound_port));
            }
            Some(_) => {}
            None => {
                let holder = Some(instance.clone());
                added.insert(socket, BoundPort { port, protocol, holder });
            }
        }
        let held = occupied.claims.iter().map(|(other, holder)| (other, holder));
        let mut all = held.chain(placed.iter().map(|other| (*other, instance)));
        if let Some((other, holder)) = all.find(|(other, _)| exclude(other, claim)) {
            return Err(route_taken(claim, other, holder));
        }
        placed.push(claim);
    }
    Ok(added)
}

/// Whether two claims are for the same requests, of two kinds of route or with two certificates for one listener, or for one hostname in TLS that would be
/// treated in two ways.
fn exclude(one: &RouteClaim, other: &RouteClaim) -> bool {
    if one.listener == other.listener {
        let same = one.requests == other.requests && !(one.redirect && other.redirect);
        return same || one.grpc != other.grpc || one.tls_secret != other.tls_secret;
    }
    let (one, other) = (&one.listener, &other.listener);
    one.protocol.is_tls() && other.protocol.is_tls() && one.port == other.port && one.hostname == other.hostname
}

fn route_taken(claim: &RouteClaim, other: &RouteClaim, holder: &ClaimHolder) -> Refusal {
    let id = holder.id;
    let (ours, theirs) = (claim.listener.protocol, other.listener.protocol);
    let why = if ours != theirs {
        format!("a hostname of a port is either {theirs} or {ours}; take another port")
    } else if claim.grpc != other.grpc {
        "Gateway API takes routes of HTTP or of gRPC for a hostname of a port, not both; take another hostname or port"
            .to_owned()
    } else if claim.listener == other.listener && claim.tls_secret != other.tls_secret {
        format!(
            "a hostname of a port has one certificate, and {holder} has {}; say the same about TLSSecretName, or take another hostname or port",
            certificate(other)
        )
    } else {
        return Refusal::new(Reason::RouteTaken, format!("{claim} is already held by {holder} (id {id})"));
    };
    Refusal::new(
        Reason::RouteTaken,
        format!("{claim} can't stand beside {other}, which {holder} (id {id}) holds: {why}"),
    )
}

fn certificate(claim: &RouteClaim) -> String {
    claim
        .tls_secret
        .as_ref()
        .map_or_else(|| "one that is ordered".to_owned(), |secret| format!("that of Secret {secret}"))
}

fn port_taken(claim: &RouteClaim, there: &BoundPort, number: i32) -> Refusal {
    let holder = there.holder.as_ref().map_or_else(|| "the shared gateway itself".to_owned(), ToString::to_string);
    let both =
        if there.port == claim.listener.port { String::new() } else { format!(" (the proxy binds both to {number})") };
    let sentence = format!(
        "{} port {} can't stand beside {} port {} of {holder} on one Gateway{both}; take another port, or Placement Dedicated",
        claim.listener.protocol, claim.listener.port, there.protocol, there.port,
    );
    Refusal::new(Reason::PortTaken, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::inputs::ListenerKey;
    use proptest::prelude::*;

    fn claim(port: i32, protocol: Protocol, hostname: &str, path: &str) -> RouteClaim {
        let hostname = (!hostname.is_empty()).then(|| hostname.to_owned());
        RouteClaim {
            listener: ListenerKey { port, protocol, hostname },
            requests: path.into(),
            grpc: false,
            redirect: false,
            tls_secret: None,
        }
    }

    fn holder(id: i64) -> ClaimHolder {
        ClaimHolder { id, name: format!("g{id}") }
    }

    fn place(occupied: &Occupied, claims: &[RouteClaim]) -> Result<Vec<i32>, String> {
        let added = place_claims(Driver::EnvoyGateway, occupied, &holder(1), claims);
        added
            .map(|ports| ports.into_keys().map(|socket| socket.bound_port).collect())
            .map_err(|refusal| refusal.sentence)
    }

    fn http(hostname: &str, path: &str) -> RouteClaim {
        claim(80, Protocol::Http, hostname, path)
    }

    #[test]
    fn other_hostnames_and_paths_are_beside_each_other() {
        let occupied = Occupied { claims: vec![(http("a.test", "/"), holder(2))], ..Occupied::default() };
        let claims = [http("a.test", "/api"), http("b.test", "/"), claim(5432, Protocol::Tcp, "", "")];
        assert_eq!(place(&occupied, &claims).unwrap(), [5432, 10080]);
    }

    #[test]
    fn a_route_that_is_held_is_refused_with_its_holder() {
        let occupied = Occupied { claims: vec![(http("a.test", "/api"), holder(2))], ..Occupied::default() };
        let sentence = place(&occupied, &[http("a.test", "/api")]).unwrap_err();
        assert_eq!(sentence, "a.test/api on HTTP port 80 is already held by gateway instance g2 (id 2)");
    }

    #[test]
    fn two_redirects_say_the_same() {
        let redirect = RouteClaim { redirect: true, ..http("a.test", "/") };
        let occupied = Occupied { claims: vec![(redirect.clone(), holder(2))], ..Occupied::default() };
        assert!(place(&occupied, std::slice::from_ref(&redirect)).is_ok());
        assert!(place(&occupied, &[http("a.test", "/")]).is_err());
        assert!(place(&Occupied::default(), &[redirect.clone(), redirect]).is_ok());
    }

    #[test]
    fn one_instance_can_not_claim_a_route_twice() {
        let sentence = place(&Occupied::default(), &[http("", "/"), http("", "/")]).unwrap_err();
        assert_eq!(sentence, "every hostname, path / on HTTP port 80 is already held by gateway instance g1 (id 1)");
    }

    #[test]
    fn a_port_speaks_one_protocol() {
        let at = |port, protocol, holder| {
            let socket = Driver::EnvoyGateway.socket(&ListenerKey { port, protocol, hostname: None });
            Occupied { ports: [(socket, BoundPort { port, protocol, holder })].into(), ..Occupied::default() }
        };
        let tcp = [claim(80, Protocol::Tcp, "", "")];
        assert_eq!(
            place(&at(80, Protocol::Http, None), &tcp).unwrap_err(),
            "TCP port 80 can't stand beside HTTP port 80 of the shared gateway itself on one Gateway; take another port, or Placement Dedicated"
        );
        assert_eq!(
            place(&at(10080, Protocol::Tcp, Some(holder(2))), &tcp).unwrap_err(),
            "TCP port 80 can't stand beside TCP port 10080 of gateway instance g2 on one Gateway (the proxy binds both to 10080); take another port, or Placement Dedicated"
        );
        let both = [http("", "/"), claim(80, Protocol::Https, "a.test", "/")];
        assert!(
            place(&Occupied::default(), &both)
                .unwrap_err()
                .starts_with("HTTPS port 80 can't stand beside HTTP port 80 of gateway instance g1")
        );
    }

    #[test]
    fn http_and_grpc_do_not_share_a_hostname_of_a_port() {
        let grpc = RouteClaim { grpc: true, ..http("a.test", "/x/y (gRPC)") };
        let occupied = Occupied { claims: vec![(grpc.clone(), holder(2))], ..Occupied::default() };
        assert_eq!(
            place(&occupied, &[http("a.test", "/api")]).unwrap_err(),
            "a.test/api on HTTP port 80 can't stand beside a.test/x/y (gRPC) on HTTP port 80, which gateway instance g2 (id 2) holds: Gateway API takes routes of HTTP or of gRPC for a hostname of a port, not both; take another hostname or port"
        );
        assert!(place(&occupied, &[RouteClaim { grpc: true, ..http("a.test", "/x/z (gRPC)") }]).is_ok());
        assert!(place(&occupied, &[http("b.test", "/"), claim(8080, Protocol::Http, "a.test", "/")]).is_ok());
        assert!(place(&occupied, &[grpc]).unwrap_err().contains("is already held by gateway instance g2"));
    }

    #[test]
    fn a_hostname_of_a_port_has_one_certificate() {
        let https = |port, path: &str, secret: Option<&str>| RouteClaim {
            tls_secret: secret.map(str::to_owned),
            ..claim(port, Protocol::Https, "a.test", path)
        };
        let beside = |theirs: Option<&str>, ours: RouteClaim| {
            let occupied = Occupied { claims: vec![(https(443, "/", theirs), holder(2))], ..Occupied::default() };
            place(&occupied, &[ours])
        };
        assert!(beside(Some("shop-tls"), https(443, "/api", Some("shop-tls"))).is_ok());
        assert!(beside(None, https(443, "/api", None)).is_ok());
        assert!(beside(None, https(8443, "/api", Some("shop-tls"))).is_ok(), "another port is another listener");
        assert_eq!(
            beside(None, https(443, "/api", Some("shop-tls"))).unwrap_err(),
            "a.test/api on HTTPS port 443 can't stand beside a.test/ on HTTPS port 443, which gateway instance g2 (id 2) holds: a hostname of a port has one certificate, and gateway instance g2 has one that is ordered; say the same about TLSSecretName, or take another hostname or port"
        );
        for ours in [None, Some("other-tls")] {
            let sentence = beside(Some("shop-tls"), https(443, "/api", ours)).unwrap_err();
            assert!(sentence.contains("gateway instance g2 has that of Secret shop-tls;"), "{sentence}");
        }
        let same = beside(Some("shop-tls"), https(443, "/", Some("shop-tls"))).unwrap_err();
        assert!(same.contains("is already held by gateway instance g2"), "{same}");
    }

    #[test]
    fn https_and_tls_share_a_port_and_no_hostname() {
        let at = |protocol, hostname: &str| {
            claim(443, protocol, hostname, if protocol == Protocol::Https { "/" } else { "" })
        };
        let through = |hostname: &str| at(Protocol::TlsPassthrough, hostname);
        let ports = place_claims(Driver::EnvoyGateway, &Occupied::default(), &holder(2), &[through("a.test")]).unwrap();
        let occupied = Occupied { ports, claims: vec![(through("a.test"), holder(2))] };
        assert_eq!(
            place(&occupied, &[at(Protocol::Https, "b.test"), at(Protocol::Tls, "c.test"), through("d.test")]),
            Ok(vec![])
        );
        assert_eq!(
            place(&occupied, &[through("a.test")]).unwrap_err(),
            "a.test on TLS passthrough port 443 is already held by gateway instance g2 (id 2)"
        );
        assert_eq!(
            place(&occupied, &[at(Protocol::Https, "a.test")]).unwrap_err(),
            "a.test/ on HTTPS port 443 can't stand beside a.test on TLS passthrough port 443, which gateway instance g2 (id 2) holds: a hostname of a port is either TLS passthrough or HTTPS; take another port"
        );
        let both = [at(Protocol::Https, "b.test"), at(Protocol::Tls, "b.test")];
        assert!(
            place(&Occupied::default(), &both)
                .unwrap_err()
                .starts_with("b.test on TLS port 443 can't stand beside b.test/ on HTTPS")
        );
        let plain = place(&occupied, &[claim(443, Protocol::Tcp, "", "")]).unwrap_err();
        assert!(
            plain.starts_with("TCP port 443 can't stand beside TLS passthrough port 443 of gateway instance g2"),
            "{plain}"
        );
    }

    #[test]
    fn udp_is_beside_any_other_protocol_and_has_one_holder() {
        let udp = |port| claim(port, Protocol::Udp, "", "");
        let beside = [http("", "/"), udp(80), claim(5432, Protocol::Tcp, "", ""), udp(5432), udp(443)];
        assert_eq!(place(&Occupied::default(), &beside).unwrap(), [5432, 5432, 10080, 10080, 10443]);
        let ports = place_claims(Driver::EnvoyGateway, &Occupied::default(), &holder(2), &[udp(80)]).unwrap();
        let occupied = Occupied { ports, claims: vec![(udp(80), holder(2))] };
        assert_eq!(
            place(&occupied, &[udp(80)]).unwrap_err(),
            "all traffic on UDP port 80 is already held by gateway instance g2 (id 2)"
        );
        assert_eq!(
            place(&occupied, &[udp(10080)]).unwrap_err(),
            "UDP port 10080 can't stand beside UDP port 80 of gateway instance g2 on one Gateway (the proxy binds both to 10080); take another port, or Placement Dedicated"
        );
        assert!(place(&occupied, &[claim(10080, Protocol::Tcp, "", "")]).is_ok());
    }

    proptest! {
        #[test]
        fn what_was_placed_excludes_itself_and_nothing_else(
            one in (1..4i32, "[ab]", "/[ab]?"),
            other in (1..4i32, "[ab]", "/[ab]?"),
        ) {
            let [one, other] = [one, other].map(|(port, host, path)| claim(port, Protocol::Http, &host, &path));
            let ports = place_claims(Driver::EnvoyGateway, &Occupied::default(), &holder(2), std::slice::from_ref(&one)).unwrap();
            let occupied = Occupied { ports, claims: vec![(one.clone(), holder(2))] };
            prop_assert_eq!(place(&occupied, std::slice::from_ref(&other)).is_err(), one == other);
        }
    }
}
