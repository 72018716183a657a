//! What a zone publishes of what we want, host by host.

use std::collections::BTreeMap;

use causeway_render::domain_name::RecordSet;

use super::ownership::owner_of;
use super::record::{Kind, Record, comparable, normal_name};

/// A record that is to be in the zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The host name; `*.example.test` for a wildcard.
    pub host: String,
    /// The kind. A CNAME to an AWS load balancer may be published as an alias instead.
    pub kind: Kind,
    /// Where it leads: addresses, or one name.
    pub targets: Vec<String>,
    /// Seconds; None when any will do.
    pub ttl: Option<i64>,
}

impl Wanted {
    /// What a domain name instance renders, host by host. Types that publish no host are passed over.
    pub fn all(rendered: &BTreeMap<String, Vec<RecordSet>>) -> Vec<Self> {
        let sets = rendered.iter().flat_map(|(host, sets)| sets.iter().map(move |set| (host, set)));
        let wanted = sets.filter_map(|(host, set)| {
            let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == set.record_type)?;
            Some(Self { host: host.clone(), kind, targets: set.values.clone(), ttl: Some(set.ttl) })
        });
        wanted.collect()
    }
}

/// What the zone says about one wanted record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostState {
    /// The host in normal form.
    pub host: String,
    /// The kind.
    pub kind: Kind,
    /// What was found.
    pub state: State,
}

/// What was found of one wanted record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It is there, ours, and as wanted.
    Present,
    /// Nothing is there, or something of ours of another kind that is still to be replaced.
    Missing,
    /// It is there and ours, but says something else.
    Differs {
        /// What it says: targets, and TTL where that is what differs.
        found: String,
        /// What it should say.
        wanted: String,
    },
    /// Somebody else's record stands there.
    Foreign {
        /// The owner that the ownership record names; None when there is none.
        owner: Option<String>,
    },
}

/// A sentence that names the host and what to do or wait for.
impl std::fmt::Display for HostState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, host) = (self.kind, &self.host);
        match &self.state {
            State::Present => write!(f, "{kind} {host} is published"),
            State::Missing => write!(f, "{kind} {host} is not in the zone yet"),
            State::Differs { found, wanted } => {
                write!(f, "{kind} {host} says {found} and should say {wanted}; it is being changed")
            }
            State::Foreign { owner: Some(owner) } => write!(
                f,
                "{host} has a record that belongs to {owner}; have its owner remove it, or choose another host name"
            ),
            State::Foreign { owner: None } => write!(
                f,
                "{host} has a record that was made by hand or by another tool; remove it, or choose another host name"
            ),
        }
    }
}

/// Compares a zone's records with what we want. One answer for each wanted record, in the same order.
pub fn published(records: &[Record], wanted: &[Wanted], owner: &str) -> Vec<HostState> {
    wanted
        .iter()
        .map(|wanted| {
            let host = normal_name(&wanted.host);
            let state = state(records, &host, wanted, owner);
            HostState { host, kind: wanted.kind, state }
        })
        .collect()
}

fn state(records: &[Record], host: &str, wanted: &Wanted, owner: &str) -> State {
    let there: Vec<_> = records.iter().filter(|r| r.name() == host).filter_map(|r| Some((r, r.kind()?))).collect();
    // Route 53 takes only one kind beside a CNAME: none. So another's CNAME, or another's anything where we want one, is in the way.
    let in_the_way = |kind: Kind| kind == wanted.kind || kind == Kind::Cname || wanted.kind == Kind::Cname;
    for (record, kind) in there.iter().filter(|(_, kind)| in_the_way(*kind)) {
        let found = owner_of(records, record, *kind);
        if found.owner() != Some(owner) {
            return State::Foreign { owner: found.owner().map(str::to_owned) };
        }
    }
    let answers = |record: &Record, kind: Kind| {
        kind == wanted.kind || (wanted.kind == Kind::Cname && kind == Kind::A && record.is_alias())
    };
    let mut answering = there.iter().filter(|(record, kind)| answers(record, *kind)).map(|(record, _)| *record);
    let Some(first) = answering.next() else { return State::Missing };
    let targets = sorted(&wanted.targets);
    // Several record sets of one name and kind are routed (weighted, …): published is what any of them says as wanted.
    let best = std::iter::once(first).chain(answering).find(|record| record.targets() == targets).unwrap_or(first);
    if best.targets() != targets {
        return State::Differs { found: best.targets().join(", "), wanted: targets.join(", ") };
    }
    match (wanted.ttl, best.ttl()) {
        (Some(wanted), Some(found)) if wanted != found => {
            State::Differs { found: format!("TTL {found}"), wanted: format!("TTL {wanted}") }
        }
        _ => State::Present,
    }
}

fn sorted(targets: &[String]) -> Vec<String> {
    let mut targets: Vec<_> = targets.iter().map(|target| comparable(target)).collect();
    targets.sort();
    targets.dedup();
    targets
}

#[cfg(test)]
mod tests {
    use super::super::ownership::Ownership;
    use super::super::record::tests::{alias, record};
    use super::*;

    fn txt(kind: &str, host: &str, owner: &str) -> Record {
        let value = Ownership { owner: owner.into(), resource: "crd/ns/x".into() }.to_string();
        record("TXT", &format!("_edns.{kind}-{host}."), None, &[&value])
    }

    fn look(records: &[Record], kind: Kind, targets: &[&str]) -> State {
        let targets = targets.iter().map(|target| (*target).to_owned()).collect();
        let wanted = Wanted { host: "H.test.".into(), kind, targets, ttl: Some(300) };
        published(records, &[wanted], "us").remove(0).state
    }

    #[test]
    fn a_host_is_present_missing_different_or_foreign() {
        let ours = [record("A", "h.test.", None, &["192.0.2.2", "192.0.2.1"]), txt("a", "h.test", "us")];
        assert_eq!(look(&ours, Kind::A, &["192.0.2.1", "192.0.2.2"]), State::Present);
        assert_eq!(look(&ours, Kind::Aaaa, &["2001:db8::1"]), State::Missing);
        assert_eq!(look(&[], Kind::A, &["192.0.2.1"]), State::Missing);
        let State::Differs { found, wanted } = look(&ours, Kind::A, &["192.0.2.9"]) else { panic!() };
        assert_eq!((found.as_str(), wanted.as_str()), ("192.0.2.1, 192.0.2.2", "192.0.2.9"));

        let theirs = [record("A", "h.test.", None, &["192.0.2.1"]), txt("a", "h.test", "them")];
        assert_eq!(look(&theirs, Kind::A, &["192.0.2.1"]), State::Foreign { owner: Some("them".into()) });
        assert_eq!(look(&theirs[..1], Kind::A, &["192.0.2.1"]), State::Foreign { owner: None });
        // Another kind of somebody else's doesn't matter, unless a CNAME is in play.
        assert_eq!(look(&theirs, Kind::Aaaa, &["2001:db8::1"]), State::Missing);
        assert_eq!(look(&theirs, Kind::Cname, &["lb.test"]), State::Foreign { owner: Some("them".into()) });
    }

    #[test]
    fn an_alias_counts_for_the_name_it_stands_for() {
        let new = [alias("A", "h.test.", "dualstack.lb.elb.amazonaws.com."), txt("a", "h.test", "us")];
        assert_eq!(look(&new, Kind::Cname, &["lb.elb.amazonaws.com"]), State::Present);
        let old = [alias("A", "h.test.", "lb.elb.amazonaws.com."), txt("cname", "h.test", "us")];
        assert_eq!(look(&old, Kind::Cname, &["lb.elb.amazonaws.com"]), State::Present);
    }

    #[test]
    fn a_ttl_that_differs_is_said() {
        let zone = [record("A", "h.test.", None, &["192.0.2.1"]), txt("a", "h.test", "us")];
        let wanted = Wanted { host: "h.test".into(), kind: Kind::A, targets: vec!["192.0.2.1".into()], ttl: Some(60) };
        let sentence = published(&zone, &[wanted], "us")[0].to_string();
        assert_eq!(sentence, "A h.test says TTL 300 and should say TTL 60; it is being changed");
    }
}
