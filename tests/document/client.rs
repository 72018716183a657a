//! A client that openapi-python-client generates from the document: it passes the type checker and does a gateway's whole life.

use crate::python::{ended_well, folder, program, with_api};

#[tokio::test]
async fn a_generated_client_works() {
    let made = tempfile::tempdir().unwrap();
    let mut generator = program("openapi-python-client");
    generator
        .args(["generate", "--meta", "none", "--fail-on-warning", "--path"])
        .arg(folder().join("../../openapi/v0.json"));
    generator.arg("--output-path").arg(made.path().join("causeway_client"));
    generator.arg("--config").arg(folder().join("client.yaml"));
    ended_well(&generator.output().await.unwrap());

    let path = format!("{}:{}", folder().display(), made.path().display());
    let mut checker = program("mypy");
    checker.env("MYPYPATH", &path).arg("--cache-dir").arg(made.path().join("cache"));
    ended_well(&checker.args(["--strict", "client_life.py"]).output().await.unwrap());

    let (_platform, mut python) = with_api("client", program("python")).await;
    ended_well(&python.env("PYTHONPATH", &path).arg("client_life.py").output().await.unwrap());
}
