//! Where the objects come from: modules in Go's cache, which are pinned with their checksums.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A folder with objects.
pub(crate) struct Folder {
    /// As the table calls it.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    /// A file whose objects stand beside those of each file.
    pub(crate) beside: Option<PathBuf>,
}

/// The Gateways to which routes of the conformance tests attach.
const BASE: &str = "base/manifests.yaml";

/// A module, the folder whose `go.mod` pins it, and its folders with objects.
pub(crate) type Module = (&'static str, &'static str, &'static [&'static str]);

/// All of them; first that which the schemas of routes are taken of, without which nothing is built.
pub(crate) const ALL: [Module; 3] = [
    ("sigs.k8s.io/gateway-api", "deploy/bundles-src", &["examples/standard", "examples/experimental"]),
    ("sigs.k8s.io/gateway-api/conformance", "tests/corpus", &["base", "tests"]),
    ("github.com/envoyproxy/gateway", "deploy/bundles-src", &["examples/kubernetes"]),
];

/// The module with the definitions that clusters get.
pub(crate) fn definitions() -> Result<PathBuf> {
    let (module, pins, _) = ALL[0];
    module_dir(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(pins), module)
}

/// Their folders. A module that isn't in the cache is downloaded by Go.
pub(crate) fn folders(modules: &[Module]) -> Result<Vec<Folder>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders = vec![];
    for (module, pins, within) in modules {
        let dir = module_dir(&root.join(pins), module)?;
        for folder in *within {
            let path = dir.join(folder);
            ensure!(path.is_dir(), "{module} has no folder {folder}");
            let beside = Some(dir.join(BASE)).filter(|base| *folder == "tests" && base.is_file());
            folders.push(Folder { name: format!("{module} {folder}"), path, beside });
        }
    }
    Ok(folders)
}

fn module_dir(pins: &Path, module: &str) -> Result<PathBuf> {
    let text = fs::read_to_string(pins.join("go.mod"))?;
    let required = |line: &str| {
        let line = line.trim().trim_start_matches("require ");
        line.strip_prefix(module)?.strip_prefix(' ').map(|version| version.trim().to_owned())
    };
    let version = text
        .lines()
        .find_map(required)
        .with_context(|| format!("{}/go.mod doesn't require {module}", pins.display()))?;
    let go = env::var_os("GO").unwrap_or_else(|| "go".into());
    let output = Command::new(&go)
        .args(["mod", "download", "-json", &format!("{module}@{version}")])
        .current_dir(pins)
        .env("GOFLAGS", "-mod=readonly")
        .env("GOWORK", "off")
        .output()
        .with_context(|| format!("can't run {}; install Go", go.display()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "go mod download {module}: {said}{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_str(&said)?;
    let line = format!("{module} {version} {}", found["Sum"].as_str().unwrap_or_default());
    let sums = fs::read_to_string(pins.join("go.sum"))?;
    ensure!(sums.lines().any(|known| known == line), "{}/go.sum holds no line `{line}`", pins.display());
    Ok(found["Dir"].as_str().unwrap_or_default().into())
}
