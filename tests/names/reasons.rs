//! `docs/troubleshooting.md` has an entry for each reason with which the product says that a condition isn't met, and none for others.
//!
//! Reasons are found where conditions are made. Those that a controller in the cluster gives are passed on, and are not ours to list.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use syn::{
    Expr, ExprCall, ExprLit, ImplItemFn, ItemConst, ItemFn, ItemImpl, ItemMod, Lit, Macro, Pat, Token, Type,
    punctuated::Punctuated,
    visit::{self, Visit},
};

use super::{is_test, product};

const PAGE: &str = "docs/troubleshooting.md";
/// What makes a condition that isn't met, and which argument its reason is.
const MAKERS: [(&str, usize); 6] =
    [("not_met", 1), ("unknown", 1), ("NotReady::failed", 0), ("Failed::new", 1), ("refused", 0), ("not_ready", 0)];
/// What makes a condition, and has its type as its first argument.
const TYPED: [&str; 5] = ["not_met", "met", "unknown", "summarize", "Failed::new"];
/// Functions whose texts are reasons, with the type whose functions they are.
const NAMING: [(&str, &str); 5] = [
    ("UnreachableCause", "as_str"),
    ("DnsError", "reason"),
    ("Unavailable", "from"),
    ("", "failed"),
    ("", "other_cluster"),
];

/// Reasons by name, each with a file that gives it.
#[derive(Default)]
pub(crate) struct Reasons {
    found: BTreeMap<String, String>,
    /// Constants that stand for a reason somewhere.
    named: BTreeSet<String>,
    /// Types of conditions, and constants that stand for one.
    types: BTreeSet<String>,
    constants: BTreeMap<String, String>,
    file: String,
    /// The type whose functions are looked at.
    of: String,
}

impl Reasons {
    fn of_product(root: &Path) -> BTreeMap<String, String> {
        let mut reasons = Self::default();
        for file in product(root) {
            reasons.file = file.strip_prefix(root).unwrap_or(&file).display().to_string();
            reasons.read(&fs::read_to_string(&file).unwrap());
        }
        reasons.all()
    }

    fn read(&mut self, source: &str) {
        self.visit_file(&syn::parse_file(source).unwrap());
    }

    /// The types of conditions that workers make.
    pub(crate) fn types_of_workers(root: &Path) -> BTreeSet<String> {
        let mut reasons = Self::default();
        for file in product(root).into_iter().filter(|file| file.starts_with(root.join("workers"))) {
            reasons.read(&fs::read_to_string(&file).unwrap());
        }
        let named = |name: String| reasons.constants.get(&name).cloned().unwrap_or(name);
        reasons.types.iter().cloned().map(named).filter(|name| is_reason(name)).collect()
    }

    fn all(self) -> BTreeMap<String, String> {
        let named = self.named.into_iter().filter_map(|name| self.constants.get(&name).cloned());
        let named = named.filter(|reason| is_reason(reason)).map(|reason| (reason, "a constant".to_owned()));
        named.chain(self.found).collect()
    }

    fn note(&mut self, text: &str) {
        if is_reason(text) {
            self.found.insert(text.to_owned(), self.file.clone());
        }
    }

    fn note_texts(&mut self, block: &syn::Block) {
        let mut texts = Texts::default();
        texts.visit_block(block);
        texts.0.iter().for_each(|text| self.note(text));
    }
}

impl<'a> Visit<'a> for Reasons {
    fn visit_item_mod(&mut self, module: &'a ItemMod) {
        if !is_test(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_impl(&mut self, item: &'a ItemImpl) {
        if let Type::Path(of) = &*item.self_ty {
            self.of = of.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        }
        visit::visit_item_impl(self, item);
        self.of.clear();
    }

    fn visit_impl_item_fn(&mut self, item: &'a ImplItemFn) {
        if NAMING.contains(&(self.of.as_str(), item.sig.ident.to_string().as_str())) {
            self.note_texts(&item.block);
        }
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_item_fn(&mut self, item: &'a ItemFn) {
        if NAMING.contains(&("", item.sig.ident.to_string().as_str())) {
            self.note_texts(&item.block);
        }
        visit::visit_item_fn(self, item);
    }

    fn visit_item_const(&mut self, item: &'a ItemConst) {
        if let Some(text) = text(&item.expr) {
            self.constants.insert(item.ident.to_string(), text);
        }
    }

    fn visit_impl_item_const(&mut self, item: &'a syn::ImplItemConst) {
        if let Some(text) = text(&item.expr) {
            self.constants.insert(item.ident.to_string(), text);
        }
    }

    /// What stands in `vec![…]` is an expression like others.
    fn visit_macro(&mut self, item: &'a Macro) {
        let inner = item.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated);
        inner.iter().flatten().for_each(|expression| Visit::visit_expr(self, expression));
    }

    fn visit_expr_call(&mut self, call: &'a ExprCall) {
        if let Some(of) = is_typed(&call.func).then(|| call.args.first()).flatten() {
            self.types.extend(text(of).or_else(|| constant(of)));
        }
        if let Some(reason) = maker(&call.func).and_then(|at| call.args.iter().nth(at)) {
            if let Some(text) = text(reason) {
                self.note(&text);
            } else {
                self.named.extend(constant(reason));
            }
        }
        visit::visit_expr_call(self, call);
    }
}

/// All texts but those of patterns.
#[derive(Default)]
struct Texts(Vec<String>);

impl<'a> Visit<'a> for Texts {
    fn visit_expr_lit(&mut self, literal: &'a ExprLit) {
        if let Lit::Str(text) = &literal.lit {
            self.0.push(text.value());
        }
    }

    fn visit_pat(&mut self, _: &'a Pat) {}
}

/// Which argument is the reason, if such a function is called.
fn maker(function: &Expr) -> Option<usize> {
    MAKERS.iter().find(|(maker, _)| is_called(function, maker)).map(|(_, at)| *at)
}

fn is_typed(function: &Expr) -> bool {
    TYPED.iter().any(|maker| is_called(function, maker))
}

fn is_called(function: &Expr, wanted: &str) -> bool {
    let Expr::Path(path) = function else { return false };
    let segments: Vec<_> = path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    let name = segments.join("::");
    name == wanted || name.ends_with(&format!("::{wanted}"))
}

/// The name of a constant, or of what else stands there.
fn constant(expression: &Expr) -> Option<String> {
    let Expr::Path(path) = expression else { return None };
    path.path.segments.last().map(|segment| segment.ident.to_string())
}

fn text(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        Expr::Reference(reference) => text(&reference.expr),
        _ => None,
    }
}

/// One word of letters that begins with a capital.
fn is_reason(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.chars().all(|c| c.is_ascii_alphanumeric())
        && text.chars().any(|c| c.is_ascii_lowercase())
}

/// The rows of all tables of a page whose first column is of reasons: the names in it, and the other cells.
fn entries(page: &str) -> Vec<(Vec<&str>, Vec<&str>)> {
    let (mut entries, mut of_reasons) = (vec![], false);
    for line in page.lines() {
        let Some(row) = line.strip_prefix("| ") else {
            of_reasons &= line.starts_with('|');
            continue;
        };
        let cells: Vec<&str> = row.trim_end_matches('|').split(" | ").map(str::trim).collect();
        if cells[0].to_lowercase().contains("reason") {
            of_reasons = true;
        } else if of_reasons {
            let names = cells[0].split('`').skip(1).step_by(2).flat_map(|name| name.split(['=', ' ']));
            entries.push((names.filter(|name| is_reason(name)).collect(), cells[1..].to_vec()));
        }
    }
    entries
}

#[test]
fn every_reason_has_an_entry_with_a_next_step() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(root.join(PAGE)).unwrap();
    let entries = entries(&page);
    let listed: BTreeSet<&str> = entries.iter().flat_map(|(names, _)| names.clone()).collect();
    let reasons = Reasons::of_product(&root);
    assert!(reasons.len() > 40, "only {} reasons are found: are they made in another way?", reasons.len());
    for known in [
        "Unwatched",
        "ConnectionFailed",
        "ClusterReplaced",
        "NoEndpoint",
        "DatabaseRestored",
        "AmbiguousZone",
        "Pending",
    ] {
        assert!(reasons.contains_key(known), "{known} is not found: is it made in another way?");
    }
    let missing = reasons.iter().filter(|(reason, _)| !listed.contains(reason.as_str()));
    let missing: Vec<_> = missing.map(|(reason, file)| format!("{reason} ({file})")).collect();
    assert!(missing.is_empty(), "{PAGE} has no entry for: {}", missing.join(", "));
    for (names, cells) in entries {
        assert!(
            cells.len() == 2 && cells.iter().all(|cell| !cell.is_empty()),
            "{PAGE}, {names:?}: say what it means and what to do"
        );
    }
}

#[test]
fn reasons_are_found_where_conditions_are_made() {
    let source = r#"
        const LATER: &str = "Later";
        fn a() { NewCondition::not_met(APPLIED, "First", "no"); x::Failed::new(APPLIED, LATER, text); Failed::other("Other"); }
        fn failed() -> &'static str { match a { "Pattern" => "Second", _ => "a sentence" } }
        impl DnsError { fn reason(&self) -> &'static str { "Third" } fn other(&self) -> &'static str { "Other" } }
        #[cfg(test)] mod tests { fn a() { not_met(APPLIED, "Tested", ""); } }
    "#;
    let mut reasons = Reasons::default();
    reasons.read(source);
    let found: Vec<_> = reasons.all().into_keys().collect();
    assert_eq!(found, ["First", "Later", "Second", "Third"]);
}

#[test]
fn tables_of_reasons_are_read() {
    let page = "| What | Why | So |\n|---|---|---|\n| `Other` | a | b |\n\n| Condition, reason | Why | So |\n|---|---|---|\n| `Ready=False`, `One`, `Two` | a | b |\n";
    assert_eq!(entries(page), [(vec!["Ready", "False", "One", "Two"], vec!["a", "b"])]);
}
