//! Schemathesis reads the document and sends what nobody would think of, every operation on its own and chains along the links. What it checks
//! is in `tests/python/schemathesis.toml`.
//!
//! `make fuzz` runs it for longer, with another seed each time.

use std::env;

use crate::python::{ended_well, program, with_api};

/// Of `make test`: the same requests every time. The file says how many.
const SEED: &str = "2";

#[tokio::test]
async fn answers_are_as_the_document_tells() {
    let setting = |name: &str, usual: &str| env::var(name).unwrap_or_else(|_| usual.to_owned());
    let (seed, phases) = (setting("FUZZ_SEED", SEED), setting("FUZZ_PHASES", "examples,stateful,fuzzing"));
    let (platform, mut fuzzer) = with_api("fuzz", program("schemathesis")).await;
    fuzzer.args(["--no-color", "--config-file", "schemathesis.toml", "run"]);
    fuzzer.arg(format!("{}/openapi.json", platform.url())).args(["--phases", &phases, "--seed", &seed]);
    // With a time to spend it goes on until that is over.
    for (name, option) in [("FUZZ_EXAMPLES", "--max-examples"), ("FUZZ_SECONDS", "--max-time")] {
        env::var(name).into_iter().for_each(|value| _ = fuzzer.args([option, &value]));
    }
    let output = fuzzer.output().await.unwrap();
    println!("seed {seed}\n{}", String::from_utf8_lossy(&output.stdout));
    ended_well(&output);
}
