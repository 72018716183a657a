//! Files out of pinned Go modules, such as charts and definitions of kinds: none of them is kept in the repository.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::{fs, process::Command};

/// A module in Go's cache.
#[derive(Clone, Debug)]
pub struct PinnedModule {
    /// Where its files are. They are read-only.
    pub dir: PathBuf,
    /// Its version, `v1.2.3`.
    pub version: String,
}

impl PinnedModule {
    /// The module `path` in the version, and with the checksum, that `go.mod` and `go.sum` of the folder `pins` say. Go downloads it where it isn't in the cache.
    ///
    /// # Errors
    /// When Go is missing, when nothing pins such a module or it can't be downloaded, and when it isn't the one that was pinned.
    pub async fn find(pins: &Path, path: &str) -> Result<Self> {
        let required = go(pins, &["mod", "edit", "-json"]).await?;
        let pin = required["Require"].as_array().into_iter().flatten().find(|pin| pin["Path"] == path);
        let version = pin.and_then(|pin| pin["Version"].as_str());
        let version = version.with_context(|| format!("{}/go.mod doesn't require {path}", pins.display()))?;
        // With its version named, Go fetches this module alone.
        let found = go(pins, &["mod", "download", "-json", &format!("{path}@{version}")]).await?;
        let sums = fs::read_to_string(pins.join("go.sum")).await?;
        let line = format!("{path} {version} {}", found["Sum"].as_str().unwrap_or_default());
        ensure!(
            sums.lines().any(|known| known == line),
            "{}/go.sum holds no line `{line}`: the module is not the one that was pinned",
            pins.display()
        );
        let dir = found["Dir"].as_str().with_context(|| format!("Go doesn't say where {path} is"))?;
        Ok(Self { dir: dir.into(), version: version.to_owned() })
    }
}

async fn go(dir: &Path, arguments: &[&str]) -> Result<Value> {
    // Read-only: Go never adds a checksum by itself.
    let mut command = Command::new("go");
    command.args(arguments).current_dir(dir).env("GOFLAGS", "-mod=readonly").stdin(Stdio::null());
    let output = command.output().await.context("can't run `go`")?;
    let (words, said) = (arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    // What it can't download is told as an answer.
    let answer = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "go {words}: {said}{answer}");
    Ok(serde_json::from_slice(&output.stdout)?)
}
