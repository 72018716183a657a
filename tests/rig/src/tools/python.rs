//! Programs and libraries that Python's package index carries, each installed once into a folder of the cache.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use super::cache_dir;

/// The folder of a package such as `libfaketime==3.0.1`, installed when it isn't there.
///
/// # Errors
/// When it can't be installed.
pub(crate) fn python_package(pin: &str) -> Result<PathBuf> {
    let target = cache_dir()?.join(pin.replace("==", "-"));
    if target.exists() {
        return Ok(target);
    }
    eprintln!("fetching the package {pin}");
    fs::create_dir_all(cache_dir()?)?;
    // A folder of its own: two that install at the same time don't collide, and the second finds the package installed.
    let scratch = tempfile::Builder::new().prefix(".package-").tempdir_in(cache_dir()?)?;
    let status = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--upgrade", "--target"])
        .arg(scratch.path())
        .arg(pin)
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
