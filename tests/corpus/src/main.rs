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
mod fields;
mod modules;

use anyhow::{Context, Result, ensure};
use causeway_import::import;
use causeway_manifests::{Budget, read};
use compare::{Case, Outcome, World};
use count::{Count, Counts};
use modules::Folder;
use serde_json::Value;
use std::{
    env, fs,
    path::{Path, PathBuf},
};

fn main() -> Result<()> {
    let mut counts = Counts::default();
    for folder in modules::folders(&modules::ALL)? {
        look_through(&folder, &mut counts)?;
    }
    // Each object that is not the same, with the reason.
    let is_long = env::args().any(|argument| argument == "--all");
    counts.print(is_long);
    ensure!(counts.silent().is_empty(), "{} objects lose something without a word", counts.silent().len());
    Ok(())
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

/// Looks at all files below a folder.
fn look_through(folder: &Folder, counts: &mut Counts) -> Result<()> {
    let beside = match &folder.beside {
        Some(file) => {
            objects(&fs::read_to_string(file)?).with_context(|| format!("{} can't be read", file.display()))?
        }
        None => vec![],
    };
    let mut found = 0;
    for file in yaml_files(&folder.path)? {
        let Some(own) = objects(&fs::read_to_string(&file)?) else {
            counts.unread.push(file.display().to_string());
            continue;
        };
        if !own.iter().any(is_known) {
            continue;
        }
        let all = [beside.clone(), own.clone()].concat();
        let gateways = beside::gateways(&all, &neighbours(&file)?);
        let all = [beside.as_slice(), &gateways, &own].concat();
        found += look_at(folder, &file, &all, all.len() - own.len(), counts)?;
    }
    ensure!(found > 0, "no object was found in {}", folder.name);
    Ok(())
}

/// Looks at the objects of a stream from the `first` on; tells how many there were.
fn look_at(folder: &Folder, file: &Path, objects: &[Value], first: usize, counts: &mut Counts) -> Result<usize> {
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
        let count = match outcome {
            _ if !lost.is_empty() => Count::Silent(format!("{called}: {}", lost.join(", "))),
            Outcome::Same => Count::Same,
            Outcome::Reported(why) => Count::Reported(format!("{called}: {why}")),
            Outcome::Differs(what) => Count::Silent(format!("{called}: {what}")),
        };
        counts.add(&folder.name, object["kind"].as_str().unwrap_or_default(), count);
    }
    Ok(found)
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
        let mut counts = Counts::default();
        for folder in modules::folders(&modules::ALL[..1]).unwrap() {
            look_through(&folder, &mut counts).unwrap();
        }
        assert!(counts.silent().is_empty(), "{:#?}", counts.silent());
        let count::Row { objects, same, .. } = counts.total();
        assert!(same * 100 >= objects * 70, "{same} of {objects} are the same");
    }
}
