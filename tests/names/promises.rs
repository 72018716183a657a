//! The promises of `docs/security.md` name tests that exist.

use crate::pages::root;
use std::{fs, path::Path};
use syn::{
    Attribute, ItemFn,
    visit::{self, Visit},
};

/// Parts of a file's path that are no part of what a test in it is called.
const UNNAMED: [&str; 5] = ["mod", "main", "lib", "tests", "src"];

/// What the page calls a test: a function, behind the modules that it takes to find it.
fn is_test_name(text: &str) -> bool {
    let is_word =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    text.contains("::") && text.split("::").all(is_word)
}

/// In backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Whether a source file has a function of this name that is run as a test.
fn has_test(source: &str, name: &str) -> bool {
    struct Tests<'n>(&'n str, bool);
    impl<'a> Visit<'a> for Tests<'_> {
        fn visit_item_fn(&mut self, function: &'a ItemFn) {
            self.1 |= function.sig.ident == self.0 && function.attrs.iter().any(is_run);
            visit::visit_item_fn(self, function);
        }
    }
    // Most files don't, and need not be parsed.
    if !source.contains(&format!("fn {name}(")) {
        return false;
    }
    let mut tests = Tests(name, false);
    tests.visit_file(&syn::parse_file(source).unwrap());
    tests.1
}

/// `#[test]`, `#[tokio::test]`, `#[sqlx::test(…)]`.
fn is_run(attribute: &Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == "test")
}

/// A source file by its path, whose last parts are the modules of what is in it.
struct Source {
    modules: Vec<String>,
    text: String,
}

/// Every source file below a folder.
fn sources(folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            sources(&path, found);
        } else if name.ends_with(".rs") {
            let mut modules: Vec<_> =
                path.with_extension("").iter().map(|part| part.to_str().unwrap().to_owned()).collect();
            while modules.last().is_some_and(|last| UNNAMED.contains(&last.as_str())) {
                modules.pop();
            }
            found.push(Source { modules, text: fs::read_to_string(&path).unwrap() });
        }
    }
}

impl Source {
    /// Whether the test of this name is in the file.
    fn has(&self, name: &str) -> bool {
        let mut modules: Vec<&str> = name.split("::").collect();
        let function = modules.pop().unwrap_or_default();
        let own = self.modules.len().checked_sub(modules.len()).map(|above| &self.modules[above..]);
        own.is_some_and(|own| *own == modules) && has_test(&self.text, function)
    }
}

#[test]
fn every_test_that_a_promise_names_exists() {
    let page = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let mut all = vec![];
    sources(&root(), &mut all);
    let named: Vec<_> = quoted(&page).filter(|text| is_test_name(text)).collect();
    let missing: Vec<_> = named.iter().filter(|name| !all.iter().any(|source| source.has(name))).collect();
    assert!(named.len() > 40, "only {} tests are named", named.len());
    assert!(missing.is_empty(), "no test is called {missing:#?}");
}

/// A module is no test: what is in it today may be gone tomorrow.
#[test]
fn every_row_of_the_threat_model_names_tests_and_nothing_else() {
    let page = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let (_, model) = page.split_once("## Threat model").unwrap();
    let (model, _) = model.split_once("\n## ").unwrap();
    let rows: Vec<_> = model.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() >= 8, "{rows:?}");
    for row in rows {
        let shown_by: Vec<_> = row.trim_end_matches('|').rsplit('|').next().map(quoted).unwrap().collect();
        assert!(!shown_by.is_empty() && shown_by.iter().all(|text| is_test_name(text)), "{shown_by:?}");
    }
}

#[test]
fn only_what_is_run_is_a_test() {
    let text = "#[test] fn one() {} #[cfg(test)] mod tests { #[tokio::test(flavor = \"x\")] async fn two() {} #[sqlx::test] async fn three() {} }
        fn none() {} #[cfg(test)] fn helper() {} // fn comment() { test }";
    for name in ["one", "two", "three"] {
        assert!(has_test(text, name), "{name}");
    }
    for name in ["none", "helper", "comment", "on", "tests"] {
        assert!(!has_test(text, name), "{name}");
    }
    let in_file = |path: &str| Source { modules: path.split('/').map(str::to_owned).collect(), text: text.to_owned() };
    assert!(in_file("a/b/c").has("b::c::one") && in_file("a/b/c").has("c::two"));
    for wrong in ["b::one", "a::c::one", "c::b::one", "x::a::b::c::one", "c::none"] {
        assert!(!in_file("a/b/c").has(wrong), "{wrong}");
    }
}
