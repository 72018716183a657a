//! The commands of `docs/api.md` work as they are printed there.

use causeway_rig::Endpoints;
use causeway_testkit::{ControlPlane, Setup};
use std::fs;
use tokio::process::Command;

use crate::python::{ended_well, folder};

/// The blocks of a page that are marked as shell, one after the other.
fn commands(page: &str) -> String {
    let blocks = page.split("\n```").skip(1).step_by(2);
    blocks.filter_map(|block| block.strip_prefix("sh\n")).collect::<Vec<_>>().join("\n")
}

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

#[test]
fn blocks_of_other_languages_are_left_out() {
    assert_eq!(commands("a\n```sh\none\n```\nb\n```json\n{}\n```\n```sh\ntwo\n```\n"), "one\ntwo");
}
