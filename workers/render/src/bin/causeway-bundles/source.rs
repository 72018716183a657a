//! The pinned modules, read out of Go's module cache.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use causeway_render::bundle::Version;
use serde::Deserialize;

/// `go.mod` and `go.sum` of the sources.
pub(crate) struct Sources {
    dir: PathBuf,
    versions: BTreeMap<String, String>,
    sums: String,
}

/// One module, unpacked and checked.
pub(crate) struct Module {
    pub(crate) version: Version,
    pub(crate) dir: PathBuf,
    /// `path version checksum`.
    pub(crate) source: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GoMod {
    require: Vec<Require>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Require {
    path: String,
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Download {
    dir: PathBuf,
    sum: String,
}

impl Sources {
    pub(crate) fn open(dir: &Path) -> Result<Self, String> {
        let go_mod: GoMod = go(dir, &["mod", "edit", "-json"])?;
        let sums = dir.join("go.sum");
        Ok(Self {
            dir: dir.to_owned(),
            versions: go_mod.require.into_iter().map(|r| (r.path, r.version)).collect(),
            sums: std::fs::read_to_string(&sums).map_err(|e| format!("{}: {e}", sums.display()))?,
        })
    }

    /// Fetches a module unless Go has it already, and compares its checksum with go.sum's. Naming the version downloads this
    /// module alone; without it Go would want the go.mod files of everything that the modules depend on.
    pub(crate) fn module(&self, path: &str) -> Result<Module, String> {
        let tag = self.versions.get(path).ok_or_else(|| format!("go.mod doesn't require {path}"))?;
        let found: Download = go(&self.dir, &["mod", "download", "-json", &format!("{path}@{tag}")])?;
        let source = format!("{path} {tag} {}", found.sum);
        if !self.sums.lines().any(|line| line == source) {
            return Err(format!("go.sum holds no line `{source}`: the module is not the one that was pinned"));
        }
        let version = tag.parse().map_err(|e| format!("{path}: {e}"))?;
        Ok(Module { version, dir: found.dir, source })
    }
}

/// Runs `go` and reads the JSON it prints.
fn go<T: for<'a> Deserialize<'a>>(dir: &Path, args: &[&str]) -> Result<T, String> {
    let tool = std::env::var_os("GO").unwrap_or_else(|| "go".into());
    // Read-only, so that Go never adds a checksum by itself.
    let output = Command::new(&tool)
        .args(args)
        .current_dir(dir)
        .env("GOFLAGS", "-mod=readonly")
        .env("GOWORK", "off")
        .output()
        .map_err(|e| format!("cannot run {}: {e}", tool.display()))?;
    if !output.status.success() {
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        return Err(format!("go {}: {}{}", args.join(" "), out.trim(), err.trim()));
    }
    serde_json::from_slice(&output.stdout).map_err(|e| format!("go {}: {e}", args.join(" ")))
}
