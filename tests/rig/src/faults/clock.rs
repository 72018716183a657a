//! A wall clock that is wrong, by libfaketime: a library between a program and the C library.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::tools::python_package;

/// Python's package index carries libfaketime with everything that is needed to build it.
const PACKAGE: &str = "libfaketime==3.0.1";
const LIBRARY: &str = "libfaketime/vendor/libfaketime/src/libfaketime.so.1";

/// The environment of a program whose wall clock is so many seconds ahead, or behind when negative. Its monotonic clock is right, as that of a
/// machine with a wrong time is.
///
/// # Errors
/// When the library can't be installed.
pub fn wall_clock(seconds: i64) -> Result<Vec<(String, String)>> {
    let library = library()?;
    Ok(vec![
        ("LD_PRELOAD".into(), library.to_string_lossy().into_owned()),
        ("FAKETIME".into(), format!("{seconds:+}s")),
        ("FAKETIME_DONT_FAKE_MONOTONIC".into(), "1".into()),
    ])
}

fn library() -> Result<PathBuf> {
    let library = python_package(PACKAGE, &[])?.join(LIBRARY);
    if !library.is_file() {
        bail!("the package {PACKAGE} holds no {LIBRARY}; a C compiler is needed to install it");
    }
    Ok(library)
}
