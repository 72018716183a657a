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
    added.map(|ports| ports.into_keys().map(|socket| socket.bound_port).collect()).map_err(|refusal| refusal.sentence)
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
    let at =
        |protocol, hostname: &str| claim(443, protocol, hostname, if protocol == Protocol::Https { "/" } else { "" });
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
