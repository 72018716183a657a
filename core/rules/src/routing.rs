//! One hostname on several clusters: each cluster has a record of its own with a weight, and Route 53 answers with one of them.

use causeway_records::{
    nouns::{DomainNameDefinition, DomainNameInstance, RoutingPolicy},
    problem::{Reason, Refusal},
};

/// What distinguishes a cluster's record from those of other clusters, and how often it is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weighted {
    /// Unique among the records of a hostname and type; that of a cluster never changes, so both drivers write the same one.
    pub set_identifier: String,
    /// 0 to 255.
    pub weight: i32,
}

/// How a domain name instance's records are chosen among others of their hostname; None: they are the only ones. `owner` is in the ownership records of
/// its cluster, `drained` says whether that is to be taken out.
pub fn weighted(
    domain: &DomainNameDefinition,
    instance: &DomainNameInstance,
    drained: bool,
    owner: &str,
) -> Option<Weighted> {
    match domain.routing_policy() {
        RoutingPolicy::Simple => None,
        RoutingPolicy::Weighted => {
            let weight = if drained { 0 } else { instance.weight() };
            Some(Weighted { set_identifier: owner.to_owned(), weight })
        }
    }
}

/// Refuses a weight that nothing would come of.
///
/// # Errors
/// The domain's hostnames have one record each.
pub fn check_weight(domain: &DomainNameDefinition, instance: &DomainNameInstance) -> Result<(), Refusal> {
    match (domain.routing_policy(), instance.weight) {
        (RoutingPolicy::Simple, Some(_)) => {
            let problem = format!(
                "needs RoutingPolicy Weighted in domain name definition {}, which has Simple: there a hostname has one record, on one cluster; \
                 set it there, or leave Weight out",
                domain.name
            );
            Err(Refusal::field(Reason::InvalidField, "Weight", problem))
        }
        _ => Ok(()),
    }
}

/// How often Route 53 answers with a record: so many times of so many. `others` are the weights of the other records of its hostname and type.
pub fn share(weight: i64, others: &[i64]) -> (i64, i64) {
    let count = i64::try_from(others.len()).unwrap_or(i64::MAX).saturating_add(1);
    match others.iter().fold(weight, |sum, weight| sum.saturating_add(*weight)) {
        // Where no record has a weight, all are as likely.
        0 => (1, count),
        sum => (weight, sum),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn domain(policy: Option<RoutingPolicy>) -> DomainNameDefinition {
        DomainNameDefinition {
            name: "example".parse().unwrap(),
            routing_policy: policy,
            ..DomainNameDefinition::default()
        }
    }

    fn instance(weight: Option<i64>) -> DomainNameInstance {
        DomainNameInstance { weight: weight.map(|weight| weight.try_into().unwrap()), ..DomainNameInstance::default() }
    }

    #[test]
    fn a_cluster_has_its_weight_and_none_while_it_is_drained() {
        let of = |policy, weight, drained| {
            weighted(&domain(policy), &instance(weight), drained, "us").map(|weighted| weighted.weight)
        };
        let policy = Some(RoutingPolicy::Weighted);
        assert_eq!(of(policy, None, false), Some(100));
        assert_eq!(of(policy, Some(255), false), Some(255));
        assert_eq!((of(policy, Some(0), false), of(policy, Some(255), true)), (Some(0), Some(0)));
        assert_eq!((of(None, None, false), of(Some(RoutingPolicy::Simple), None, true)), (None, None));
    }

    #[test]
    fn a_weight_without_weighted_records_is_refused() {
        assert!(check_weight(&domain(Some(RoutingPolicy::Weighted)), &instance(Some(0))).is_ok());
        assert!(check_weight(&domain(None), &instance(None)).is_ok());
        let sentence = check_weight(&domain(None), &instance(Some(10))).unwrap_err().to_string();
        assert!(sentence.contains("RoutingPolicy Weighted in domain name definition example"), "{sentence}");
    }

    proptest! {
        #[test]
        fn the_shares_of_all_clusters_are_the_whole_and_zero_takes_one_out(weights in prop::collection::vec(0..=255i64, 1..8)) {
            let others = |n: usize| -> Vec<i64> {
                weights.iter().enumerate().filter(|(at, _)| *at != n).map(|(_, weight)| *weight).collect()
            };
            let shares: Vec<_> = weights.iter().enumerate().map(|(n, weight)| share(*weight, &others(n))).collect();
            let whole = shares[0].1;
            prop_assert!(whole > 0 && shares.iter().all(|(_, of)| *of == whole));
            prop_assert_eq!(shares.iter().map(|(part, _)| part).sum::<i64>(), whole);
            let answers_elsewhere = |n: usize| others(n).iter().any(|weight| *weight > 0);
            for (n, weight) in weights.iter().enumerate().filter(|(_, weight)| **weight == 0) {
                prop_assert_eq!(share(*weight, &others(n)).0 == 0, answers_elsewhere(n), "{}", n);
            }
        }
    }
}
