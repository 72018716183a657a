//! Whether a cluster that is taken out of DNS gets no more visitors. Absent where it isn't taken out.

use super::{DNS_PUBLISHED, DRAINED, NotReady, summarize};
use crate::domain_name::weighted;
use causeway_records::{
    inputs::{DomainNameInputs, HostRecord},
    status::NewCondition,
};
use causeway_rules::routing::share;
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// When to look first, and when at the latest, whether other clusters have got a weight: each look costs requests of those that all users of the AWS
/// account share.
const OTHERS: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(120));

/// Drained. The caller has read the hosted zone into `inputs.published` before.
pub fn drained(inputs: &DomainNameInputs, now: DateTime<Utc>) -> Option<NewCondition> {
    let published: Vec<_> = held(inputs).collect();
    if published.is_empty() {
        return None;
    }
    let Some(weighted) = weighted(inputs) else { return inputs.drained.then(|| simple(inputs)) };
    if weighted.weight > 0 {
        return None;
    }
    let since = published.iter().filter_map(|(_, record)| record.drained_since).max();
    let not_yet = published.into_iter().filter_map(|(hostname, record)| not_drained(hostname, record, now));
    let met = since.map(|since| format!("no answer has led here since {}", time(since))).unwrap_or_default();
    Some(summarize(DRAINED, not_yet.collect(), met))
}

/// When [`drained`] says something else, if nothing changes; None: never.
pub fn drained_in(inputs: &DomainNameInputs, now: DateTime<Utc>) -> Option<Duration> {
    let is_out = weighted(inputs).is_some_and(|weighted| weighted.weight == 0);
    let waits = held(inputs).filter(|_| is_out).filter_map(|(_, record)| {
        let (since, until) = (record.drained_since?, kept_until(record)?);
        if !is_still_answered(record) {
            return (until - now).to_std().ok();
        }
        Some(((now - since).to_std().unwrap_or_default() / 4).clamp(OTHERS.0, OTHERS.1))
    });
    // A moment later, for it isn't over at the very instant.
    waits.min().map(|wait| wait + Duration::from_millis(50))
}

/// Drained, while the cluster can't be reached and only external-dns there could change the weight. What the zone said before holds.
pub fn drained_by_cluster_alone(inputs: &DomainNameInputs, now: DateTime<Utc>) -> Option<NewCondition> {
    let weighted = weighted(inputs).filter(|weighted| weighted.weight == 0);
    let answered = held(inputs).find(|(_, record)| record.drained_since.is_none());
    let (Some(weighted), Some((hostname, record))) = (weighted, answered) else { return drained(inputs, now) };
    let zone = record.zone.as_ref().map(|zone| zone.id.as_str()).unwrap_or_default();
    let message = format!(
        "external-dns in the cluster writes the records of {hostname}, and it can't be told while the cluster can't be reached; with DnsDriver route53 in \
         domain name definition {}, set while it can be, the workers take out a cluster without it. Now set the weight of the records with SetIdentifier {} \
         to 0 by hand, in hosted zone {zone}",
        inputs.definition.spec.name, weighted.set_identifier
    );
    Some(NewCondition::not_met(DRAINED, "NeedsOwnDriver", message))
}

/// The hostnames that the record publishes.
fn held(inputs: &DomainNameInputs) -> impl Iterator<Item = (&str, &HostRecord)> {
    let hosts = &inputs.published.hosts;
    inputs.published.held().filter_map(|(hostname, _)| Some((hostname, hosts.get(hostname)?)))
}

fn simple(inputs: &DomainNameInputs) -> NewCondition {
    let hostnames: Vec<_> = held(inputs).map(|(hostname, _)| hostname).collect();
    let message = format!(
        "{} lead here and nowhere else, for domain name definition {} has RoutingPolicy Simple; set Weighted there and publish them on another cluster, or \
         delete this record",
        hostnames.join(", "),
        inputs.definition.spec.name
    );
    NewCondition::not_met(DRAINED, "Simple", message)
}

fn not_drained(hostname: &str, record: &HostRecord, now: DateTime<Utc>) -> Option<NotReady> {
    let (Some(since), Some(until)) = (record.drained_since, kept_until(record)) else {
        let message = format!("weight 0 of {hostname} is not in the zone as asked for yet, see {DNS_PUBLISHED}");
        return Some(NotReady::pending(message));
    };
    if is_still_answered(record) {
        let message = match record.other_weights.len() {
            0 => format!(
                "{hostname} has no record but this one, so Route 53 goes on answering with it; publish it on another cluster first"
            ),
            _ => format!(
                "all records of {hostname} have weight 0, so Route 53 answers with each of them as often as with the others; give another cluster a weight"
            ),
        };
        return Some(NotReady::failed("NothingElse", message));
    }
    (now < until).then(|| {
        let message = format!(
            "no answer for {hostname} has led here since {}; those given before may be kept until {}",
            time(since),
            time(until)
        );
        NotReady::failed("Draining", message)
    })
}

/// Whether Route 53 answers with a record though its weight is 0.
fn is_still_answered(record: &HostRecord) -> bool {
    share(0, &record.other_weights).0 > 0
}

fn kept_until(record: &HostRecord) -> Option<DateTime<Utc>> {
    Some(record.drained_since? + TimeDelta::seconds(record.ttl))
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;
    use causeway_records::{inputs::PublishedZone, nouns::RoutingPolicy, text::DnsWeight};

    fn second(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    /// The sample with `shop.example.org` published, with weight 0 since second 100, beside records with these weights.
    fn inputs(others: &[i64]) -> DomainNameInputs {
        let (mut inputs, _) = samples::domain_name();
        inputs.definition.spec.routing_policy = Some(RoutingPolicy::Weighted);
        inputs.instance.record.spec.weight = DnsWeight::try_from(0).ok();
        let zone = Some(PublishedZone { id: "Z1".into(), ..PublishedZone::default() });
        let (drained_since, other_weights) = (Some(second(100)), others.to_vec());
        let record = HostRecord { present: true, ttl: 60, zone, drained_since, other_weights, ..HostRecord::default() };
        inputs.published.hosts = [("shop.example.org".to_owned(), record)].into();
        inputs
    }

    fn said(inputs: &DomainNameInputs, now: i64) -> Option<(String, String, String)> {
        let condition = drained(inputs, second(now))?;
        Some((condition.status.as_str().to_owned(), condition.reason, condition.message))
    }

    #[test]
    fn a_cluster_is_drained_one_ttl_after_its_weight_is_zero() {
        let inputs = inputs(&[100]);
        let (status, reason, message) = said(&inputs, 159).unwrap();
        assert_eq!((status.as_str(), reason.as_str()), ("False", "Draining"));
        assert!(message.contains("00:01:40 UTC") && message.contains("until 00:02:40 UTC"), "{message}");
        assert_eq!(drained_in(&inputs, second(159)), Some(Duration::from_millis(1050)));
        assert_eq!(said(&inputs, 160).unwrap().0, "True");
    }

    #[test]
    fn a_weight_of_zero_drains_nothing_where_nothing_else_is_answered_with() {
        for (others, words) in [(&[][..], "no record but this one"), (&[0, 0], "all records of shop.example.org")] {
            let (status, reason, message) = said(&inputs(others), 1000).unwrap();
            assert_eq!((status.as_str(), reason.as_str()), ("False", "NothingElse"));
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn others_are_looked_at_ever_more_seldom_whatever_other_hostnames_wait_for() {
        let mut inputs = inputs(&[]);
        let mut kept = inputs.published.hosts["shop.example.org"].clone();
        (kept.ttl, kept.other_weights) = (86_400, vec![100]);
        inputs.published.hosts.insert("kept.example.org".into(), kept);
        let waits = [101, 300, 100_000].map(|now| drained_in(&inputs, second(now)).unwrap().as_secs());
        assert_eq!(waits, [10, 50, 120]);
    }

    #[test]
    fn what_is_not_in_the_zone_yet_is_waited_for() {
        let mut inputs = inputs(&[100]);
        inputs.published.hosts.values_mut().for_each(|record| record.drained_since = None);
        assert_eq!(said(&inputs, 1000).unwrap().0, "Unknown");
        let alone = drained_by_cluster_alone(&inputs, second(1000)).unwrap();
        let id = weighted(&inputs).unwrap().set_identifier;
        assert!(alone.message.contains(&id) && alone.message.contains("hosted zone Z1"), "{}", alone.message);
    }

    #[test]
    fn a_cluster_that_was_drained_before_it_went_away_still_is() {
        let inputs = inputs(&[100]);
        let of = |now| drained_by_cluster_alone(&inputs, second(now)).map(|condition| condition.reason);
        assert_eq!(of(159).as_deref(), Some("Draining"));
        assert_eq!(drained_by_cluster_alone(&inputs, second(160)), drained(&inputs, second(160)));
        assert_eq!(said(&inputs, 160).unwrap().0, "True");
    }

    #[test]
    fn only_a_cluster_that_is_taken_out_says_so() {
        let mut inputs = inputs(&[100]);
        inputs.instance.record.spec.weight = DnsWeight::try_from(1).ok();
        assert_eq!((said(&inputs, 1000), drained_in(&inputs, second(1000))), (None, None));
        inputs.drained = true;
        assert_eq!(said(&inputs, 1000).unwrap().0, "True");
        inputs.definition.spec.routing_policy = None;
        assert_eq!(said(&inputs, 1000).unwrap().1, "Simple");
        inputs.drained = false;
        assert_eq!(said(&inputs, 1000), None);
    }
}
