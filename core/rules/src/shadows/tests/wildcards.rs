//! What wildcards lose to hostnames below them.

use super::*;
use causeway_records::patterns::{self, nearest};

#[test]
fn a_wildcard_loses_all_of_a_hostname_that_another_claims() {
    let taken = |own: &[RouteClaim], others: &[(RouteClaim, ClaimHolder)]| -> Vec<String> {
        hostnames_taken(own, others).iter().map(|taken| taken.hostname.to_owned()).collect()
    };
    let wild = || claim("*.a.test", "/shop");
    let of = |hostname: &str| taken(&[wild()], &[cart(claim(hostname, "/cart"))]);
    assert_eq!(of("x.a.test"), ["x.a.test"], "whatever the path");
    assert_eq!(of("x.y.a.test"), ["x.y.a.test"]);
    assert_eq!(of("*.y.a.test"), ["*.y.a.test"], "a wildcard below it");
    for hostname in ["a.test", "*.a.test", "*.test", "x.b.test", ""] {
        assert!(of(hostname).is_empty(), "{hostname}");
    }
    assert!(taken(&[claim("x.a.test", "/")], &[cart(wild())]).is_empty(), "the more specific one loses nothing");
    // What it claims itself it doesn't lose, and what lies below another one goes along with that.
    assert!(taken(&[wild(), claim("x.a.test", "/")], &[cart(claim("x.a.test", "/cart"))]).is_empty());
    assert!(taken(&[wild(), claim("*.y.a.test", "/")], &[cart(claim("z.x.a.test", "/"))]) == ["z.x.a.test"]);
    let nested = [cart(claim("*.y.a.test", "/")), cart(claim("x.y.a.test", "/")), cart(claim("x.y.a.test", "/b"))];
    assert_eq!(taken(&[wild()], &nested), ["*.y.a.test"]);
    let lower = taken(&[wild(), claim("*.y.a.test", "/")], &[cart(claim("x.y.a.test", "/"))]);
    assert_eq!(lower, ["x.y.a.test"], "once, by the nearest");
}

#[test]
fn hostnames_are_told_apart_on_one_port_whatever_is_done_with_tls() {
    let at = |port, protocol, hostname: &str| RouteClaim {
        listener: ListenerKey { port, protocol, hostname: Some(hostname.to_owned()) },
        requests: String::new(),
        ..claim("", "")
    };
    let loses =
        |other: RouteClaim| !hostnames_taken(&[at(443, Protocol::Https, "*.a.test")], &[cart(other)]).is_empty();
    for protocol in [Protocol::Https, Protocol::Tls, Protocol::TlsPassthrough] {
        assert!(loses(at(443, protocol, "x.a.test")), "{protocol}");
        assert!(!loses(at(8443, protocol, "x.a.test")), "{protocol} on another port");
    }
    assert!(!loses(at(80, Protocol::Http, "x.a.test")));
    let passed = [at(443, Protocol::TlsPassthrough, "*.a.test")];
    assert!(!hostnames_taken(&passed, &[cart(at(443, Protocol::Https, "x.a.test"))]).is_empty());
}

#[test]
fn a_hostname_that_only_leads_to_https_as_the_wildcard_does_is_no_loss() {
    let redirect = |hostname: &str, path: &str| RouteClaim { redirect: true, ..claim(hostname, path) };
    let own = [redirect("*.a.test", "/")];
    assert!(hostnames_taken(&own, &[cart(redirect("x.a.test", "/"))]).is_empty());
    let more = [cart(redirect("x.a.test", "/")), cart(claim("x.a.test", "/cart"))];
    assert_eq!(hostnames_taken(&own, &more).len(), 1);
    let serves = [redirect("*.a.test", "/"), claim("*.a.test", "/shop")];
    assert_eq!(hostnames_taken(&serves, &[cart(redirect("x.a.test", "/"))]).len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn hostnames_are_told_whose_requests_others_take(
        own in proptest::collection::btree_set("(\\*\\.)?([ab]\\.){0,2}[ab]", 0..4),
        others in proptest::collection::btree_set("(\\*\\.)?([ab]\\.){0,2}[ab]", 0..4),
        asked in proptest::collection::vec("([ab]\\.){0,3}[ab]", 1..20),
    ) {
        let mine: Vec<_> = own.iter().map(|hostname| claim(hostname, "/")).collect();
        let theirs: Vec<_> = others.iter().map(|hostname| cart(claim(hostname, "/cart"))).collect();
        let told = hostnames_taken(&mine, &theirs);
        for name in &asked {
            let alone = nearest(own.iter().map(String::as_str), name);
            let serves = nearest(own.iter().chain(&others).map(String::as_str), name);
            let is_lost = alone.is_some() && serves.is_some_and(|serves| !own.contains(serves));
            let is_told = told.iter().any(|taken| taken.listener.hostname.as_deref() == alone && patterns::is_for(taken.hostname, name));
            prop_assert_eq!(is_lost, is_told, "{}: {:?} beside {:?}", name, &own, &others);
        }
        // Who is told is who is woken.
        let losing = losers(Driver::EnvoyGateway, theirs.iter().map(|(claim, _)| claim), &mine.iter().map(|claim| cart(claim.clone())).collect::<Vec<_>>());
        prop_assert!(told.is_empty() || !losing.is_empty());
    }
}
