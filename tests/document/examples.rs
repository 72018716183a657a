//! The document is a valid one, and a real API takes its examples.

use crate::python::{ended_well, folder, program, with_api};

#[tokio::test]
async fn the_document_is_valid() {
    let document = folder().join("../../openapi/v0.json");
    ended_well(&program("openapi-spec-validator").arg(document).output().await.unwrap());
}

#[tokio::test]
async fn every_example_is_taken() {
    let (_platform, mut python) = with_api("examples", program("python")).await;
    ended_well(&python.arg("examples.py").output().await.unwrap());
}
