//! Objects of Gateway API as projects publish them: each file is imported, the records are rendered, and what comes of them is compared with what the objects
//! say. `make corpus` runs it. It ends with 1 when something is lost without a word.
//!
//! ```text
//! files of modules ─▶ import ─┬─▶ fields: is each one said or reported?
//!                             └─▶ render ─▶ compare: is it the same?
//! ```

mod beside;
mod compare;
mod count;
mod definitions;
mod fields;
mod modules;
mod unserved;

use anyhow::{Context, Result, ensure};
use causeway_import::import;
use causeway_manifests::{Budget, read};
use compare::{Case, Outcome, World};
use count::{Class, Counts};
use definitions::Definitions;
use modules::{Folder, Module};
use serde_json::Value;
use std::{
    env, fs,
    path::{Path, PathBuf},
};
use unserved::Unserved;

fn main() -> Result<()> {
    let (counts, stale) = counted(&modules::ALL)?;
    // Each object that is not the same, with the reason.
    let is_long = env::args().any(|argument| argument == "--all");
    counts.print(is_long);
    ensure!(counts.silent().is_empty(), "{} objects lose something without a word", counts.silent().len());
    ensure!(stale.is_empty(), "said to be unserved, and not found, or served after all: {}", stale.join(", "));
    Ok(())
}

/// What became of the objects of some modules, and which of those that are said to be unserved aren't.
fn counted(modules: &[Module]) -> Result<(Counts, Vec<String>)> {
    let mut look = Look {
        definitions: Definitions::of(&modules::definitions()?)?,
        unserved: Unserved::default(),
        counts: Counts::default(),
    };
    for folder in modules::folders(modules)? {
        look.through(&folder)?;
    }
    Ok((look.counts, look.unserved.stale(modules)))
}

/// A look at objects.
struct Look {
    definitions: Definitions,
    unserved: Unserved,
    counts: Counts,
}

/// The kinds that belong to Gateway API and its routes.
const KINDS: [&str; 11] = [
    "Gateway",
    "ListenerSet",
    "HTTPRoute",
    "GRPCRoute",
    "TCPRoute",
    "TLSRoute",
    "UDPRoute",
    "ReferenceGrant",
    "BackendTLSPolicy",
    "GatewayClass",
    "Ingress",
];

fn is_known(object: &Value) -> bool {
    KINDS.iter().any(|kind| object["kind"] == *kind) && !object["apiVersion"].to_string().contains("x-k8s")
}

impl Look {
    /// Looks at all files below a folder.
    fn through(&mut self, folder: &Folder) -> Result<()> {
        let beside = match &folder.beside {
            Some(file) => {
                objects(&fs::read_to_string(file)?).with_context(|| format!("{} can't be read", file.display()))?
            }
            None => vec![],
        };
        let mut found = 0;
        for file in yaml_files(&folder.path)? {
            let Some(own) = objects(&fs::read_to_string(&file)?) else {
                self.counts.unread.push(file.display().to_string());
                continue;
            };
            if !own.iter().any(is_known) {
                continue;
            }
            let all = [beside.clone(), own.clone()].concat();
            let added = [beside::gateways(&all, &neighbours(&file)?), beside::routes(&all)].concat();
            let all = [beside.as_slice(), &added, &own].concat();
            found += self.at(folder, &file, &all, all.len() - own.len())?;
        }
        ensure!(found > 0, "no object was found in {}", folder.name);
        Ok(())
    }

    /// Looks at the objects of a stream from the `first` on; tells how many there were.
    fn at(&mut self, folder: &Folder, file: &Path, objects: &[Value], first: usize) -> Result<usize> {
        let text: String = objects.iter().map(|object| format!("{object}\n")).collect();
        let imported = import(read(&text, &Budget::default())?)?;
        let world = World::new(&imported);
        let mut found = 0;
        for (number, object) in objects.iter().enumerate().skip(first).filter(|(_, object)| is_known(object)) {
            found += 1;
            let called =
                format!("{} {} in {}", object["kind"], object["metadata"]["name"], file.display()).replace('"', "");
            let lost = fields::lost(objects, number)?;
            let outcome = compare::compare(&Case { import: &imported, world: &world, objects, object })?;
            let (class, why) = match (self.definitions.refusal(object), outcome) {
                _ if !lost.is_empty() => (Class::Silent, lost.join(", ")),
                (Some(refusal), _) => (Class::Refused, refusal),
                (None, Outcome::Same) => (Class::Same, String::new()),
                (None, Outcome::Kept) => {
                    (Class::Kept, "it stays in its cluster, and means to what is rendered what it meant".to_owned())
                }
                (None, Outcome::Reported(why)) => match self.unserved.why(file, object) {
                    Some(purpose) => (Class::Unserved, format!("{purpose} ({why})")),
                    None => (Class::Reported, why),
                },
                (None, Outcome::Differs(what)) => (Class::Silent, what),
            };
            let kind = object["kind"].as_str().unwrap_or_default();
            self.counts.add(&folder.name, kind, class, format!("{called}: {why}"));
        }
        Ok(found)
    }
}

fn yaml_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (vec![], vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.retain(|path| path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml"));
    found.sort();
    Ok(found)
}

/// The objects of the other files of a file's folder.
fn neighbours(file: &Path) -> Result<Vec<Value>> {
    let mut all = vec![];
    for entry in fs::read_dir(file.parent().unwrap_or(file))? {
        let path = entry?.path();
        let is_yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if is_yaml && path != file {
            all.push(path);
        }
    }
    all.sort();
    let texts = all.iter().map(fs::read_to_string).collect::<Result<Vec<_>, _>>()?;
    Ok(texts.iter().filter_map(|text| objects(text)).flatten().collect())
}

/// The objects of a text; None: it holds something else, such as a template or values of a chart.
fn objects(text: &str) -> Option<Vec<Value>> {
    // Whoever runs the conformance tests fills this in.
    let text = text.replace("{GATEWAY_CLASS_NAME}", "conformance");
    let manifests = read(&text, &Budget::default()).ok()?;
    Some(manifests.into_iter().map(|manifest| manifest.body).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples that are there wherever this project is built.
    #[test]
    fn nothing_of_the_examples_is_lost_without_a_word_and_most_is_the_same() {
        let (counts, _) = counted(&modules::ALL[..1]).unwrap();
        assert!(counts.silent().is_empty(), "{:#?}", counts.silent());
        let (same, served) = (counts.total().of(Class::Same), counts.total().served());
        assert!(same * 100 >= served * 70, "{same} of {served} are the same");
    }
}
