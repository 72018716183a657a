//! The commands of `docs/api.md` work as they are printed there.

use causeway_rig::Endpoints;
use causeway_testkit::{ControlPlane, Setup, pages::commands};
use std::fs;
use tokio::process::Command;

use crate::python::{ended_well, folder};

#[tokio::test]
async fn the_commands_of_the_page_work() {
    let script = commands(&fs::read_to_string(folder().join("../../docs/api.md")).unwrap());
    assert!(script.contains("send DELETE"), "{script}");
    let setup = Setup { workers: 0, ..Setup::for_test("docs") };
    let platform = ControlPlane::start(&Endpoints::from_env().unwrap(), setup).await.unwrap();
    let mut bash = Command::new("bash");
    bash.args(["-eux", "-o", "pipefail", "-c", &script]).env("API", platform.url());
    ended_well(&bash.kill_on_drop(true).output().await.expect("bash and curl are needed"));
}
