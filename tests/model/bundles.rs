//! The bundles of support services without the prose in their definitions: most of their bytes, which every worker would read at each of its many
//! starts here, and every survey fetch. What the definitions allow is the same.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use causeway_manifests::{Budget, read_documents};
use serde_json::Value;
use sha2::{Digest, Sha256};

const DEFINITIONS: &str = "1-definitions.yaml";

/// Copies all bundles to `to`, each with its definitions made short.
pub(crate) fn shorten(to: &Path) -> Result<()> {
    let bundles = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/bundles"));
    for bundle in fs::read_dir(bundles).context("run `make bundles`")? {
        let bundle = bundle?;
        let copy = to.join(bundle.file_name());
        fs::create_dir_all(&copy)?;
        for file in fs::read_dir(bundle.path())? {
            let file = file?;
            fs::copy(file.path(), copy.join(file.file_name()))?;
        }
        let (long, manifest) = (copy.join(DEFINITIONS), copy.join("bundle.toml"));
        // Traefik brings none along.
        if !long.exists() {
            continue;
        }
        let before = fs::read_to_string(&long).with_context(|| format!("can't read {}", long.display()))?;
        let after = short(&before)?;
        fs::write(&long, &after)?;
        let told = fs::read_to_string(&manifest)?.replace(&checksum(&before), &checksum(&after));
        fs::write(&manifest, told)?;
    }
    Ok(())
}

/// The folder of a bundle of some version, such as that of `envoy-gateway-`.
pub(crate) fn folder(bundles: &Path, name: &str) -> Result<PathBuf> {
    let folders = fs::read_dir(bundles)?.flatten().map(|entry| entry.path());
    let is_it = |path: &PathBuf| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name));
    folders.into_iter().find(is_it).with_context(|| format!("there is no bundle {name}; run `make bundles`"))
}

/// The file with a bundle's definitions.
pub(crate) fn definitions(bundles: &Path, name: &str) -> Result<PathBuf> {
    Ok(folder(bundles, name)?.join(DEFINITIONS))
}

/// `1.9.1` of `envoy-gateway-1.9.1`.
pub(crate) fn version(bundles: &Path, name: &str) -> Result<String> {
    let folder = folder(bundles, name)?;
    let file = folder.file_name().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(file.trim_start_matches(name).to_owned())
}

fn short(definitions: &str) -> Result<String> {
    let mut all = String::new();
    for mut document in read_documents(definitions, &Budget::stored())? {
        without_prose(&mut document);
        all += "---\n";
        all += &serde_saphyr::to_string(&document)?;
    }
    Ok(all)
}

/// A property may be called `description` too; then it is no text.
fn without_prose(value: &mut Value) {
    match value {
        Value::Object(mapping) => {
            mapping.retain(|key, value| key != "description" || !value.is_string());
            mapping.values_mut().for_each(without_prose);
        }
        Value::Array(list) => list.iter_mut().for_each(without_prose),
        _ => {}
    }
}

fn checksum(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn prose_goes_and_properties_of_that_name_stay() {
        let long = "a: {description: words, properties: {description: {type: string, description: more}}}\n---\nb: 1\n";
        let short = short(long).unwrap();
        let documents = read_documents(&short, &Budget::stored()).unwrap();
        assert_eq!(documents[0], json!({"a": {"properties": {"description": {"type": "string"}}}}));
        assert!(short.ends_with("b: 1\n"));
    }
}
