//! Programs of the Python environment that the Makefile makes.

use causeway_testkit::ControlPlane;
use std::{
    env,
    path::{Path, PathBuf},
};
use tokio::process::Command;

use crate::api;

/// The settings of the programs, and what they import.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python")
}

/// A program of the environment, such as `python`.
pub(crate) fn program(name: &str) -> Command {
    let python = env::var_os("CAUSEWAY_PYTHON").expect(
        "this test needs the Python tools that tests/python/requirements.txt pins: run `make test`, or set CAUSEWAY_PYTHON to what `make -s python` prints",
    );
    let mut command = Command::new(Path::new(&python).with_file_name(name));
    command.env("PYTHONPATH", folder()).env("PYTHONDONTWRITEBYTECODE", "1").current_dir(folder()).kill_on_drop(true);
    command
}

/// Tells a program where an API answers, and the token of an admin.
pub(crate) async fn with_api(name: &str, mut command: Command) -> (ControlPlane, Command) {
    let (platform, token) = api(name).await;
    command.env("CAUSEWAY_URL", platform.url()).env("CAUSEWAY_TOKEN", token);
    (platform, command)
}

/// Runs it to its end.
#[track_caller]
pub(crate) fn ended_well(output: &std::process::Output) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr));
}
