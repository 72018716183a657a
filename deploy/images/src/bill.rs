//! The crates that are built into a program, as CycloneDX lists them.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    process::{Command, Stdio},
};

/// Between the columns that cargo is asked for; it is in no name, version or licence.
const BETWEEN: char = '|';

/// The bill of materials of a crate's program, as JSON.
///
/// # Errors
/// When cargo can't say.
pub fn bill_of_materials(package: &str, version: &str) -> Result<String> {
    let format = format!("{{p}}{BETWEEN}{{l}}");
    let output = Command::new("cargo")
        .args(["tree", "--locked", "--package", package, "--edges", "normal", "--prefix", "none", "--format", &format])
        .stdin(Stdio::null())
        .output()
        .context("can't run cargo")?;
    if !output.status.success() {
        bail!("cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    }
    let components = components(&String::from_utf8_lossy(&output.stdout))?;
    let root = json!({"type": "application", "name": package, "version": version});
    let bill = json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "metadata": {"component": root}, "components": components});
    Ok(serde_json::to_string_pretty(&bill)? + "\n")
}

/// Lines as `serde v1.0.229 (*)|MIT OR Apache-2.0`; those with a path are crates of the workspace.
fn components(text: &str) -> Result<Vec<Value>> {
    let mut found = BTreeSet::new();
    for line in text.lines() {
        let (package, licence) = line.split_once(BETWEEN).with_context(|| format!("cargo tree says {line:?}"))?;
        let licence = licence.trim_end_matches(" (*)");
        let mut words = package.split(' ');
        let (Some(name), Some(version)) = (words.next(), words.next().and_then(|word| word.strip_prefix('v'))) else {
            bail!("cargo tree says {line:?}");
        };
        let is_ours = words.next().is_some_and(|word| word.starts_with("(/"));
        found.insert((name.to_owned(), version.to_owned(), licence.to_owned(), is_ours));
    }
    let component = |(name, version, licence, is_ours): &(String, String, String, bool)| {
        let mut component = json!({"type": "library", "name": name, "version": version});
        if !licence.is_empty() {
            component["licenses"] = json!([{"expression": licence.replace('/', " OR ")}]);
        }
        if !is_ours {
            component["purl"] = json!(format!("pkg:cargo/{name}@{version}"));
        }
        component
    };
    Ok(found.iter().map(component).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_is_listed_once_and_ours_have_no_address() {
        let text = "causeway-cli v0.1.0 (/src/cli)|Apache-2.0\nserde v1.0.1|MIT OR Apache-2.0\nserde v1.0.1|MIT OR Apache-2.0 (*)\n";
        let expected = json!([
            {"type": "library", "name": "causeway-cli", "version": "0.1.0", "licenses": [{"expression": "Apache-2.0"}]},
            {"type": "library", "name": "serde", "version": "1.0.1", "licenses": [{"expression": "MIT OR Apache-2.0"}], "purl": "pkg:cargo/serde@1.0.1"},
        ]);
        assert_eq!(Value::Array(components(text).unwrap()), expected);
    }
}
