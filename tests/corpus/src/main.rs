//! Objects of Gateway API as projects publish them: each file is imported, the records are rendered, and what comes of them is compared with what the objects
//! say. `make corpus` runs it. It ends with 1 when something is lost without a word.
//!
//! ```text
//! files of modules ─▶ import ─┬─▶ fields: is each one said or reported?
//!                             └─▶ render ─▶ compare: rules, hostnames and ports of each route
//! ```

mod compare;
mod fields;
mod modules;

use anyhow::{Context, Result, ensure};
use causeway_import::import;
use causeway_manifests::{Budget, read};
use compare::Outcome;
use serde_json::Value;
use std::{collections::BTreeMap, fs, path::Path};

/// What became of the objects of one folder.
#[derive(Default)]
struct Count {
    files: usize,
    unread: usize,
    objects: usize,
    same: usize,
    reported: usize,
    silent: Vec<String>,
}

fn main() -> Result<()> {
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    for folder in modules::folders()? {
        let count = counts.entry(folder.name).or_default();
        let beside = match &folder.beside {
            Some(file) => {
                objects(&fs::read_to_string(file)?).with_context(|| format!("{} can't be read", file.display()))?
            }
            None => vec![],
        };
        for file in yaml_files(&folder.path)? {
            look_at(&file, &beside, count)?;
        }
    }
    println!("{:<44} {:>6} {:>8} {:>6} {:>9} {:>7}", "", "files", "objects", "same", "reported", "silent");
    let mut silent = vec![];
    for (name, count) in counts {
        let Count { files, objects, same, reported, .. } = count;
        println!("{name:<44} {files:>6} {objects:>8} {same:>6} {reported:>9} {:>7}", count.silent.len());
        if count.unread > 0 {
            println!("{:<44} {:>6} of these files aren't manifests that can be read", "", count.unread);
        }
        ensure!(objects > 0, "no object was found in {name}");
        silent.extend(count.silent);
    }
    silent.iter().for_each(|line| println!("lost without a word: {line}"));
    ensure!(silent.is_empty(), "{} objects lose something without a word", silent.len());
    Ok(())
}

fn yaml_files(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let (mut found, mut folders) = (vec![], vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The kinds that are imported.
const KINDS: [&str; 9] = [
    "Gateway",
    "ListenerSet",
    "HTTPRoute",
    "GRPCRoute",
    "TCPRoute",
    "TLSRoute",
    "UDPRoute",
    "ReferenceGrant",
    "Ingress",
];

/// The objects of a text; None: it holds something else, such as a template or values of a chart.
fn objects(text: &str) -> Option<Vec<Value>> {
    // Whoever runs the conformance tests fills this in.
    let text = text.replace("{GATEWAY_CLASS_NAME}", "conformance");
    let manifests = read(&text, &Budget::default()).ok()?;
    Some(manifests.into_iter().map(|manifest| manifest.body).collect())
}

fn look_at(file: &Path, beside: &[Value], count: &mut Count) -> Result<()> {
    let Some(own) = objects(&fs::read_to_string(file)?) else {
        count.unread += 1;
        return Ok(());
    };
    let objects = [beside, own.as_slice()].concat();
    let is_known = |object: &Value| {
        KINDS.iter().any(|kind| object["kind"] == *kind) && !object["apiVersion"].to_string().contains("x-k8s")
    };
    if !own.iter().any(is_known) {
        return Ok(());
    }
    count.files += 1;
    let text: String = objects.iter().map(|object| format!("{object}\n")).collect();
    let imported = import(read(&text, &Budget::default())?)?;
    for (number, object) in objects.iter().enumerate().skip(beside.len()).filter(|(_, object)| is_known(object)) {
        count.objects += 1;
        let called = format!("{} {} in {}", object["kind"], object["metadata"]["name"], file.display());
        let lost = fields::lost(&objects, number)?;
        let outcome = compare::compare(&imported, &objects, object)?;
        match outcome {
            _ if !lost.is_empty() => count.silent.push(format!("{called}: {}", lost.join(", "))),
            Outcome::Same => count.same += 1,
            Outcome::Reported => count.reported += 1,
            Outcome::Differs(what) => count.silent.push(format!("{called}: {what}")),
        }
    }
    Ok(())
}
