//! Where the listeners of a shared gateway are placed, and who is woken when they change.
//!
//! Listeners without a hostname are on the Gateway itself, all others in its ListenerSets. The API server checks every pair of listeners in a
//! ListenerSet (64 of them cost it 400 ms of processor time, 8 cost 15), so a set takes no further hostname that would bring it past [`MOST`].
//!
//! All listeners of one hostname are in one set. So the Certificate of a hostname has one owner, and the listener that answers its ACME
//! challenges is beside the one that needs the certificate: what a ListenerSet is made of is said by its own listeners alone.

use causeway_records::inputs::ListenerKey;
use std::collections::{BTreeMap, BTreeSet};

/// Listeners that a set takes, unless one hostname has more.
pub const MOST: usize = 8;

/// Where a listener is placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenerPlace {
    /// On the Gateway itself.
    Gateway,
    /// In the ListenerSet with this ordinal, which may have to be made.
    Set(i32),
}

/// The listeners that a shared gateway has already.
#[derive(Clone, Debug, Default)]
pub struct Placed {
    /// The set of each hostname; those of the new listeners are enough.
    pub hostnames: BTreeMap<String, i32>,
    /// The number of listeners in each set that has any, by ordinal.
    pub sets: BTreeMap<i32, usize>,
}

/// Places listeners that the gateway doesn't have yet.
///
/// A hostname that the gateway knows stays in its set. A new one comes into the last set if that has room for all of its listeners, or else
/// into the first that has; an empty set takes any hostname.
pub fn place_listeners(
    new: impl IntoIterator<Item = ListenerKey>,
    mut placed: Placed,
) -> Vec<(ListenerKey, ListenerPlace)> {
    let mut by_hostname: BTreeMap<Option<String>, BTreeSet<ListenerKey>> = BTreeMap::new();
    for key in new {
        by_hostname.entry(key.hostname.clone()).or_default().insert(key);
    }
    let mut places = vec![];
    for (hostname, keys) in by_hostname {
        let place = match hostname {
            None => ListenerPlace::Gateway,
            Some(hostname) => {
                let set = placed.hostnames.get(&hostname).copied();
                let set = set.unwrap_or_else(|| set_with_room(&placed.sets, keys.len()));
                *placed.sets.entry(set).or_default() += keys.len();
                ListenerPlace::Set(set)
            }
        };
        places.extend(keys.into_iter().map(|key| (key, place)));
    }
    places
}

/// Whether the last set that has listeners takes all of these, wherever their hostnames are: then no other set has to be known for
/// [`place_listeners`], but those of hostnames that the gateway knows. `last`: how many it has.
pub fn last_set_has_room(last: Option<usize>, new: &BTreeSet<ListenerKey>) -> bool {
    let with_hostname = new.iter().filter(|key| key.hostname.is_some()).count();
    with_hostname == 0 || last.is_some_and(|last| last + with_hostname <= MOST)
}

fn set_with_room(sets: &BTreeMap<i32, usize>, wanted: usize) -> i32 {
    let count = |set: &i32| sets.get(set).copied().unwrap_or_default();
    let has_room = |set: &i32| count(set) == 0 || count(set) + wanted <= MOST;
    let last = sets.iter().rev().find(|(_, count)| **count > 0).map(|(set, _)| *set);
    match last {
        Some(last) if has_room(&last) => last,
        // The set after the last one is empty.
        _ => (0..=last.unwrap_or(-1).saturating_add(1)).find(has_room).unwrap_or(i32::MAX),
    }
}

/// What a listener has from one gateway instance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListenerClaim {
    pub key: ListenerKey,
    /// The namespace of the instance's routes, which may attach to it.
    pub namespace: String,
    /// The domain whose issuer signs for the hostname.
    pub domain_name_definition_id: Option<i64>,
    /// The Secret with its certificate that the instance names.
    pub tls_secret: Option<String>,
    /// Id of the ListenerSet that it is in; None: on the Gateway itself.
    pub listener_set_id: Option<i64>,
}

/// A change of the claims that one gateway instance has on one shared gateway.
#[derive(Clone, Debug, Default)]
pub struct ClaimsChange {
    /// What it claimed before, with the sets of the listeners as they were then.
    pub before: BTreeSet<ListenerClaim>,
    /// What it claims now.
    pub after: BTreeSet<ListenerClaim>,
    /// Hostnames for which the gateway has a listener with a certificate, before or after, whoever uses it; those of these claims are enough.
    pub secured: BTreeSet<String>,
    /// The gateway's first listener came, or its last one went.
    pub first_or_last: bool,
}

/// Who is woken by a change of claims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenerWakes {
    /// ListenerSets, by id.
    pub sets: BTreeSet<i64>,
    /// Whether the shared gateway is among them.
    pub gateway: bool,
}

impl ClaimsChange {
    /// Another path of a route is nothing to a listener, and wakes nobody. A listener concerns its set. It concerns the gateway too if it is on the
    /// Gateway itself, or if its hostname has a certificate: the issuers are the gateway's, and name the listeners that answer challenges.
    pub fn wakes(&self) -> ListenerWakes {
        let changed: Vec<_> = self.before.symmetric_difference(&self.after).collect();
        ListenerWakes {
            sets: changed.iter().filter_map(|claim| claim.listener_set_id).collect(),
            gateway: self.first_or_last || changed.iter().any(|claim| self.concerns_gateway(claim)),
        }
    }

    fn concerns_gateway(&self, claim: &ListenerClaim) -> bool {
        let secured = claim.key.hostname.as_ref().is_some_and(|hostname| self.secured.contains(hostname));
        claim.listener_set_id.is_none() || claim.key.protocol.ends_tls() || secured
    }
}

#[cfg(test)]
mod tests {
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
        Placed { sets, ..Placed::default() }
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
        let places = place_listeners(listeners, Placed::default());
        assert_eq!(counts(&places), BTreeMap::from([(0, 8), (1, 8), (2, 4)]));
        for pair in places.chunks(2) {
            assert_eq!((&pair[0].0.hostname, pair[0].1), (&pair[1].0.hostname, pair[1].1));
        }
    }

    #[test]
    fn a_further_listener_of_a_hostname_joins_the_others_even_in_a_full_set() {
        let placed = Placed { hostnames: [(host(1), 0)].into(), ..sets([8, 3]) };
        assert_eq!(place_listeners([key(443, &host(1))], placed), [(key(443, &host(1)), ListenerPlace::Set(0))]);
    }

    #[test]
    fn with_room_in_the_last_set_no_other_one_matters() {
        let listeners = |n: usize| (0..n).map(|n| key(80, &host(n))).collect::<BTreeSet<_>>();
        assert!(last_set_has_room(Some(5), &listeners(3)) && !last_set_has_room(Some(6), &listeners(3)));
        assert!(!last_set_has_room(None, &listeners(1)), "one that is empty may be there");
        assert!(last_set_has_room(None, &BTreeSet::from([key(80, "")])), "it is on the Gateway");
        let last = Placed { sets: [(2, 5)].into(), ..Placed::default() };
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
            let placed = Placed { hostnames: known.clone(), sets: sets.clone() };
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
}
