//! Which requests that a gateway instance claims go to another one, although no two claims are equal: each request goes to the most specific match, whoever
//! has it.
//!
//! The order is that of Gateway API: an exact path, then the longest prefix, a method, the most headers, the most query parameters. Where a regular expression
//! stands is left to the controller, and controllers differ in how much a method counts: the driver says both. Of what its order and that of Gateway API see
//! differently, of a tie, and of regular expressions that can't be compared, it is said that it may be so.
//!
//! Matches of one listener meet: a request belongs to the listener with the most specific hostname alone. So a wildcard loses all of a hostname below it that
//! somebody else claims (`hostnames`). A listener without a hostname is for what nobody else asks for, and loses nothing by that.

mod hostnames;
mod overlap;

pub use hostnames::{HostnameTaken, hostnames_taken};

use crate::{
    claims::RouteClaim,
    conflicts::ClaimHolder,
    driver::{Driver, PathRank},
    requests::{PathDemand, Requests},
};
use causeway_records::inputs::ListenerKey;
use overlap::{Meet, covers, meet};
use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// Shadows that are told one by one.
const TOLD: usize = 8;
/// Pairs of claims that are compared at most; those beyond are taken for apart. A definition has 4096 claims.
const COMPARED: usize = 100_000;

/// How much of a claim's requests go to another claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Some may, some may not: which of the two routes gets them depends on their age, or on regular expressions.
    Perhaps,
    /// Some.
    Some,
    /// All: none arrives.
    All,
}

/// A claim that loses requests to one of another gateway instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shadow<'c> {
    pub claim: &'c RouteClaim,
    /// How much it loses.
    pub taken: Taken,
    /// The other's claim.
    pub by: &'c RouteClaim,
    /// Who has that.
    pub holder: &'c ClaimHolder,
}

impl fmt::Display for Shadow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { claim, by, holder, .. } = self;
        match self.taken {
            Taken::All => {
                write!(f, "nothing of {claim} arrives: all of it is for {} too and goes to {holder}", by.requests)
            }
            Taken::Some => write!(f, "of {claim}, what is for {} goes to {holder}", by.requests),
            Taken::Perhaps => write!(f, "of {claim}, what is for {} too may go to {holder}", by.requests),
        }
    }
}

/// What claims of one gateway instance lose to those of others on the same Gateway.
pub fn shadows<'c>(driver: Driver, own: &'c [RouteClaim], others: &'c [(RouteClaim, ClaimHolder)]) -> Vec<Shadow<'c>> {
    let mut by_listener: BTreeMap<&ListenerKey, Vec<_>> = BTreeMap::new();
    for (by, holder) in others {
        if let Ok(requests) = by.requests.parse::<Requests>() {
            by_listener.entry(&by.listener).or_default().push((by, holder, requests));
        }
    }
    let (mut found, mut compared) = (vec![], 0);
    for claim in own {
        let Some(beside) = by_listener.get(&claim.listener) else { continue };
        compared += beside.len();
        let Some(requests) = claim.requests.parse().ok().filter(|_| compared <= COMPARED) else { continue };
        let lost = beside.iter().filter_map(|(by, holder, others)| {
            let same = claim.redirect && by.redirect;
            let taken = taken(driver, &requests, others).filter(|_| !same)?;
            Some(Shadow { claim, taken, by, holder })
        });
        found.extend(lost);
    }
    found
}

/// All that they lose, as sentences, the worst first: at most nine.
pub fn warnings(driver: Driver, own: &[RouteClaim], others: &[(RouteClaim, ClaimHolder)]) -> Vec<String> {
    let mut found = shadows(driver, own, others);
    found.sort_by_key(|shadow| match shadow.taken {
        Taken::All => 0,
        Taken::Some => 1,
        Taken::Perhaps => 2,
    });
    let hostnames = hostnames_taken(own, others);
    let more = (found.len() + hostnames.len()).saturating_sub(TOLD);
    let (all, some) = found.split_at(found.partition_point(|shadow| shadow.taken == Taken::All));
    let sentences = |shadows: &[Shadow<'_>]| shadows.iter().map(ToString::to_string).collect::<Vec<_>>();
    let told = sentences(all).into_iter().chain(hostnames.iter().map(ToString::to_string)).chain(sentences(some));
    told.take(TOLD).chain((more > 0).then(|| format!("and {more} more matches of others that take requests"))).collect()
}

/// Those of `others` who lose requests to these claims.
pub fn losers<'c>(
    driver: Driver,
    claims: impl IntoIterator<Item = &'c RouteClaim>,
    others: &[(RouteClaim, ClaimHolder)],
) -> BTreeSet<i64> {
    // Who takes them doesn't matter here.
    let nobody = ClaimHolder { id: 0, name: String::new() };
    let takers: Vec<_> = claims.into_iter().map(|claim| (claim.clone(), nobody.clone())).collect();
    let mut compared = 0;
    let loses = |claim: &RouteClaim| {
        let own = std::slice::from_ref(claim);
        !shadows(driver, own, &takers).is_empty() || !hostnames_taken(own, &takers).is_empty()
    };
    let mut all = BTreeSet::new();
    for (claim, holder) in others {
        compared += takers.len();
        if compared <= COMPARED && !all.contains(&holder.id) && loses(claim) {
            all.insert(holder.id);
        }
    }
    all
}

/// What a match loses to another one; None: nothing.
fn taken(driver: Driver, claim: &Requests, other: &Requests) -> Option<Taken> {
    let meet = meet(claim, other);
    match (meet, ranks(driver, other, claim)) {
        (Meet::Never, _) | (_, Rank::Below) => None,
        (_, Rank::Above) if covers(other, claim) => Some(Taken::All),
        (Meet::Sometimes, Rank::Above) => Some(Taken::Some),
        _ => Some(Taken::Perhaps),
    }
}

/// Where one match stands with respect to another, for a request that both are about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rank {
    Above,
    Below,
    /// It depends.
    Open,
}

fn ranks(driver: Driver, one: &Requests, other: &Requests) -> Rank {
    let orders = match path_order(driver, &one.path, &other.path) {
        None => return Rank::Open,
        Some(Ordering::Equal) => orders(driver, one, other),
        Some(decided) => [decided; 2],
    };
    match orders {
        [Ordering::Greater, Ordering::Greater] => Rank::Above,
        [Ordering::Less, Ordering::Less] => Rank::Below,
        _ => Rank::Open,
    }
}

/// By Gateway API, and by the driver's controller.
fn orders(driver: Driver, one: &Requests, other: &Requests) -> [Ordering; 2] {
    let count = |of: &Requests| (usize::from(of.method.is_some()), of.headers.len(), of.query.len());
    let ((method, headers, query), (their_method, their_headers, their_query)) = (count(one), count(other));
    let standard = (method, headers, query).cmp(&(their_method, their_headers, their_query));
    let as_headers = (method + headers, query).cmp(&(their_method + their_headers, their_query));
    [standard, if driver.counts_methods_as_headers() { as_headers } else { standard }]
}

/// None: nobody says.
fn path_order(driver: Driver, one: &PathDemand, other: &PathDemand) -> Option<Ordering> {
    use PathDemand::{Call, Exact, Prefix, Regular};
    match (one, other) {
        (
            Call { service, method, regular },
            Call { service: theirs, method: their_method, regular: theirs_regular },
        ) => {
            if one == other {
                return Some(Ordering::Equal);
            }
            let only_one = |a: &Option<String>, b: &Option<String>| a.is_none() && b.is_some();
            let crossed =
                only_one(service, method) && theirs.is_some() || only_one(theirs, their_method) && service.is_some();
            let length = |part: &Option<String>| part.as_ref().map_or(0, String::len);
            let open = *regular || *theirs_regular || crossed && (method.is_none() || their_method.is_none());
            (!open).then(|| (length(service), length(method)).cmp(&(length(theirs), length(their_method))))
        }
        (Call { .. }, _) | (_, Call { .. }) => None,
        _ => {
            let kind = |path: &PathDemand| match path {
                Exact(_) => PathRank::Exact,
                Regular(_) => driver.rank_of_regular_path(),
                Prefix(_) | Call { .. } => PathRank::Prefix,
            };
            let length = |path: &PathDemand| match path {
                Exact(text) | Prefix(text) | Regular(text) => text.len(),
                Call { .. } => 0,
            };
            Some((kind(one), length(one)).cmp(&(kind(other), length(other))))
        }
    }
}

#[cfg(test)]
mod tests;
