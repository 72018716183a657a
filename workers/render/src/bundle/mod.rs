//! Bundles of support services: plain manifests with a `bundle.toml`, made by `make bundles`.
//!
//! Reading ([`read_dir`], [`catalogue`]) is the only part of this crate that touches files; what is rendered afterwards gets the
//! bundle in memory.

pub mod adapt;
mod manifest;
mod version;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use causeway_records::inventory::ObjectRef;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use manifest::{AdoptionCriteria, BundleManifest, FileSum, Traits};
pub use version::{NotAVersion, Version};

/// The file that makes a directory a bundle.
pub const MANIFEST: &str = "bundle.toml";

/// One support service in one version, in memory. Names and namespaces in its objects are placeholders ([`adapt::Names`]).
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle {
    /// What the bundle says about itself.
    pub manifest: BundleManifest,
    /// Its objects in the order in which they are applied.
    pub objects: Vec<Value>,
}

/// Why a bundle cannot be used. Every message ends with the command that makes it anew.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A file or directory can't be read.
    #[error("cannot read {path}: {source}; run `make bundles`")]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A file isn't what it was when the bundle was made.
    #[error(
        "{path} of bundle {bundle} has been changed since the bundle was made (checksum {found}); run `make bundles`"
    )]
    Checksum {
        /// Name of the service.
        bundle: String,
        /// Path of the file inside the bundle.
        path: String,
        /// SHA-256 of the file's present contents.
        found: String,
    },
    /// The contents of a file cannot be parsed.
    #[error("{path} of bundle {bundle} cannot be used: {why}; run `make bundles`")]
    Content {
        /// Name of the service, or the directory while the service is not known.
        bundle: String,
        /// Path of the file inside the bundle.
        path: String,
        /// The message of the parser.
        why: String,
    },
    /// The directory holds two bundles of one service.
    #[error("there are two bundles of {service}: {first} and {second}; remove one")]
    Twice {
        /// Name of the service.
        service: String,
        /// Version of the bundle that was read first.
        first: Version,
        /// Version of the bundle that was read second.
        second: Version,
    },
}

impl Bundle {
    /// Reads a bundle's directory and checks it against its checksums.
    pub fn load(dir: &Path) -> Result<Self, BundleError> {
        let files = read_dir(dir)?;
        Self::parse(&dir.display().to_string(), &files)
    }

    /// A bundle from its files' contents by path. `origin` names it in errors until its service is known.
    pub fn parse(origin: &str, files: &BTreeMap<String, String>) -> Result<Self, BundleError> {
        let content = |bundle: &str, path: &str, why: String| BundleError::Content {
            bundle: bundle.to_owned(),
            path: path.to_owned(),
            why,
        };
        let missing = |bundle: &str, path: &str| content(bundle, path, "it is not there".to_owned());
        let text = files.get(MANIFEST).ok_or_else(|| missing(origin, MANIFEST))?;
        let manifest: BundleManifest = toml::from_str(text).map_err(|e| content(origin, MANIFEST, e.to_string()))?;
        let bundle = manifest.service.as_str();
        let mut objects = Vec::new();
        for FileSum { path, sha256 } in &manifest.file {
            let text = files.get(path).ok_or_else(|| missing(bundle, path))?;
            let found = checksum(text.as_bytes());
            if found != *sha256 {
                return Err(BundleError::Checksum { bundle: bundle.to_owned(), path: path.clone(), found });
            }
            objects.extend(documents(text).map_err(|why| content(bundle, path, why))?);
        }
        for object in &objects {
            object_ref(object).ok_or_else(|| content(bundle, MANIFEST, "an object has no kind or name".to_owned()))?;
        }
        Ok(Self { manifest, objects })
    }
}

/// Bundles by service name.
pub type Catalogue = BTreeMap<String, Bundle>;

/// All bundles in a directory. An error names the first bundle that can't be used.
pub fn catalogue(dir: &Path) -> Result<Catalogue, BundleError> {
    let mut found = Catalogue::new();
    for path in entries(dir)? {
        if !path.join(MANIFEST).is_file() {
            continue;
        }
        let bundle = Bundle::load(&path)?;
        let service = bundle.manifest.service.clone();
        let second = bundle.manifest.version.clone();
        if let Some(other) = found.insert(service.clone(), bundle) {
            return Err(BundleError::Twice { service, first: other.manifest.version, second });
        }
    }
    Ok(found)
}

/// The files of a directory by name, as text.
pub fn read_dir(dir: &Path) -> Result<BTreeMap<String, String>, BundleError> {
    let mut files = BTreeMap::new();
    for path in entries(dir)? {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if path.is_file() {
            let text =
                std::fs::read_to_string(&path).map_err(|source| BundleError::Read { path: path.clone(), source })?;
            files.insert(name.to_owned(), text);
        }
    }
    Ok(files)
}

/// Paths in a directory, sorted.
fn entries(dir: &Path) -> Result<Vec<PathBuf>, BundleError> {
    let fail = |source| BundleError::Read { path: dir.to_owned(), source };
    let mut paths = std::fs::read_dir(dir)
        .map_err(fail)?
        .map(|entry| entry.map(|entry| entry.path()).map_err(fail))
        .collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}

/// The objects in a YAML text of several documents; empty documents are left out.
pub fn documents(text: &str) -> Result<Vec<Value>, String> {
    serde_yaml_ng::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).map_err(|e| e.to_string()))
        .filter(|document| !matches!(document, Ok(Value::Null)))
        .collect()
}

/// Lower-case hexadecimal SHA-256.
pub fn checksum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The reference to an object, from its manifest; None if that lacks `apiVersion`, `kind` or `metadata.name`.
pub fn object_ref(object: &Value) -> Option<ObjectRef> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    let api_version = text("/apiVersion")?;
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    Some(ObjectRef {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: text("/kind")?.to_owned(),
        namespace: text("/metadata/namespace").map(str::to_owned),
        name: text("/metadata/name")?.to_owned(),
    })
}
