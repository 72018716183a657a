//! The programs the rig runs: which they are, where their pinned Go modules are, and the cache of built binaries.
//!
//! Every tool has a module folder of its own below `tests/rig/tools`, because their dependencies disagree. A build goes
//! into a folder of the cache that is named by a hash of everything that decides its content, so a folder that exists is
//! complete and current, and changing a pin builds that tool again.

mod build;
mod debian;
mod envoy;
mod modules;
mod progress;
mod python;
mod reduced;

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

pub use self::build::module_dir;
use self::modules::{MODULES, Module, Program};
pub(crate) use self::{
    debian::debian_packages,
    modules::{KWOK_POD_COMPLETE, KWOK_POD_READY},
    python::python_package,
};

/// Where every program is. Got by [`Tools::build`] or [`Tools::find`].
#[derive(Clone, Debug)]
pub struct Tools {
    programs: BTreeMap<String, PathBuf>,
    files: BTreeMap<String, PathBuf>,
}

impl Tools {
    /// Builds what is missing in the cache, telling on stderr what it does, and returns where everything is.
    ///
    /// # Errors
    /// When Go is not installed, a build fails, or the cache can't be written; the message says what to do.
    pub fn build() -> Result<Self> {
        build::missing()?;
        envoy::fetch()?;
        Self::find()
    }

    /// Like [`Tools::build`], but builds nothing.
    ///
    /// # Errors
    /// Names the first tool that is not there yet.
    pub fn find() -> Result<Self> {
        let cache = cache_dir()?;
        let assets = Assets::from_env();
        let mut tools = Self { programs: assets.found.clone(), files: BTreeMap::new() };
        tools.programs.insert("envoy".to_owned(), envoy::program()?);
        for module in MODULES {
            let Some(wanted) = assets.remaining(module) else { continue };
            let dir = build_dir(&cache, module, &wanted)?;
            if !dir.is_dir() {
                bail!("{} has not been built yet: run `causeway-rig tools`", module.name);
            }
            tools.programs.extend(wanted.iter().map(|p| (p.name.to_owned(), dir.join(p.name))));
            tools.files.extend(module.files().iter().map(|f| (f.path.to_owned(), dir.join(file_name(f.path)))));
        }
        Ok(tools)
    }

    /// Path of a program by its usual name, such as `kubectl`.
    ///
    /// # Errors
    /// When the rig has no such program.
    pub fn program(&self, name: &str) -> Result<&Path> {
        self.programs.get(name).map(PathBuf::as_path).with_context(|| format!("the rig has no program {name}"))
    }

    /// All programs by name.
    #[must_use]
    pub fn programs(&self) -> &BTreeMap<String, PathBuf> {
        &self.programs
    }

    /// Path of the kept copy of a dependency's file, by its path inside that dependency.
    pub(crate) fn file(&self, path: &str) -> Result<&Path> {
        self.files.get(path).map(PathBuf::as_path).with_context(|| format!("the rig keeps no file {path}"))
    }

    /// The stage files which make kwok play a node whose pods start at once.
    pub(crate) fn kwok_stages(&self) -> Result<Vec<&Path>> {
        let kwok = MODULES.iter().filter(|module| module.name == "kwok");
        kwok.flat_map(Module::files).map(|file| self.file(file.path)).collect()
    }
}

/// Binaries that the environment brings along, as controller-runtime's envtest does.
struct Assets {
    found: BTreeMap<String, PathBuf>,
}

impl Assets {
    fn from_env() -> Self {
        let dir = env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
        let found = dir.iter().flat_map(|dir| {
            ["etcd", "kube-apiserver", "kubectl"].map(|name| (name.to_owned(), dir.join(name))).into_iter()
        });
        Self { found: found.filter(|(_, path)| path.is_file()).collect() }
    }

    /// The programs of a module that are not brought along; `None` when none is left to build.
    fn remaining(&self, module: &'static Module) -> Option<Vec<&'static Program>> {
        let left: Vec<_> = module.programs.iter().filter(|p| !self.found.contains_key(p.name)).collect();
        (!left.is_empty()).then_some(left)
    }
}

/// The folder of everything that is built or fetched once: `$CAUSEWAY_CACHE`, else below the user's cache folder.
///
/// # Errors
/// When neither that variable nor `XDG_CACHE_HOME` nor `HOME` is set.
pub fn cache_dir() -> Result<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value: &OsString| !value.is_empty()).map(PathBuf::from);
    set("CAUSEWAY_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|dir| dir.join("causeway")))
        .or_else(|| set("HOME").map(|dir| dir.join(".cache/causeway")))
        .context("no place for the cache of built tools: set CAUSEWAY_CACHE to a directory")
}

/// The folder that holds the pinned module of a tool.
fn source_dir(module: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tools").join(module)
}

/// The cache folder of a build: its name holds a hash of everything that decides the result.
fn build_dir(cache: &Path, module: &Module, programs: &[&Program]) -> Result<PathBuf> {
    let source = source_dir(module.name);
    let mut hash = Sha256::new();
    for name in sources(&source)? {
        let content = fs::read(source.join(&name)).with_context(|| format!("can't read {name} of {}", module.name))?;
        hash.update(name.as_bytes());
        hash.update(content.len().to_le_bytes());
        hash.update(content);
    }
    for part in build::arguments(module).into_iter().chain(programs.iter().map(|p| p.package.to_owned())) {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    for file in module.files() {
        hash.update(file.path.as_bytes());
    }
    let digest: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Ok(cache.join("tools").join(format!("{}-{digest}", module.name)))
}

/// The names of go.mod, go.sum and all Go files of a module, sorted.
fn sources(dir: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(folder) = open.pop() {
        let path = dir.join(&folder);
        for entry in fs::read_dir(&path).with_context(|| format!("no module folder {}", path.display()))? {
            let entry = entry?;
            let name = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                open.push(name);
            } else if name.extension().is_some_and(|kind| ["mod", "sum", "go"].iter().any(|known| kind == *known)) {
                names.push(name.to_string_lossy().into_owned());
            }
        }
    }
    names.sort();
    Ok(names)
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_folder_changes_with_the_pins_the_flags_and_the_programs() {
        let cache = Path::new("/cache");
        let kube = MODULES.iter().find(|module| module.name == "kube").unwrap();
        let all: Vec<_> = kube.programs.iter().collect();
        let dir = build_dir(cache, kube, &all).unwrap();
        assert!(dir.to_string_lossy().starts_with("/cache/tools/kube-"));
        assert_eq!(dir, build_dir(cache, kube, &all).unwrap());
        assert_ne!(dir, build_dir(cache, kube, &all[1..]).unwrap());
    }

    #[test]
    fn every_module_is_pinned() {
        for module in MODULES {
            let names = sources(&source_dir(module.name)).unwrap();
            assert!(names.contains(&"go.mod".to_owned()) && names.contains(&"go.sum".to_owned()), "{}", module.name);
        }
    }
}
