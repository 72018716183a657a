//! Programs of the Python environment that the Makefile makes.

use std::{
    env,
    path::{Path, PathBuf},
};
use tokio::process::Command;

/// The settings of the programs, and what they import.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../python")
}

/// A program of the environment, such as `python`.
///
/// # Panics
/// When nobody has said where the environment is.
#[must_use]
pub fn program(name: &str) -> Command {
    let python = env::var_os("CAUSEWAY_PYTHON").expect(
        "this test needs the Python tools that tests/python/requirements.txt pins: run `make test`, or set CAUSEWAY_PYTHON to what `make -s python` prints",
    );
    let mut command = Command::new(Path::new(&python).with_file_name(name));
    command.env("PYTHONPATH", folder()).env("PYTHONDONTWRITEBYTECODE", "1").current_dir(folder()).kill_on_drop(true);
    command
}

/// Fails the test with what the program said, unless it ended well.
///
/// # Panics
/// When it didn't.
#[track_caller]
pub fn ended_well(output: &std::process::Output) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr));
}
