//! promtool, which plays the tests of alert rules: the installed one, else that of Debian's package of Prometheus, put into the cache.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::tools::debian_packages;

/// Where the package keeps the program.
const PROGRAM: &str = "usr/bin/promtool";

/// The program.
///
/// # Errors
/// When there is none and none can be fetched; the message says what to install.
pub fn promtool() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if let Some(found) = std::env::split_paths(&path).map(|folder| folder.join("promtool")).find(|path| path.is_file())
    {
        return Ok(found);
    }
    let package = debian_packages("prometheus", &[]);
    let package =
        package.context("the tests of alert rules need promtool: install it (Debian's package prometheus has it)")?;
    Ok(package.join(PROGRAM))
}
