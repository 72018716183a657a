//! The hostnames that a zone would lose and that wait for a person, in a sentence. Pure.

use std::{collections::BTreeSet, fmt, time::Duration};

/// The budget of deletions in a zone is for this long.
pub(super) const PERIOD: Duration = Duration::from_secs(600);
/// How many hostnames the sentence lists.
const NAMED: usize = 100;

/// Hostnames that wait for a person before they leave a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HeldDeletions {
    /// Id and name.
    pub(super) zone: (String, String),
    /// All that may go in a period.
    pub(super) allowed: usize,
    pub(super) hosts: BTreeSet<String>,
}

impl fmt::Display for HeldDeletions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, (id, name)) = (self.hosts.len(), &self.zone);
        let names: Vec<_> = self.hosts.iter().take(NAMED).map(String::as_str).collect();
        let more = count.saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        write!(
            f,
            "{count} hostnames would leave hosted zone {id} ({name}): {}{more}; no more than {} may within {} minutes, those of others included, unless a person says so: if that is meant, send Reconciled false, which lets just these go",
            names.join(", "),
            self.allowed,
            PERIOD.as_secs() / 60
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{super::seen::ZoneState, *};

    #[test]
    fn the_sentence_lists_the_hostnames_and_says_what_to_do() {
        let hosts = (100..225).map(|n| format!("h{n}.test")).collect();
        let held = HeldDeletions { zone: ("Z1".into(), "test".into()), allowed: 20, hosts };
        let sentence = held.to_string();
        for part in [
            "125 hostnames",
            "hosted zone Z1 (test): h100.test, h101.test",
            "h199.test and 25 more;",
            "more than 20 may within 10 minutes",
            "send Reconciled false",
        ] {
            assert!(sentence.contains(part), "{part}: {sentence}");
        }
        let other = |id: &str, host: &str| HeldDeletions {
            zone: (id.into(), "test".into()),
            allowed: 0,
            hosts: [host.to_owned()].into(),
        };
        let zones = ZoneState { held: vec![other("Z1", "a.test"), other("Z2", "b.test")], ..ZoneState::default() };
        let sentence = zones.held_back().unwrap();
        assert!(sentence.contains("Z1 (test): a.test") && sentence.contains("Z2 (test): b.test"), "{sentence}");
        assert_eq!(ZoneState::default().held_back(), None);
    }
}
