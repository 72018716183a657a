//! Objects of which their publishers say themselves that nothing is to be served, or not all of it: tests of what controllers refuse.
//!
//! Such an object counts as unserved when the report names what isn't taken in. It is no record's fault then: a record that said it would say what no
//! controller does. So the share of those that are served leaves it out, the share of all objects doesn't, and it has a column of its own and, with `--all`, a
//! line of its own with the reason. One that turns out to be the same is the same, and has no entry: `make corpus` fails until it is taken out of the list.

mod list;

use crate::{compare::called, modules::Module};
use list::{ALL, Entry};
use serde_json::Value;
use std::{collections::BTreeSet, path::Path};

/// What is found of them: file, kind and name.
#[derive(Default)]
pub(crate) struct Unserved(BTreeSet<Named>);

type Named = (&'static str, &'static str, &'static str);

/// The objects of an entry.
fn named(entry: &'static Entry) -> impl Iterator<Item = Named> {
    entry.objects.iter().map(|(kind, name)| (entry.file, *kind, *name))
}

impl Unserved {
    /// Why nothing of an object is to be served, if that is so.
    pub(crate) fn why(&mut self, file: &Path, object: &Value) -> Option<&'static str> {
        let (_, name) = called(object);
        let is_it = |(of, kind, one): &Named| file.ends_with(of) && object["kind"] == *kind && name == *one;
        let (entry, found) = ALL.iter().find_map(|entry| Some((entry, named(entry).find(is_it)?)))?;
        self.0.insert(found);
        Some(entry.why)
    }

    /// Those that weren't asked about. Only of the conformance tests there are some.
    pub(crate) fn stale(&self, modules: &[Module]) -> Vec<String> {
        let all = if modules.iter().any(|(module, ..)| module.ends_with("/conformance")) { ALL } else { &[] };
        all.iter()
            .flat_map(named)
            .filter(|one| !self.0.contains(one))
            .map(|(file, kind, name)| format!("{kind} {name} in {file}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_is_known_by_its_file_kind_and_name() {
        let mut unserved = Unserved::default();
        let file = Path::new("somewhere/tests").join(ALL[0].file);
        let (kind, name) = ALL[0].objects[0];
        let object = |kind: &str| json!({"kind": kind, "metadata": {"name": name}});
        assert_eq!(unserved.why(Path::new("somewhere/other.yaml"), &object(kind)), None);
        assert_eq!(unserved.why(&file, &object("Service")), None);
        assert_eq!(unserved.why(&file, &object(kind)), Some(ALL[0].why));
        let count: usize = ALL.iter().map(|entry| entry.objects.len()).sum();
        let module: Module = ("x/conformance", "", &[]);
        assert_eq!(unserved.stale(&[module]).len(), count - 1);
        assert_eq!(unserved.stale(&[("x", "", &[])]), [""; 0]);
    }

    #[test]
    fn none_is_listed_twice() {
        let all: Vec<Named> = ALL.iter().flat_map(named).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }
}
