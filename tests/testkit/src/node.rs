//! Programs that Node.js runs, with the packages that the Makefile installs.

use std::{env, path::Path};
use tokio::process::Command;

/// Node.js with a program of `tests/node`.
///
/// # Panics
/// When nobody has said where the packages are.
#[must_use]
pub fn program(name: &str) -> Command {
    let modules = env::var_os("CAUSEWAY_NODE_MODULES").expect(
        "this test needs Node.js and the packages that tests/node/package-lock.json pins: run `make test`, or set CAUSEWAY_NODE_MODULES to what `make -s node` prints",
    );
    let mut command = Command::new("node");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../node").join(name));
    command.env("NODE_PATH", modules).kill_on_drop(true);
    command
}
