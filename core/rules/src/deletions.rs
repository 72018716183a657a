//! How many hostnames may leave a hosted zone in a period without a person's word.

use causeway_records::nouns::DomainNameDefinition;

/// Of so many of ours in the zone: what the domain allows as a number, or its share of them, if that is more.
pub fn may_leave(domain: &DomainNameDefinition, ours: usize) -> usize {
    (ours * domain.max_deletions_percent() / 100).max(domain.max_deletions())
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::text::{HostnameCount, Percent};

    #[test]
    fn a_fifth_may_go_and_twenty_always() {
        let domain = DomainNameDefinition::default();
        assert_eq!([0, 30, 100, 1000].map(|ours| may_leave(&domain, ours)), [20, 20, 20, 200]);
    }

    #[test]
    fn a_domain_says_how_many_itself() {
        let of = |hosts, percent| DomainNameDefinition {
            max_deletions: HostnameCount::try_from(hosts).ok(),
            max_deletions_percent: Percent::try_from(percent).ok(),
            ..DomainNameDefinition::default()
        };
        assert_eq!([0, 10, 1000].map(|ours| may_leave(&of(0, 0), ours)), [0, 0, 0], "nothing without a person");
        assert_eq!([0, 10, 1000].map(|ours| may_leave(&of(2, 100), ours)), [2, 10, 1000]);
    }
}
