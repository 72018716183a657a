//! `recipe.toml`: how a bundle is made, written by hand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use causeway_render::bundle::{Traits, Version};
use serde::Deserialize;

/// How one bundle is made.
#[derive(Deserialize)]
pub(crate) struct Recipe {
    /// The service's name, and the first half of the bundle's.
    pub(crate) service: String,
    /// The Go module whose version the bundle has, and that holds the manifests and most often the chart; `go.mod` says in which version.
    pub(crate) module: String,
    /// Files or directories of manifests inside the module, taken as they are.
    #[serde(default)]
    pub(crate) manifests: Vec<PathBuf>,
    /// The chart inside the module.
    #[serde(default)]
    pub(crate) chart: Option<Chart>,
    /// Images that are named elsewhere than in a container's `image`. `{version}` is the module's version.
    #[serde(default)]
    more_images: Vec<String>,
    /// What goes into `bundle.toml` as it is.
    #[serde(flatten)]
    pub(crate) traits: Traits,
    /// The directory of the recipe.
    #[serde(skip)]
    pub(crate) dir: PathBuf,
}

/// A Helm chart and how it is rendered.
#[derive(Deserialize)]
pub(crate) struct Chart {
    /// The Go module that holds it, where it isn't that of the recipe.
    #[serde(default)]
    pub(crate) module: Option<String>,
    /// Its directory inside the module.
    pub(crate) path: PathBuf,
    /// The release name, which charts make object names of.
    pub(crate) release: String,
    /// `appVersion` as the project writes it in its own releases: charts in a module often hold a stale or an empty one, and make
    /// image tags and labels of it. `{version}` is the module's version.
    pub(crate) app_version: String,
    /// A file of default values with `${…}` in it, to be completed with `variables`; None when the chart has its `values.yaml`.
    #[serde(default)]
    pub(crate) values_template: Option<PathBuf>,
    /// Values for the `${…}` of `values_template`.
    #[serde(default)]
    pub(crate) variables: BTreeMap<String, String>,
}

impl Recipe {
    /// All recipes in a directory, sorted by service.
    pub(crate) fn all(sources: &Path) -> Result<Vec<Self>, String> {
        let fail = |e: std::io::Error| format!("{}: {e}", sources.display());
        let entries = std::fs::read_dir(sources).map_err(fail)?;
        let mut dirs =
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(fail)?;
        dirs.retain(|dir| dir.join("recipe.toml").is_file());
        dirs.sort();
        dirs.into_iter().map(Self::load).collect()
    }

    fn load(dir: PathBuf) -> Result<Self, String> {
        let path = dir.join("recipe.toml");
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let recipe: Self = toml::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Self { dir, ..recipe })
    }

    /// The images of `more_images`, complete.
    pub(crate) fn more_images(&self, version: &Version) -> impl Iterator<Item = String> {
        self.more_images.iter().map(|image| fill(image, version))
    }
}

/// Replaces `{version}`.
pub(crate) fn fill(text: &str, version: &Version) -> String {
    text.replace("{version}", &version.to_string())
}
