//! Files of the product are short, and no more than three of them need each other in a circle: whoever reads one must not have to read all of them first.
//!
//! A file needs another one if it names an item that the other one defines, also through a module that only hands it on. A module and those below it
//! are one thing in several files, so what they need of each other doesn't count.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use syn::{
    Expr, Ident, ItemMod, ItemUse, Macro, Token, UseTree, Visibility,
    punctuated::Punctuated,
    visit::{self, Visit},
};

use super::{is_test, members, pages::root, product, sources};

/// The most lines of a file.
const MOST_LINES: usize = 300;
/// The most files of a circle.
const MOST_IN_CIRCLE: usize = 3;

/// The files of a crate by the paths of their modules, each with what it names. The crate's root has the empty path.
#[derive(Default)]
struct Files(BTreeMap<Vec<String>, Names>);

/// The files that each file needs.
type Needs<'f> = BTreeMap<&'f [String], BTreeSet<&'f [String]>>;

/// The names in a file, without those in its tests.
#[derive(Default)]
struct Names {
    /// What names stand for that `use` brings in.
    imported: BTreeMap<String, Vec<String>>,
    /// The paths in its code, and the imports that it doesn't only hand on.
    used: BTreeSet<Vec<String>>,
}

#[test]
fn no_file_of_the_product_is_longer_than_three_hundred_lines() {
    let root = root();
    let files = product(&root);
    assert!(files.len() > 400, "only {} files are found: are the sources elsewhere?", files.len());
    let lengths = files.iter().map(|file| (file, fs::read_to_string(file).unwrap().lines().count()));
    let long = lengths.filter(|(_, lines)| *lines > MOST_LINES);
    let long: Vec<_> = long.map(|(file, lines)| format!("{}: {lines} lines", shown(file, &root))).collect();
    assert!(long.is_empty(), "over {MOST_LINES} lines:\n{}", long.join("\n"));
}

#[test]
fn no_more_than_three_files_need_each_other() {
    let root = root();
    let mut found = vec![];
    for member in members(&root) {
        let mut files = Files::default();
        for file in sources(&member.join("src")) {
            files.add(&shown(&file, &member.join("src")), &fs::read_to_string(&file).unwrap());
        }
        let needs = files.needs();
        let large = circles(&needs).into_iter().filter(|circle| circle.len() > MOST_IN_CIRCLE);
        found.extend(large.map(|circle| format!("in {}:\n{}", shown(&member, &root), arrows(&circle, &needs))));
    }
    assert!(found.is_empty(), "circles of more than {MOST_IN_CIRCLE} files {}", found.join("\nand "));
}

fn shown(file: &Path, root: &Path) -> String {
    file.strip_prefix(root).unwrap_or(file).display().to_string()
}

/// Who needs whom in a circle.
fn arrows(circle: &[&[String]], needs: &Needs<'_>) -> String {
    let line = |file: &&[String]| {
        let needed = circle.iter().filter(|other| needs[*file].contains(**other));
        let needed: Vec<_> = needed.map(|other| other.join("::")).collect();
        format!("  {} needs {}", file.join("::"), needed.join(", "))
    };
    circle.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The largest sets of files of which each leads to all others.
fn circles<'f>(needs: &Needs<'f>) -> BTreeSet<Vec<&'f [String]>> {
    let leads: BTreeMap<_, _> = needs.keys().map(|file| (*file, reached(needs, file))).collect();
    let circle = |(file, to): (&&'f [String], &BTreeSet<&'f [String]>)| {
        to.iter().copied().filter(|other| leads[other].contains(file)).collect::<Vec<_>>()
    };
    leads.iter().map(circle).filter(|circle| circle.len() > 1).collect()
}

/// All files to which one leads.
fn reached<'f>(needs: &Needs<'f>, from: &'f [String]) -> BTreeSet<&'f [String]> {
    let (mut found, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(file) = open.pop() {
        open.extend(needs[file].iter().copied().filter(|other| found.insert(*other)));
    }
    found
}

impl Files {
    /// `path` is relative to the crate's folder of sources.
    fn add(&mut self, path: &str, text: &str) {
        let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
        let module = path.split('/').filter(|part| *part != "lib").map(str::to_owned).collect();
        let mut names = Names::default();
        names.visit_file(&syn::parse_file(text).unwrap());
        self.0.insert(module, names);
    }

    fn needs(&self) -> Needs<'_> {
        let needed = |file: &[String], names: &Names| {
            let others = names.used.iter().filter_map(|path| self.definer(file, path));
            others.filter(|other| !other.starts_with(file) && !file.starts_with(other)).collect()
        };
        self.0.iter().map(|(file, names)| (file.as_slice(), needed(file, names))).collect()
    }

    /// The file that defines what a path in a file leads to. None: it is in another crate, or the path leads to a module.
    fn definer(&self, file: &[String], path: &[String]) -> Option<&[String]> {
        let path = self.absolute(file, path)?;
        if self.0.contains_key(&path) {
            return None;
        }
        let length = (0..path.len()).rev().find(|length| self.0.contains_key(&path[..*length]))?;
        let (module, names) = self.0.get_key_value(&path[..length])?;
        match names.imported.get(&path[length]) {
            Some(meaning) => self.definer(module, &[meaning.as_slice(), &path[length + 1..]].concat()),
            None => Some(module),
        }
    }

    /// The path from the crate's root. None: it leads to another crate, or to what the file itself defines.
    fn absolute(&self, file: &[String], path: &[String]) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([file, rest].concat()),
            "super" => {
                let (_, parent) = file.split_last()?;
                if rest.first().is_some_and(|next| next == "super") {
                    self.absolute(parent, rest)
                } else {
                    Some([parent, rest].concat())
                }
            }
            _ => {
                let child = [file, std::slice::from_ref(first)].concat();
                if self.0.contains_key(&child) {
                    return Some([child.as_slice(), rest].concat());
                }
                let meaning = self.0.get(file)?.imported.get(first).filter(|meaning| meaning.first() != Some(first))?;
                self.absolute(file, &[meaning.as_slice(), rest].concat())
            }
        }
    }
}

impl<'a> Visit<'a> for Names {
    fn visit_item_mod(&mut self, module: &'a ItemMod) {
        if !is_test(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_use(&mut self, item: &'a ItemUse) {
        let mut imports = vec![];
        flatten(&item.tree, &[], &mut imports);
        if matches!(item.vis, Visibility::Inherited) {
            self.used.extend(imports.iter().map(|(_, path)| path.clone()));
        }
        self.imported.extend(imports);
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        self.used.insert(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    /// What stands in `vec![…]` is an expression like others.
    fn visit_macro(&mut self, item: &'a Macro) {
        let inner = item.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated);
        inner.iter().flatten().for_each(|expression| Visit::visit_expr(self, expression));
        Visit::visit_path(self, &item.path);
    }
}

/// Each name that an import brings in, with the path that it stands for.
fn flatten(tree: &UseTree, before: &[String], found: &mut Vec<(String, Vec<String>)>) {
    let path = |last: &Ident| match last == "self" {
        true => before.to_vec(),
        false => [before, &[last.to_string()]].concat(),
    };
    match tree {
        UseTree::Path(tree) => flatten(&tree.tree, &[before, &[tree.ident.to_string()]].concat(), found),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, before, found)),
        UseTree::Name(name) => {
            let path = path(&name.ident);
            found.extend(path.last().cloned().map(|last| (last, path)));
        }
        UseTree::Rename(renamed) => found.push((renamed.rename.to_string(), path(&renamed.ident))),
        // Only the variants of an enum are brought in like that.
        UseTree::Glob(_) => {}
    }
}

#[test]
fn a_circle_is_found_through_modules_that_hand_items_on() {
    let sources = [
        ("lib.rs", "mod a; mod b; mod c; mod d; mod e; pub use a::A;"),
        ("a.rs", "use super::b::{self, B}; pub struct A(B); fn f() { b::f() }"),
        ("b/mod.rs", "mod below; pub(crate) use below::B; pub(crate) fn f() { vec![crate::c::f()]; }"),
        ("b/below.rs", "use super::f; pub struct B;"),
        ("c.rs", "use crate::d as other; pub(crate) fn f() { other::f(); std::mem::drop(()) }"),
        ("d.rs", "pub(crate) fn f() -> Option<crate::A> { None } #[cfg(test)] mod tests { use crate::e::E; }"),
        ("e.rs", "use crate::A; pub(crate) struct E;"),
    ];
    let mut files = Files::default();
    sources.iter().for_each(|(path, text)| files.add(path, text));
    let needs = files.needs();
    let needed = |file: &[&str]| {
        let file: Vec<_> = file.iter().map(|part| (*part).to_owned()).collect();
        needs[file.as_slice()].iter().map(|other| other.join("::")).collect::<Vec<_>>()
    };
    assert_eq!([needed(&["a"]), needed(&["b"])], [vec!["b", "b::below"], vec!["c"]]);
    assert_eq!([needed(&["b", "below"]), needed(&["e"])], [vec![], vec!["a"]]);
    let circles: Vec<_> = circles(&needs).iter().map(|circle| arrows(circle, &needs)).collect();
    assert_eq!(circles, ["  a needs b\n  b needs c\n  c needs d\n  d needs a"]);
}
