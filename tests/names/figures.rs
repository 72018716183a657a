//! Times that are recorded stay in memory until somebody puts them into histograms, which reading figures does, and nothing else by itself. So there is
//! one function that records figures, which has a task for it. Every program begins with that one, and nothing else records.

use std::{collections::BTreeSet, fs};

use syn::{Ident, ItemMod, visit::Visit};

use super::{is_test, pages::root, product};

/// Where that function is. Its test shows that no memory is taken: `core/telemetry/tests/figures.rs`.
const RECORDER: &str = "core/telemetry/src/figures.rs";
/// What makes or installs something that records.
const MAKERS: [&str; 4] = ["PrometheusBuilder", "install_recorder", "set_global_recorder", "build_recorder"];

/// The names in a file, but for those in its tests.
#[derive(Default)]
struct Named(BTreeSet<String>);

impl<'a> Visit<'a> for Named {
    fn visit_item_mod(&mut self, module: &'a ItemMod) {
        if !is_test(&module.attrs) {
            syn::visit::visit_item_mod(self, module);
        }
    }

    fn visit_ident(&mut self, ident: &'a Ident) {
        self.0.insert(ident.to_string());
    }
}

fn named(source: &str) -> BTreeSet<String> {
    let mut named = Named::default();
    named.visit_file(&syn::parse_file(source).unwrap());
    named.0
}

#[test]
fn every_program_records_figures_so_that_they_take_no_memory() {
    let root = root();
    let (mut makers, mut programs) = (vec![], vec![]);
    for file in product(&root) {
        let named = named(&fs::read_to_string(&file).unwrap());
        let shown = file.strip_prefix(&root).unwrap().display().to_string();
        if MAKERS.iter().any(|maker| named.contains(*maker)) {
            makers.push(shown.clone());
        }
        if named.contains("record_figures") && !shown.starts_with("core/telemetry/") {
            programs.push(shown);
        }
    }
    assert_eq!(makers, [RECORDER]);
    assert_eq!(programs, ["api/src/commands/serve.rs", "workers/src/lib.rs"]);
}

#[test]
fn names_outside_of_tests_are_found_wherever_they_stand() {
    let source = "use a::PrometheusBuilder; fn b() -> c::D { e().install_recorder(); f::set_global_recorder(1) }
        #[cfg(test)] mod tests { fn g() { h(); } }";
    let named = named(source);
    for name in ["PrometheusBuilder", "install_recorder", "set_global_recorder"] {
        assert!(named.contains(name), "{name}: {named:?}");
    }
    assert!(!named.contains("h"));
}
