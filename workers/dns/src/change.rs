//! What is changed at one host, and how changes are put together into requests.

use super::deletions::Deletion;
use super::record::ZoneRecord;

/// Limits of Route 53 for one request: values of records, of which an alias counts as one, and characters in them.
const MOST_VALUES: usize = 1000;
const MOST_CHARACTERS: usize = 32_000;

/// All changes at one host: all of them are made, or none. A record that says something else than before is deleted exactly as it was read, and created
/// anew in the same request: so whatever somebody else writes in between makes Route 53 refuse the request, instead of being overwritten.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostChange {
    /// In normal form.
    host: String,
    deletes: Vec<ZoneRecord>,
    creates: Vec<ZoneRecord>,
}

impl HostChange {
    pub(super) fn new(host: &str, deletes: Vec<ZoneRecord>, creates: Vec<ZoneRecord>) -> Self {
        Self { host: host.to_owned(), deletes, creates }
    }

    /// In normal form.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The record sets to delete, exactly as they were read.
    pub fn deletes(&self) -> &[ZoneRecord] {
        &self.deletes
    }

    /// The record sets to create.
    pub fn creates(&self) -> &[ZoneRecord] {
        &self.creates
    }

    fn records(&self) -> impl Iterator<Item = &ZoneRecord> {
        self.deletes.iter().chain(&self.creates)
    }

    fn values(&self) -> usize {
        self.records().map(|record| record.values().count().max(1)).sum()
    }

    fn characters(&self) -> usize {
        self.records().flat_map(ZoneRecord::values).map(str::len).sum()
    }
}

impl From<&Deletion> for HostChange {
    fn from(deletion: &Deletion) -> Self {
        Self::new(deletion.host(), deletion.records().to_vec(), vec![])
    }
}

/// Changes in as few requests as Route 53 allows. Those of one host are never parted.
pub(super) fn batches(changes: &[HostChange]) -> Vec<Vec<&HostChange>> {
    let mut batches: Vec<Vec<&HostChange>> = Vec::new();
    let (mut values, mut characters) = (0, 0);
    for change in changes {
        let full = values + change.values() > MOST_VALUES || characters + change.characters() > MOST_CHARACTERS;
        match batches.last_mut() {
            Some(batch) if !full => batch.push(change),
            _ => {
                batches.push(vec![change]);
                (values, characters) = (0, 0);
            }
        }
        values += change.values();
        characters += change.characters();
    }
    batches
}

/// A request's changes in two halves. None if there is only one.
pub(super) fn halves<'a>(batch: &[&'a HostChange]) -> Option<(Vec<&'a HostChange>, Vec<&'a HostChange>)> {
    let (first, second) = batch.split_at(batch.len() / 2);
    (!first.is_empty()).then(|| (first.to_vec(), second.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::record;
    use super::*;

    fn change(host: &str, values: &[&str]) -> HostChange {
        let name = format!("{host}.");
        HostChange::new(host, vec![record("A", &name, None, values)], vec![record("A", &name, None, values)])
    }

    #[test]
    fn batches_keep_to_the_limits_and_keep_hosts_together() {
        let many: Vec<_> = (0..1200).map(|n| change(&format!("h{n}.test"), &["192.0.2.1", "192.0.2.2"])).collect();
        let long = "x".repeat(250);
        let wide: Vec<_> = (0..100).map(|n| change(&format!("w{n}.test"), &[&long])).collect();
        for (changes, requests) in [(&many, 5), (&wide, 2)] {
            let found = batches(changes);
            assert_eq!(found.concat().len(), changes.len(), "each once, in order");
            assert_eq!(found.len(), requests);
            for batch in found {
                assert!(batch.iter().map(|change| change.values()).sum::<usize>() <= MOST_VALUES);
                assert!(batch.iter().map(|change| change.characters()).sum::<usize>() <= MOST_CHARACTERS);
            }
        }
    }

    #[test]
    fn halves_hold_everything_once() {
        let changes = [change("a.test", &["192.0.2.1"]), change("b.test", &["192.0.2.1"]), change("c.test", &[])];
        let all: Vec<_> = changes.iter().collect();
        let (first, second) = halves(&all).unwrap();
        assert_eq!([first, second].concat(), all);
        assert!(halves(&all[..1]).is_none());
    }
}
