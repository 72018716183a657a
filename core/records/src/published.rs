//! What a domain name instance has published, and in which hosted zones. Written when one is reconciled; read when gateway instances and external-dns
//! are.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The state of each hostname in its zone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Published {
    /// Hostnames that were published, or are about to be.
    pub hosts: BTreeMap<String, HostRecord>,
    /// The zone of the domain itself. external-dns keeps it while no hostname is published, so that it needn't start anew for the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain_zone: Option<PublishedZone>,
    /// Ids of zones that AWS doesn't let us read. external-dns isn't told of them: one zone that it can't read keeps it from all others.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unreadable: BTreeSet<String>,
}

/// A hosted zone to which records were written.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishedZone {
    /// Id of the AWS account's record; None: the workers' own identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<i64>,
    /// Id at Route 53.
    pub id: String,
    /// Its domain.
    pub name: String,
    /// It answers only inside its VPCs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
}

/// A hostname's records as last seen in the zone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostRecord {
    /// Whether the zone holds the wanted records.
    pub present: bool,
    /// If not, the reason as a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Since when the wanted records are not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_since: Option<DateTime<Utc>>,
    /// When the zone was first seen without records of this control plane after it had some: resolvers may keep answers for one TTL from then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_since: Option<DateTime<Utc>>,
    /// Another domain name instance publishes it: this one has written nothing, and reports whether the records are as it wants them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub elsewhere: bool,
    /// Seconds for which answers given out may still be kept after `gone_since`.
    pub ttl: i64,
    /// Where it is published. None: nothing was written for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<PublishedZone>,
    /// Zones in which it was published before. Its records leave them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<FormerZone>,
    /// Id of the workers' last change of its records at Route 53, until all its name servers have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// Since when the workers write its records themselves, or when they last did. None: external-dns writes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_since: Option<DateTime<Utc>>,
    /// Since when its records have weight 0 in the zone: resolvers may keep answers for one TTL from then. None: they are answered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drained_since: Option<DateTime<Utc>>,
    /// The weights of the records that other clusters have of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_weights: Vec<i64>,
    /// Whether its records may leave their zone, while they are to and are still there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion: Option<DeletionState>,
}

/// Whether records may be taken out of their zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DeletionState {
    /// Too many would leave the zone: a person has to say so.
    Held,
    /// They may: a person said so, or they were within the zone's budget.
    Allowed,
}

/// A zone that a hostname's records leave because the domain, its zone or its AWS account was changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FormerZone {
    /// The zone.
    pub zone: PublishedZone,
    /// As in [`HostRecord`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_since: Option<DateTime<Utc>>,
    /// As in [`HostRecord`].
    pub ttl: i64,
}

impl Published {
    /// The hostnames that are published, each with its zone.
    pub fn held(&self) -> impl Iterator<Item = (&str, &PublishedZone)> {
        let held = self.hosts.iter().filter(|(_, record)| record.gone_since.is_none() && !record.elsewhere);
        held.filter_map(|(host, record)| Some((host.as_str(), record.zone.as_ref()?)))
    }

    /// The zones that records are written to, each once: not those that hostnames are leaving, nor those that can't be read.
    pub fn zones(&self) -> impl Iterator<Item = &PublishedZone> {
        let mut zones: Vec<_> = self.held().map(|(_, zone)| zone).chain(&self.domain_zone).collect();
        zones.retain(|zone| !self.unreadable.contains(&zone.id));
        zones.sort();
        zones.dedup();
        zones.into_iter()
    }

    /// The AWS accounts in whose zones something is or was published.
    pub fn accounts(&self) -> impl Iterator<Item = i64> {
        let former = self.hosts.values().flat_map(|record| record.former.iter().map(|former| &former.zone));
        let now = self.hosts.values().filter_map(|record| record.zone.as_ref());
        former.chain(now).filter_map(|zone| zone.account)
    }
}

impl HostRecord {
    /// Says where the hostname is published from now on. Where it was published until now becomes a former zone, and a former one that it
    /// comes back to is none any more.
    pub fn move_to(&mut self, zone: &PublishedZone) {
        // Ids are unique at AWS. Another account may lead to the same zone: then the records stay where they are.
        let is_same = |known: &PublishedZone| known.id == zone.id;
        match self.zone.replace(zone.clone()) {
            Some(before) if !is_same(&before) => {
                self.former.push(FormerZone { zone: before, gone_since: None, ttl: self.ttl });
                self.missing_since = None;
            }
            _ => {}
        }
        self.former.retain(|former| !is_same(&former.zone));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(id: &str, account: Option<i64>) -> PublishedZone {
        PublishedZone { id: id.into(), name: "example.org".into(), private: false, account }
    }

    #[test]
    fn a_hostname_that_moves_remembers_where_it_was() {
        let mut record = HostRecord { ttl: 60, ..HostRecord::default() };
        record.move_to(&zone("Z1", None));
        assert_eq!(record.former, []);
        record.move_to(&zone("Z1", None));
        assert_eq!(record.former, [], "it stays");
        record.move_to(&zone("Z1", Some(5)));
        assert_eq!(
            (&record.former[..], &record.zone),
            (&[][..], &Some(zone("Z1", Some(5)))),
            "another way to the same zone"
        );
        record.move_to(&zone("Z2", Some(5)));
        record.move_to(&zone("Z3", Some(5)));
        let former = |record: &HostRecord| record.former.iter().map(|former| former.zone.clone()).collect::<Vec<_>>();
        assert_eq!(former(&record), [zone("Z1", Some(5)), zone("Z2", Some(5))]);
        record.move_to(&zone("Z1", None));
        assert_eq!(former(&record), [zone("Z2", Some(5)), zone("Z3", Some(5))], "it came back");
        assert_eq!(record.former[0].ttl, 60);
    }

    #[test]
    fn records_are_written_only_to_the_zones_of_what_stays() {
        let of = |id: &str| HostRecord { zone: Some(zone(id, Some(5))), ..HostRecord::default() };
        let hosts = [
            ("a", of("Z1")),
            ("b", of("Z1")),
            ("c", HostRecord { gone_since: Some(DateTime::UNIX_EPOCH), ..of("Z2") }),
            ("d", HostRecord { elsewhere: true, ..of("Z3") }),
            (
                "e",
                HostRecord {
                    former: vec![FormerZone { zone: zone("Z4", Some(6)), ..Default::default() }],
                    ..Default::default()
                },
            ),
        ];
        let hosts = hosts.map(|(host, record)| (host.to_owned(), record)).into();
        let mut published = Published { hosts, domain_zone: Some(zone("Z5", Some(5))), ..Published::default() };
        assert_eq!(published.zones().map(|zone| zone.id.as_str()).collect::<Vec<_>>(), ["Z1", "Z5"]);
        published.unreadable = ["Z1".to_owned()].into();
        assert_eq!(published.zones().map(|zone| zone.id.as_str()).collect::<Vec<_>>(), ["Z5"]);
        let mut accounts: Vec<_> = published.accounts().collect();
        accounts.dedup();
        assert_eq!(accounts, [6, 5]);
    }
}
