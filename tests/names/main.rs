//! No two public types of the product share a name: whoever reads `Record` in one crate must not have to ask which one it is. Files are short and
//! form no large circles. And what the pages for people name exists, the tests that show promises among it.
//!
//! It reads the sources and needs no rig: `cargo test -p causeway-tests --test names`.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod conditions;
mod drivers;
mod examples;
mod figures;
mod pages;
mod pictures;
mod promises;
mod reasons;
mod samples;
mod structure;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::{Attribute, Ident, Item, Visibility};

/// Files by the names of their public types.
type Names = BTreeMap<String, Vec<String>>;

#[test]
fn no_two_public_types_of_the_product_share_a_name() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut names = Names::new();
    for file in product(&root) {
        let shown = file.strip_prefix(&root).unwrap_or(&file).display().to_string();
        let parsed = syn::parse_file(&fs::read_to_string(&file).unwrap()).unwrap();
        collect(&parsed.items, &shown, &mut names);
    }
    assert!(names.len() > 100, "only {} types are found: are the sources elsewhere?", names.len());
    names.retain(|_, files| files.len() > 1);
    let shared: Vec<_> = names.iter().map(|(name, files)| format!("{name}: {}", files.join(", "))).collect();
    assert!(shared.is_empty(), "{} names stand for several public types:\n{}", shared.len(), shared.join("\n"));
}

/// The folders of all members of the workspace but those of `tests/`.
fn members(root: &Path) -> Vec<PathBuf> {
    let manifest: toml::Table = fs::read_to_string(root.join("Cargo.toml")).unwrap().parse().unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    let members = members.iter().map(|member| member.as_str().unwrap());
    let product = members.filter(|member| *member != "tests" && !member.starts_with("tests/"));
    product.map(|member| root.join(member)).collect()
}

/// The source files of these members.
fn product(root: &Path) -> BTreeSet<PathBuf> {
    members(root).iter().flat_map(|member| sources(&member.join("src"))).collect()
}

/// The Rust files below a folder; files of tests are left out.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.file_stem().is_some_and(|name| name != "tests"));
    files
        .flat_map(|path| match path.is_dir() {
            true => sources(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// Adds the public types of these items and of the modules among them.
fn collect(items: &[Item], file: &str, names: &mut Names) {
    for item in items {
        let found: Option<(&Visibility, &Ident)> = match item {
            Item::Struct(item) => Some((&item.vis, &item.ident)),
            Item::Enum(item) => Some((&item.vis, &item.ident)),
            Item::Trait(item) => Some((&item.vis, &item.ident)),
            Item::Mod(module) if !is_test(&module.attrs) => {
                if let Some((_, items)) = &module.content {
                    collect(items, file, names);
                }
                None
            }
            _ => None,
        };
        if let Some((Visibility::Public(_), name)) = found {
            names.entry(name.to_string()).or_default().push(file.to_owned());
        }
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg") && attribute.parse_args::<Ident>().is_ok_and(|ident| ident == "test")
    })
}

#[test]
fn only_public_types_outside_of_tests_count() {
    let text = "pub struct A; pub(crate) struct B; pub mod m { pub enum A {} pub trait C {} }
        #[cfg(test)] mod tests { pub struct A; } pub fn d() {} struct E;";
    let mut names = Names::new();
    collect(&syn::parse_file(text).unwrap().items, "x.rs", &mut names);
    let counts: Vec<_> = names.iter().map(|(name, files)| (name.as_str(), files.len())).collect();
    assert_eq!(counts, [("A", 2), ("C", 1)]);
}
