//! The pages name what exists: paths of the repository, and functions and types in their files.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The longest walk that one can follow.
const MOST_STOPS: usize = 30;
/// What stands before a name where it is defined.
const DEFINITIONS: [&str; 7] = ["fn ", "struct ", "enum ", "trait ", "type ", "const ", "static "];
/// The section of `docs/architecture.md` with the walk.
const WALK: &str = "## One gateway instance, from POST to condition\n";

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All pages for people, relative to the root.
pub(crate) fn pages() -> Vec<String> {
    let in_docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().file_name());
    let in_docs = in_docs.map(|name| format!("docs/{}", name.to_str().unwrap())).filter(|name| name.ends_with(".md"));
    ["README.md", "migrations/README.md"].map(str::to_owned).into_iter().chain(in_docs).collect()
}

/// The folders with which a path of the repository begins.
fn folders() -> BTreeSet<String> {
    let entries = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap());
    let names = entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().into_string().unwrap());
    names.filter(|name| name != "target" && !name.starts_with('.')).collect()
}

/// A path of the repository that a page names, and what it says is in that file.
#[derive(Debug, PartialEq, Eq)]
struct Mention<'p> {
    path: &'p str,
    item: Option<&'p str>,
}

/// What a page names in backticks, or as the first word of a line in a block.
fn mentions<'p>(page: &'p str, folders: &BTreeSet<String>) -> Vec<Mention<'p>> {
    let (mut found, mut in_block) = (vec![], false);
    for line in page.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
        } else if in_block {
            found.extend(line.split_whitespace().next());
        } else {
            found.extend(line.split('`').skip(1).step_by(2));
        }
    }
    found.into_iter().filter_map(|text| mention(text, folders)).collect()
}

/// None for what is no path of the repository, and for patterns.
fn mention<'p>(text: &'p str, folders: &BTreeSet<String>) -> Option<Mention<'p>> {
    let (path, item) = text.split_once("::").map_or((text, None), |(path, item)| (path, Some(item)));
    let (folder, _) = path.split_once('/')?;
    let is_plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
    (is_plain && folders.contains(folder)).then_some(Mention { path, item })
}

/// The targets of a page's links that are files.
fn links(page: &str) -> impl Iterator<Item = &str> {
    let targets = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = targets.filter(|target| !target.contains("://")).filter_map(|target| target.split('#').next());
    files.filter(|file| !file.is_empty())
}

/// A source file without its comments and its unit tests.
fn code(path: &str) -> String {
    let source = fs::read_to_string(root().join(path)).unwrap();
    let (code, _) = source.split_once("\n#[cfg(test)]\nmod tests {").unwrap_or((source.as_str(), ""));
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Where a name stands in code as a whole, with what is before and after it.
fn places<'c>(code: &'c str, name: &'c str) -> impl Iterator<Item = (&'c str, &'c str)> {
    let in_a_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let around = code.match_indices(name).map(move |(at, _)| (&code[..at], &code[at + name.len()..]));
    around.filter(move |(before, after)| !before.ends_with(in_a_word) && !after.starts_with(in_a_word))
}

fn is_definition(before: &str) -> bool {
    DEFINITIONS.iter().any(|keyword| before.ends_with(keyword))
}

/// Whether code has a function, type or constant of this name.
fn defines(code: &str, name: &str) -> bool {
    places(code, name).any(|(before, _)| is_definition(before))
}

/// Whether code calls a function of this name, or names the function or type in another way than as a field or a variable.
fn uses(code: &str, name: &str) -> bool {
    let is_type = name.starts_with(|c: char| c.is_ascii_uppercase());
    let is_call =
        |before: &str, after: &str| after.starts_with('(') || after.starts_with("::") || before.ends_with("::");
    places(code, name).any(|(before, after)| !is_definition(before) && (is_type || is_call(before, after)))
}

#[test]
fn what_the_pages_name_exists() {
    let (root, folders) = (root(), folders());
    let mut wrong = vec![];
    let mut checked = 0;
    for page in pages() {
        let text = fs::read_to_string(root.join(&page)).unwrap();
        for Mention { path, item } in mentions(&text, &folders) {
            checked += 1;
            match item {
                _ if !root.join(path).exists() => wrong.push(format!("{page}: {path} doesn't exist")),
                Some(name) if !defines(&code(path), name) => {
                    wrong.push(format!("{page}: {path} has no {name}"));
                }
                _ => {}
            }
        }
        let folder = root.join(&page).parent().unwrap().to_owned();
        let broken = links(&text).filter(|link| !folder.join(link).exists());
        wrong.extend(broken.map(|link| format!("{page}: the link to {link} leads nowhere")));
    }
    assert!(checked > 100, "only {checked} paths are found in the pages");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_walk_is_short_and_each_of_its_functions_is_called_on_the_way() {
    let page = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let (_, walk) = page.split_once(WALK).unwrap();
    let (walk, _) = walk.split_once("\n## ").unwrap();
    let stops = stops(walk);
    assert!((10..=MOST_STOPS).contains(&stops.len()), "{} stops", stops.len());
    let (folders, mut passed) = (folders(), BTreeMap::new());
    for (n, stop) in stops.iter().enumerate() {
        assert!(stop.starts_with(&format!("{}. ", n + 1)), "the numbers are not in order: {stop}");
        let mentions = mentions(stop, &folders);
        let files = mentions.iter().map(|mention| mention.path).filter(|path| path.ends_with(".rs"));
        passed.extend(files.map(|path| (path, code(path))));
        let named: Vec<_> = mentions.iter().filter_map(|mention| mention.item).collect();
        assert!(!named.is_empty(), "this stop names no function: {stop}");
        let lost = named.iter().find(|name| !passed.values().any(|code| uses(code, name)));
        assert_eq!(lost, None, "no file that the walk has come by calls it: {stop}");
    }
}

/// The numbered items of a list.
fn stops(walk: &str) -> Vec<String> {
    let mut stops: Vec<String> = vec![];
    for line in walk.lines() {
        if line.starts_with(|c: char| c.is_ascii_digit()) {
            stops.push(line.to_owned());
        } else if let Some(stop) = stops.last_mut().filter(|_| line.starts_with(' ')) {
            stop.push('\n');
            stop.push_str(line);
        }
    }
    stops
}

#[test]
fn only_paths_of_the_repository_are_mentions() {
    let folders = BTreeSet::from(["api".to_owned(), "core".to_owned()]);
    let page = "See `api/src/x.rs::run`, `core/`, `a/b`, `api/*.rs` and `run`.\n```\ncore/y  what `api/z` is\n```\n";
    let found = mentions(page, &folders);
    let expected = [("api/src/x.rs", Some("run")), ("core/", None), ("core/y", None)];
    assert_eq!(found, expected.map(|(path, item)| Mention { path, item }));
    assert_eq!(links("[a](b.md#c) [d](https://e) [f](#g) [h](../i)").collect::<Vec<_>>(), ["b.md", "../i"]);
}

#[test]
fn a_name_is_defined_or_used_only_as_a_whole() {
    assert!(defines("pub(crate) async fn run<T>() {}", "run") && defines("fn running() {} fn run() {}", "run"));
    assert!(!defines("fn running() {} run();", "run"));
    for code in ["run(1)", "x.run()", "run::<T>(1)", "map(module::run)", "let run = run(1);"] {
        assert!(uses(code, "run"), "{code}");
    }
    for code in ["fn run() {}", "rerun(1)", "run_all(1)", "let run = 1;", "x.run + 1"] {
        assert!(!uses(code, "run"), "{code}");
    }
    assert!(uses("impl T for Run {}", "Run") && !uses("pub struct Run;", "Run"));
}
