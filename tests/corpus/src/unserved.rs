//! Objects of which their publishers say themselves that nothing is to be served, or not all of it: tests of what controllers refuse.

use crate::{compare::called, modules::Module};
use serde_json::Value;
use std::{collections::BTreeSet, path::Path};

/// A file, a kind, a name, and why nothing of that object is to be served.
type Entry = (&'static str, &'static str, &'static str, &'static str);

const ALL: &[Entry] = &[];

/// What is found of them.
#[derive(Default)]
pub(crate) struct Unserved(BTreeSet<&'static Entry>);

impl Unserved {
    /// Why nothing of an object is to be served, if that is so.
    pub(crate) fn why(&mut self, file: &Path, object: &Value) -> Option<&'static str> {
        let (_, name) = called(object);
        let is_it = |entry: &&Entry| file.ends_with(entry.0) && object["kind"] == entry.1 && name == entry.2;
        let entry = ALL.iter().find(is_it)?;
        self.0.insert(entry);
        Some(entry.3)
    }

    /// Those that weren't asked about. Only of the conformance tests there are some.
    pub(crate) fn stale(&self, modules: &[Module]) -> Vec<String> {
        let all = if modules.iter().any(|(module, ..)| module.ends_with("/conformance")) { ALL } else { &[] };
        all.iter()
            .filter(|entry| !self.0.contains(entry))
            .map(|entry| format!("{} {} in {}", entry.1, entry.2, entry.0))
            .collect()
    }
}
