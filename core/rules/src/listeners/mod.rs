//! Where the listeners of a shared gateway are placed, and who is woken when they change.
//!
//! Listeners without a hostname are on the Gateway itself, all others in its ListenerSets. The API server checks every pair of listeners in a
//! ListenerSet (64 of them cost it 400 ms of processor time, 8 cost 15), so a set takes no further hostname that would bring it past [`MOST`].
//! Where the controller has no ListenerSets, new listeners are all on the Gateway, which holds [`MOST_ON_GATEWAY`].
//!
//! All listeners of one hostname are in one set, or on the Gateway. So the Certificate of a hostname has one owner, and the listener that answers its ACME
//! challenges is beside the one that needs the certificate: what a ListenerSet is made of is said by its own listeners alone.

#[cfg(test)]
mod tests;

use causeway_records::{
    inputs::ListenerKey,
    problem::{Reason, Refusal},
};
use std::collections::{BTreeMap, BTreeSet};

/// Listeners that a set takes, unless one hostname has more.
pub const MOST: usize = 8;
/// Listeners that one Gateway or ListenerSet may hold, by their definitions.
pub const MOST_ON_GATEWAY: usize = 64;

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
    /// The place of each hostname; those of the new listeners are enough.
    pub hostnames: BTreeMap<String, ListenerPlace>,
    /// The number of listeners in each set that has any, by ordinal.
    pub sets: BTreeMap<i32, usize>,
    /// New hostnames come into ListenerSets; otherwise they are placed on the Gateway.
    pub takes_sets: bool,
}

/// Places listeners that the gateway doesn't have yet.
///
/// A hostname that the gateway knows stays where it is. A new one comes into the last set if that has room for all of its listeners, or else
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
                let known = placed.hostnames.get(&hostname).copied();
                known.unwrap_or_else(|| match placed.takes_sets {
                    true => ListenerPlace::Set(set_with_room(&placed.sets, keys.len())),
                    false => ListenerPlace::Gateway,
                })
            }
        };
        if let ListenerPlace::Set(set) = place {
            *placed.sets.entry(set).or_default() += keys.len();
        }
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

/// Whether a Gateway has room for listeners beside those that it holds, which may be its own for plain HTTP among them. `class`: the one that it names.
///
/// # Errors
/// It would have more than it may.
pub fn check_room(gateway: &str, class: Option<&str>, held: usize, new: usize) -> Result<(), Refusal> {
    if new == 0 || held + new <= MOST_ON_GATEWAY {
        return Ok(());
    }
    let of_class = class.map_or_else(String::new, |class| format!(" of GatewayClass {class}"));
    let problem = format!(
        "shared gateway {gateway}{of_class} would have {} listeners, and one Gateway holds {MOST_ON_GATEWAY}: the cluster doesn't say that further ones can be \
         in ListenerSets; take fewer hostnames, Placement Dedicated, or another GatewayClassName",
        held + new
    );
    Err(Refusal::field(Reason::Unsupported, "GatewayClassName", problem))
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
