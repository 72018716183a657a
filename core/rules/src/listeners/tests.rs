use super::*;
use causeway_records::inputs::Protocol;
use proptest::prelude::*;

fn key(port: i32, hostname: &str) -> ListenerKey {
    let protocol = if port == 443 { Protocol::Https } else { Protocol::Http };
    ListenerKey { port, protocol, hostname: (!hostname.is_empty()).then(|| hostname.to_owned()) }
}

fn host(n: usize) -> String {
    format!("h{n}.example.test")
}

/// How many of these listeners are in each set.
fn counts(places: &[(ListenerKey, ListenerPlace)]) -> BTreeMap<i32, usize> {
    let mut counts = BTreeMap::new();
    for (_, place) in places {
        if let ListenerPlace::Set(set) = place {
            *counts.entry(*set).or_default() += 1;
        }
    }
    counts
}

fn sets<const N: usize>(counts: [usize; N]) -> Placed {
    let sets = (0..).zip(counts).collect();
    Placed { sets, takes_sets: true, ..Placed::default() }
}

#[test]
fn a_listener_without_a_hostname_is_on_the_gateway() {
    let tcp = ListenerKey { port: 5432, protocol: Protocol::Tcp, hostname: None };
    let places = place_listeners([key(80, ""), tcp.clone()], Placed::default());
    assert_eq!(places, [(key(80, ""), ListenerPlace::Gateway), (tcp, ListenerPlace::Gateway)]);
}

#[test]
fn eight_fill_a_set_and_the_listeners_of_a_hostname_stay_together() {
    let listeners = (0..10).flat_map(|n| [key(80, &host(n)), key(443, &host(n))]);
    let places = place_listeners(listeners, sets([]));
    assert_eq!(counts(&places), BTreeMap::from([(0, 8), (1, 8), (2, 4)]));
    for pair in places.chunks(2) {
        assert_eq!((&pair[0].0.hostname, pair[0].1), (&pair[1].0.hostname, pair[1].1));
    }
}

#[test]
fn a_further_listener_of_a_hostname_joins_the_others_even_in_a_full_set() {
    let placed = Placed { hostnames: [(host(1), ListenerPlace::Set(0))].into(), ..sets([8, 3]) };
    assert_eq!(place_listeners([key(443, &host(1))], placed), [(key(443, &host(1)), ListenerPlace::Set(0))]);
}

#[test]
fn without_listener_sets_all_are_on_the_gateway_and_hostnames_stay_where_they_are() {
    let listeners = (0..3).map(|n| key(443, &host(n)));
    let known = [(host(1), ListenerPlace::Set(0)), (host(2), ListenerPlace::Gateway)];
    let without = Placed { hostnames: known.clone().into(), ..Placed::default() };
    let places =
        |placed| place_listeners(listeners.clone(), placed).into_iter().map(|(_, place)| place).collect::<Vec<_>>();
    assert_eq!(places(without), [ListenerPlace::Gateway, ListenerPlace::Set(0), ListenerPlace::Gateway]);
    let with = Placed { hostnames: known.into(), ..sets([1]) };
    assert_eq!(places(with), [ListenerPlace::Set(0), ListenerPlace::Set(0), ListenerPlace::Gateway]);
}

#[test]
fn a_gateway_holds_so_many_listeners() {
    assert!(check_room("shared", None, 60, 4).is_ok() && check_room("shared", None, 70, 0).is_ok());
    let refusal = check_room("shared", Some("other"), 60, 5).unwrap_err();
    assert_eq!(refusal.reason, Reason::Unsupported);
    let sentence = refusal.to_string();
    assert!(
        sentence.starts_with("GatewayClassName: shared gateway shared of GatewayClass other would have 65 listeners, and one Gateway holds 64"),
        "{sentence}"
    );
}

#[test]
fn with_room_in_the_last_set_no_other_one_matters() {
    let listeners = |n: usize| (0..n).map(|n| key(80, &host(n))).collect::<BTreeSet<_>>();
    assert!(last_set_has_room(Some(5), &listeners(3)) && !last_set_has_room(Some(6), &listeners(3)));
    assert!(!last_set_has_room(None, &listeners(1)), "one that is empty may be there");
    assert!(last_set_has_room(None, &BTreeSet::from([key(80, "")])), "it is on the Gateway");
    let last = Placed { sets: [(2, 5)].into(), ..sets([]) };
    assert_eq!(place_listeners(listeners(3), last), place_listeners(listeners(3), sets([0, 2, 5])));
}

#[test]
fn room_in_the_last_set_comes_first_and_then_the_first_room() {
    let place = |placed, listeners: &[i32]| {
        place_listeners(listeners.iter().map(|port| key(*port, "new.example.test")), placed)[0].1
    };
    assert_eq!(place(sets([]), &[80]), ListenerPlace::Set(0));
    assert_eq!(place(sets([20]), &[80]), ListenerPlace::Set(1));
    assert_eq!(place(sets([2, 7]), &[80]), ListenerPlace::Set(1));
    assert_eq!(place(sets([2, 7]), &[80, 443]), ListenerPlace::Set(0), "both have to fit");
    assert_eq!(place(sets([8, 5, 8]), &[80]), ListenerPlace::Set(1));
    assert_eq!(place(sets([8, 0, 8]), &[80]), ListenerPlace::Set(1), "an empty one is used again");
    assert_eq!(place(sets([8, 8, 0]), &[80]), ListenerPlace::Set(2));
    assert_eq!(
        place(sets([8, 8]), &(1000..1020).collect::<Vec<_>>()),
        ListenerPlace::Set(2),
        "one hostname may have more"
    );
}

proptest! {
    #[test]
    fn a_hostname_is_in_one_set_and_no_set_is_overfull(
        new in proptest::collection::btree_set((79..82i32, 0..30usize), 0..60),
        filled in proptest::collection::vec(0..=8usize, 0..5),
        known in proptest::collection::btree_map(0..30usize, 0..5i32, 0..10),
    ) {
        let sets: BTreeMap<i32, usize> = (0..).zip(filled).collect();
        let known: BTreeMap<String, i32> = known.into_iter().filter(|(_, set)| sets.contains_key(set)).map(|(n, set)| (host(n), set)).collect();
        let hostnames = known.iter().map(|(name, set)| (name.clone(), ListenerPlace::Set(*set))).collect();
        let placed = Placed { hostnames, sets: sets.clone(), takes_sets: true };
        let places = place_listeners(new.iter().map(|(port, n)| key(*port, &host(*n))), placed);
        prop_assert_eq!(places.len(), new.len(), "each has a place");
        let mut of_hostname = known.clone();
        for (key, place) in &places {
            let ListenerPlace::Set(set) = place else { panic!("a hostname is never on the Gateway") };
            let hostname = key.hostname.clone().unwrap();
            prop_assert_eq!(*of_hostname.entry(hostname).or_insert(*set), *set);
        }
        for (set, count) in counts(&places) {
            let joined = places.iter().filter(|(key, place)| *place == ListenerPlace::Set(set) && known.contains_key(key.hostname.as_deref().unwrap()));
            let total = sets.get(&set).copied().unwrap_or_default() + count;
            prop_assert!(total - joined.count() <= MOST, "{set} has {total}");
        }
    }
}

fn claim(port: i32, hostname: &str, set: Option<i64>) -> ListenerClaim {
    ListenerClaim {
        key: key(port, hostname),
        namespace: "shop-1".into(),
        domain_name_definition_id: Some(7),
        tls_secret: None,
        listener_set_id: set,
    }
}

fn wakes(before: &[ListenerClaim], after: &[ListenerClaim]) -> ListenerWakes {
    let (before, after) = (before.iter().cloned().collect(), after.iter().cloned().collect());
    ClaimsChange { before, after, ..ClaimsChange::default() }.wakes()
}

#[test]
fn an_http_hostname_wakes_its_set_alone() {
    let (a, b) = (claim(8080, "a.test", Some(1)), claim(8080, "b.test", Some(2)));
    let only = |sets: &[i64]| ListenerWakes { sets: sets.iter().copied().collect(), gateway: false };
    assert_eq!(wakes(&[], std::slice::from_ref(&a)), only(&[1]));
    assert_eq!(wakes(std::slice::from_ref(&a), &[]), only(&[1]));
    assert_eq!(wakes(std::slice::from_ref(&a), &[a.clone(), b.clone()]), only(&[2]));
    assert_eq!(wakes(&[a.clone(), b.clone()], &[a.clone(), b]), only(&[]), "another path, say");
    let moved = ListenerClaim { namespace: "other-2".into(), ..a.clone() };
    assert_eq!(wakes(&[a], &[moved]), only(&[1]));
}

#[test]
fn certificates_and_listeners_on_the_gateway_wake_the_gateway_too() {
    let with_gateway = |sets: &[i64]| ListenerWakes { sets: sets.iter().copied().collect(), gateway: true };
    let ordered = claim(443, "a.test", Some(1));
    assert_eq!(wakes(&[], std::slice::from_ref(&ordered)), with_gateway(&[1]));
    let brought = ListenerClaim { tls_secret: Some("shop-tls".into()), ..ordered.clone() };
    assert_eq!(wakes(&[ordered], &[brought]), with_gateway(&[1]), "it is ordered no longer");
    assert_eq!(wakes(&[], &[claim(80, "", None)]), with_gateway(&[]));
    let plain = ClaimsChange { after: [claim(80, "a.test", Some(1))].into(), ..ClaimsChange::default() };
    assert!(!plain.wakes().gateway);
    let secured = ClaimsChange { secured: ["a.test".into()].into(), ..plain.clone() };
    assert!(secured.wakes().gateway, "its challenges are answered elsewhere from now on");
    assert!(ClaimsChange { first_or_last: true, ..plain }.wakes().gateway);
}
