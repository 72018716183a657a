//! Programs that Debian packages, unpacked into a folder of the cache. Nothing is installed on the machine.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use super::cache_dir;

/// The folder with a package and those that it depends on whose names begin so, unpacked when it isn't there. What else it needs every system has.
///
/// # Errors
/// When this is no Debian, or its packages can't be fetched.
pub(crate) fn debian_packages(name: &str, beside: &[&str]) -> Result<PathBuf> {
    let target = cache_dir()?.join(format!("debian-{name}"));
    if target.exists() {
        return Ok(target);
    }
    fs::create_dir_all(cache_dir()?)?;
    // One at a time: apt refuses a second one. Who waits may find it done. The lock goes with the file.
    let lock = File::create(cache_dir()?.join(".packages.lock"))?;
    lock.lock().context("can't lock the cache of packages")?;
    if target.exists() {
        return Ok(target);
    }
    eprintln!("fetching Debian's package {name}");
    let scratch = tempfile::Builder::new().prefix(".package-").tempdir_in(cache_dir()?)?;
    let (fetched, unpacked) = (scratch.path().join("fetched"), scratch.path().join("unpacked"));
    fs::create_dir(&fetched)?;
    fs::create_dir(&unpacked)?;
    if dependencies(name).is_empty() {
        // A machine that has never looked for packages knows of none.
        run(Command::new("apt-get").args(["update", "-q"]), &fetched)?;
    }
    let mut packages = dependencies(name);
    packages.retain(|package| beside.iter().any(|start| package.starts_with(start)));
    packages.push(name.to_owned());
    run(Command::new("apt-get").args(["download", "-q"]).args(&packages), &fetched)?;
    for file in fs::read_dir(&fetched)? {
        run(Command::new("dpkg-deb").arg("-x").arg(file?.path()).arg(&unpacked), &fetched)?;
    }
    match fs::rename(&unpacked, &target) {
        Ok(()) => Ok(target),
        Err(_) if target.exists() => Ok(target),
        Err(error) => Err(error).with_context(|| format!("can't put {name} into the cache")),
    }
}

/// The packages that it depends on; empty where nothing is known of it.
fn dependencies(name: &str) -> Vec<String> {
    let asked = Command::new("apt-cache").args(["depends", name]).stdin(Stdio::null()).output();
    let text = asked.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().filter_map(|line| line.trim().strip_prefix("Depends: ")).map(str::to_owned).collect()
}

fn run(command: &mut Command, dir: &Path) -> Result<()> {
    let output = command.current_dir(dir).stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => Err(error).with_context(|| format!("{command:?} can't be run: is this Debian?")),
    }
}
