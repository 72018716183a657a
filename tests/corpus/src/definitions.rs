//! The definitions of Gateway API, as the pinned module has them in its standard channel: what the API server of a cluster refuses.

use anyhow::{Context, Result};
use causeway_gateway_api::DefinitionSchema;
use causeway_manifests::{Budget, read};
use serde_json::Value;
use std::{collections::BTreeMap, fs, path::Path};

/// By kind and version.
pub(crate) struct Definitions(BTreeMap<(String, String), DefinitionSchema>);

impl Definitions {
    /// Those of the module's folder.
    pub(crate) fn of(module: &Path) -> Result<Self> {
        let folder = module.join("config/crd/standard");
        let mut all = BTreeMap::new();
        for entry in fs::read_dir(&folder).with_context(|| format!("can't list {}", folder.display()))? {
            let path = entry?.path();
            let budget = Budget::default();
            let found = read(&fs::read_to_string(&path)?, &budget).unwrap_or_default();
            for body in found.into_iter().map(|manifest| manifest.body) {
                let kind = body["spec"]["names"]["kind"].as_str().unwrap_or_default().to_owned();
                for version in body["spec"]["versions"].as_array().into_iter().flatten() {
                    let name = version["name"].as_str().unwrap_or_default().to_owned();
                    let definition = DefinitionSchema::new(version["schema"]["openAPIV3Schema"].clone())
                        .with_context(|| format!("{} has no schema for {name}", path.display()))?;
                    all.insert((kind.clone(), name), definition);
                }
            }
        }
        anyhow::ensure!(all.len() > 8, "only {} definitions are in {}", all.len(), folder.display());
        Ok(Self(all))
    }

    /// Why the API server refuses an object; None: it doesn't, or isn't asked.
    pub(crate) fn refusal(&self, object: &Value) -> Option<String> {
        let (_, version) = object["apiVersion"].as_str()?.split_once('/')?;
        let definition = self.0.get(&(object["kind"].as_str()?.to_owned(), version.to_owned()))?;
        definition.check(object).iter().map(ToString::to_string).find(|fault| is_judged(fault))
    }
}

/// Whether a fault is the server's, too. Not judged here are programs with functions that this build leaves out, and which of two formats an address has.
fn is_judged(fault: &str) -> bool {
    !fault.contains("cannot be evaluated client-side") && !fault.contains("'oneOf'")
}
