//! The steps from the parent of the zone to what a resolver says, and who may sign certificates.

use super::{
    Seen, Step, StepName, list,
    step::{failed, passed, unknown},
};
use crate::evidence::{Found, Ground, Served, Stored, Zone};
use std::{collections::BTreeSet, net::IpAddr};

impl Seen<'_> {
    /// From the parent of the zone to what a resolver says.
    pub(super) fn dns(&self, host: &str) -> Vec<Step> {
        let zone = match &self.question.stored {
            Stored::NotAsked => {
                let evidence = format!("no domain name instance publishes {host}");
                let advice = "make one for the workload and the domain, unless somebody else publishes the hostname";
                let mut steps = vec![failed(StepName::ZoneFound, evidence, advice)];
                // Somebody else does.
                if self.resolves_here() {
                    steps = vec![unknown(StepName::ZoneFound, format!("{host} is published by somebody else"))];
                }
                steps.push(self.resolved(host));
                return steps;
            }
            Stored::NoZone(why) => {
                let advice = "make the hosted zone, or correct Domain, Zone, HostedZoneID or AwsAccountID of the domain name definition";
                let why = if why.is_empty() { format!("no hosted zone for {host} is known yet") } else { why.clone() };
                return vec![failed(StepName::ZoneFound, why, advice)];
            }
            Stored::Missing(zone, _) | Stored::Present(zone) => zone,
        };
        let kind = if zone.private { "private" } else { "public" };
        let found = passed(StepName::ZoneFound, format!("{host} belongs to the {kind} zone {}", zone.name));
        let mut steps = vec![self.delegated(zone), found, self.stored(host)];
        if zone.private {
            let evidence = format!("zone {} is private: it answers inside its VPCs only", zone.name);
            steps.push(unknown(StepName::RecordServed, evidence));
        } else {
            steps.extend([self.served(host), self.resolved(host)]);
        }
        steps
    }

    fn delegated(&self, zone: &Zone) -> Step {
        let step = StepName::Delegated;
        match &self.evidence.delegation {
            Some(Ok(servers)) => passed(step, format!("zone {} is delegated to {}", zone.name, list(servers))),
            Some(Err(Ground::Absent)) => failed(
                step,
                format!("no name server is told for zone {}", zone.name),
                format!("enter the hosted zone's name servers (NS) where {} is registered", zone.name),
            ),
            Some(Err(Ground::Failed(why))) => {
                unknown(step, format!("who serves zone {} can't be asked: {why}", zone.name))
            }
            None => unknown(step, format!("zone {} is private and needs no delegation", zone.name)),
        }
    }

    fn stored(&self, host: &str) -> Step {
        match &self.question.stored {
            Stored::Missing(zone, why) => {
                let why = if why.is_empty() { "they were not written yet" } else { why };
                let evidence = format!("zone {} doesn't hold the records of {host}: {why}", zone.name);
                failed(StepName::RecordStored, evidence, "see condition DnsPublished of the domain name instance")
            }
            _ => passed(StepName::RecordStored, format!("the records of {host} are in the zone")),
        }
    }

    /// What the zone's servers say must be the Gateway's addresses, all of them.
    fn served(&self, host: &str) -> Step {
        let step = StepName::RecordServed;
        if self.evidence.served.is_empty() {
            return unknown(step, "no name server of the zone could be asked");
        }
        let wanted = self.wanted();
        for Served { server, answer } in &self.evidence.served {
            match answer {
                Err(Ground::Absent) => {
                    let advice = "wait a minute if the record is new; else compare the delegation with the hosted zone's NS record";
                    return failed(step, format!("name server {server} has no address for {host}"), advice);
                }
                Ok(found) if !self.question.shared && !wanted.is_empty() && found.is_disjoint(&wanted) => {
                    let evidence = format!(
                        "name server {server} says {} for {host}; the Gateway has {}",
                        list(found),
                        list(&wanted)
                    );
                    return failed(step, evidence, "see who else writes this record, and condition DnsPublished");
                }
                _ => {}
            }
        }
        let answers = self.evidence.served.iter();
        let silent: Vec<_> = answers.filter_map(|served| Some((&served.server, reason(&served.answer)?))).collect();
        match silent.first() {
            Some((server, why)) if silent.len() == self.evidence.served.len() => {
                unknown(step, format!("name server {server} can't be asked: {why}"))
            }
            _ => {
                let servers: BTreeSet<_> = self.evidence.served.iter().map(|served| served.server.clone()).collect();
                let of = if self.question.shared { "one of its clusters" } else { "the Gateway" };
                passed(step, format!("{} answer with the address of {of}", list(&servers)))
            }
        }
    }

    fn resolved(&self, host: &str) -> Step {
        let (step, wanted) = (StepName::Resolved, self.wanted());
        match &self.evidence.resolved {
            None => unknown(step, format!("nobody was asked where {host} leads")),
            Some(Err(Ground::Failed(why))) => unknown(step, format!("a resolver doesn't answer for {host}: {why}")),
            Some(Err(Ground::Absent)) => {
                let advice = "wait until resolvers forget that there was none, for at most the last number of the zone's SOA record";
                failed(step, format!("a resolver finds no address for {host}"), advice)
            }
            Some(Ok(found)) if self.question.shared && found.is_disjoint(&wanted) => {
                passed(step, format!("{host} leads to {} now, which is another one of its clusters", list(found)))
            }
            Some(Ok(found)) if !wanted.is_empty() && found.is_disjoint(&wanted) => {
                let evidence = format!("a resolver says {} for {host}; the Gateway has {}", list(found), list(&wanted));
                failed(
                    step,
                    evidence,
                    "wait for the TTL of the old record; if it stays so, see who else publishes the hostname",
                )
            }
            Some(Ok(found)) => passed(step, format!("{host} leads to {}", list(found))),
        }
    }

    /// None: nobody was asked, because nobody is asked to sign.
    pub(super) fn issuance_allowed(&self, host: &str) -> Option<Step> {
        let (step, issuer) = (StepName::IssuanceAllowed, self.question.issuer.as_ref()?);
        Some(match self.evidence.caa.as_ref()? {
            Err(Ground::Absent) => passed(step, format!("no CAA record restricts who may sign for {host}")),
            Err(Ground::Failed(why)) => unknown(step, format!("the CAA records of {host} can't be asked: {why}")),
            Ok(caa) => {
                let of_wildcards = self.question.is_wildcard && !caa.issue_wild.is_empty();
                let (tag, allowed) = if of_wildcards { ("issuewild", &caa.issue_wild) } else { ("issue", &caa.issue) };
                if allowed.is_empty() || allowed.contains(issuer) {
                    return Some(passed(step, format!("the CAA records of {} allow {issuer}", caa.domain)));
                }
                let others: BTreeSet<_> = allowed.iter().filter(|name| !name.is_empty()).collect();
                let others = if others.is_empty() { "nobody".to_owned() } else { list(&others) };
                let evidence = format!("the CAA records of {} let {others} sign, and not {issuer}", caa.domain);
                let advice = format!("add the CAA record 0 {tag} \"{issuer}\" there, or choose another AcmeServer");
                failed(step, evidence, advice)
            }
        })
    }

    /// Whether a resolver leads to the Gateway.
    fn resolves_here(&self) -> bool {
        matches!(&self.evidence.resolved, Some(Ok(found)) if !found.is_disjoint(&self.wanted()))
    }

    /// The Gateway's addresses; those of its names are known where they were connected to.
    fn wanted(&self) -> BTreeSet<IpAddr> {
        let own = self.question.addresses.iter().filter_map(|address| address.parse().ok());
        let led_to =
            self.evidence.contacts.iter().filter_map(|contact| contact.address.rsplit(' ').next()?.parse().ok());
        own.chain(led_to).collect()
    }
}

fn reason<T>(found: &Found<T>) -> Option<&str> {
    match found {
        Err(Ground::Failed(why)) => Some(why),
        _ => None,
    }
}
