//! The promises of `docs/security.md` name tests that exist.

use crate::pages::root;
use std::{fs, path::Path};

/// What the page calls a test: a module, or a function in one.
fn is_test_name(text: &str) -> bool {
    let is_word =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    text.split("::").all(is_word)
}

/// In backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Names of tests: everywhere those with a path, and all in the last column of the threat model.
fn named(page: &str) -> Vec<&str> {
    let (_, model) = page.split_once("## Threat model").unwrap();
    let (model, _) = model.split_once("\n## ").unwrap();
    let rows = model.lines().filter(|line| line.starts_with("| ")).skip(1);
    let shown_by = rows.flat_map(|row| row.trim_end_matches('|').rsplit('|').next());
    let of_model = shown_by.flat_map(quoted);
    of_model.chain(quoted(page).filter(|text| text.contains("::"))).filter(|text| is_test_name(text)).collect()
}

/// Every source file with its path, whose parts are what a name begins with.
fn sources(folder: &Path, found: &mut Vec<(Vec<String>, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            sources(&path, found);
        } else if name.ends_with(".rs") {
            let parts = path.with_extension("").iter().map(|part| part.to_str().unwrap().to_owned()).collect();
            found.push((parts, fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Whether the file is in the modules, and has the last one of the name as a test, or is it.
fn has(parts: &[String], source: &str, name: &str) -> bool {
    let (modules, last) = name.rsplit_once("::").unwrap_or(("", name));
    let is_in =
        modules.split("::").filter(|module| !module.is_empty()).all(|module| parts.iter().any(|part| part == module));
    let is_it = parts.iter().any(|part| part == last) && source.contains("test");
    is_in && (is_it || source.contains(&format!("fn {last}(")))
}

#[test]
fn every_test_that_a_promise_names_exists() {
    let page = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let mut all = vec![];
    sources(&root(), &mut all);
    let named = named(&page);
    let missing: Vec<_> =
        named.iter().filter(|name| !all.iter().any(|(parts, source)| has(parts, source, name))).collect();
    assert!(named.len() > 40, "only {} tests are named", named.len());
    assert!(missing.is_empty(), "no test is called {missing:?}");
}

#[test]
fn every_row_of_the_threat_model_names_a_test() {
    let page = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let (_, model) = page.split_once("## Threat model").unwrap();
    let (model, _) = model.split_once("\n## ").unwrap();
    let rows: Vec<_> = model.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() >= 8, "{rows:?}");
    for row in rows {
        assert!(
            row.trim_end_matches('|').rsplit('|').next().is_some_and(|cell| quoted(cell).any(is_test_name)),
            "{row}"
        );
    }
}
