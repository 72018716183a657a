//! Schemathesis reads the document and sends what nobody would think of, every operation on its own and chains along the links. What it checks
//! is in `tests/python/schemathesis.toml`.
//!
//! `make fuzz` runs it for longer, with another seed each time.

use crate::python::{ended_well, program, with_api};
use std::env;

/// Of `make test`: some requests for every operation, the same every time.
const SEED: &str = "1";
const EXAMPLES: &str = "5";

#[tokio::test]
async fn answers_are_as_the_document_tells() {
    let setting = |name: &str, usual: &str| env::var(name).unwrap_or_else(|_| usual.to_owned());
    let (seed, examples) = (setting("FUZZ_SEED", SEED), setting("FUZZ_EXAMPLES", EXAMPLES));
    let phases = setting("FUZZ_PHASES", "examples,stateful,fuzzing");
    let (platform, mut fuzzer) = with_api("fuzz", program("schemathesis")).await;
    fuzzer.args(["--no-color", "--config-file", "schemathesis.toml", "run"]);
    fuzzer.arg(format!("{}/openapi.json", platform.url())).args(["--phases", &phases, "--seed", &seed]);
    fuzzer.args(["--max-examples", &examples, "--workers", "2"]);
    // With a time to spend it goes on until that is over.
    if let Ok(seconds) = env::var("FUZZ_SECONDS") {
        fuzzer.args(["--max-time", &seconds]);
    }
    let output = fuzzer.output().await.unwrap();
    println!("seed {seed}\n{}", String::from_utf8_lossy(&output.stdout));
    ended_well(&output);
}
