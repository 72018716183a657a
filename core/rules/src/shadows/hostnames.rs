//! Hostnames that a wildcard is for and that others claim: everything for such a hostname goes to them, also what they don't answer.
//!
//! On one port of a Gateway a request belongs to the most specific hostname alone, whatever its path and whatever is done with TLS.

use crate::{claims::RouteClaim, conflicts::ClaimHolder};
use causeway_records::{
    inputs::{ListenerKey, Protocol},
    patterns::{above, is_wildcard},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// A wildcard that loses all of a hostname to another gateway instance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostnameTaken<'c> {
    /// The wildcard's listener.
    pub listener: &'c ListenerKey,
    /// The hostname below it, which may be a wildcard, too.
    pub hostname: &'c str,
    /// Id of who claims that.
    pub holder_id: i64,
    /// Its name.
    pub holder: &'c str,
}

impl fmt::Display for HostnameTaken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { listener: ListenerKey { port, protocol, hostname }, hostname: taken, holder, .. } = self;
        let wildcard = hostname.as_deref().unwrap_or_default();
        write!(
            f,
            "of {wildcard} on {protocol} port {port}, everything for {taken} goes to gateway instance {holder}, also what that doesn't answer"
        )
    }
}

/// Where the hostnames of two listeners are told apart: a port, and what clients begin with there.
type Place<'c> = (i32, Protocol, &'c str);

fn place<'c>(listener: &ListenerKey, hostname: &'c str) -> Place<'c> {
    (listener.port, listener.protocol.on_port(), hostname)
}

/// What wildcards of one gateway instance lose to hostnames of others on the same Gateway, each once.
pub fn hostnames_taken<'c>(
    own: &'c [RouteClaim],
    others: &'c [(RouteClaim, ClaimHolder)],
) -> BTreeSet<HostnameTaken<'c>> {
    let has_wildcard = own.iter().any(|claim| claim.listener.hostname.as_deref().is_some_and(is_wildcard));
    if !has_wildcard {
        return BTreeSet::new();
    }
    let mine = listeners(own.iter());
    let theirs = listeners(others.iter().map(|(claim, _)| claim));
    let mut found = BTreeSet::new();
    for (claim, holder) in others {
        let Some(hostname) = claim.listener.hostname.as_deref() else { continue };
        let Some(wildcard) = loser(&mine, &theirs, &claim.listener, hostname) else { continue };
        let only_leads =
            |of: &BTreeMap<Place<'_>, Claimed<'_>>, at: Place<'_>| of.get(&at).is_some_and(|of| of.redirects);
        let same = wildcard.redirects && only_leads(&theirs, place(&claim.listener, hostname));
        if !same {
            let (holder_id, holder) = (holder.id, holder.name.as_str());
            found.insert(HostnameTaken { listener: wildcard.listener, hostname, holder_id, holder });
        }
    }
    found
}

/// What is claimed at a listener.
#[derive(Clone, Copy)]
struct Claimed<'c> {
    listener: &'c ListenerKey,
    /// Everything is led to HTTPS.
    redirects: bool,
}

fn listeners<'c>(claims: impl Iterator<Item = &'c RouteClaim>) -> BTreeMap<Place<'c>, Claimed<'c>> {
    let mut all: BTreeMap<Place<'c>, Claimed<'c>> = BTreeMap::new();
    for claim in claims {
        let Some(hostname) = claim.listener.hostname.as_deref() else { continue };
        let at = all.entry(place(&claim.listener, hostname));
        at.or_insert(Claimed { listener: &claim.listener, redirects: true }).redirects &= claim.redirect;
    }
    all
}

/// The own wildcard that would get the requests for a hostname if nobody claimed it. None: there is none, the hostname is claimed here, too, or another
/// one of somebody else's lies between them and takes it along.
fn loser<'c>(
    mine: &BTreeMap<Place<'c>, Claimed<'c>>,
    theirs: &BTreeMap<Place<'c>, Claimed<'c>>,
    listener: &ListenerKey,
    hostname: &str,
) -> Option<Claimed<'c>> {
    if mine.contains_key(&place(listener, hostname)) {
        return None;
    }
    for wildcard in above(hostname) {
        let at = place(listener, &wildcard);
        if let Some(own) = mine.get(&at) {
            return Some(*own);
        }
        if theirs.contains_key(&at) {
            return None;
        }
    }
    None
}
