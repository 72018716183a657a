//! Programs of the Python environment, with an API to ask.

use causeway_testkit::ControlPlane;
use tokio::process::Command;

use crate::api;

pub(crate) use causeway_testkit::python::{ended_well, folder, program};

/// Tells a program where an API answers, and the token of an admin.
pub(crate) async fn with_api(name: &str, mut command: Command) -> (ControlPlane, Command) {
    let (platform, token) = api(name).await;
    command.env("CAUSEWAY_URL", platform.url()).env("CAUSEWAY_TOKEN", token);
    (platform, command)
}
