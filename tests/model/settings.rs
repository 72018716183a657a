//! The settings of a run, from its environment.

use std::{path::PathBuf, str::FromStr, time::Duration};

use anyhow::{Result, anyhow};

/// The first seed of `make test`: always the same sequences, so that a failure is about what was changed. `make soak` takes new ones.
const SEED: u64 = 3000;

/// How many sequences of which seeds, and how.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `MODEL_SEED`: the seed of the first sequence; the next one has the next seed. [`SEED`] by default.
    pub(crate) seed: u64,
    /// `MODEL_SEQUENCES`: how many; 50 by default.
    pub(crate) sequences: usize,
    /// `MODEL_LANES`: how many at the same time.
    pub(crate) lanes: usize,
    /// `MODEL_SHRINK_SECONDS`: how long to search for a shorter sequence that fails too; 0: not at all.
    pub(crate) shrink: Duration,
    /// `MODEL_REPLAY`: a file with one sequence, as a failure prints it, to be played instead.
    pub(crate) replay: Option<PathBuf>,
}

impl Settings {
    pub(crate) fn from_env() -> Result<Self> {
        Ok(Self {
            seed: number("MODEL_SEED", SEED)?,
            sequences: number("MODEL_SEQUENCES", 50)?,
            lanes: number("MODEL_LANES", 8)?,
            shrink: Duration::from_secs(number("MODEL_SHRINK_SECONDS", 300)?),
            replay: std::env::var_os("MODEL_REPLAY").map(PathBuf::from),
        })
    }
}

fn number<T: FromStr>(variable: &str, default: T) -> Result<T> {
    match std::env::var(variable) {
        Ok(text) => text.parse().map_err(|_| anyhow!("{variable} is no number: {text}")),
        Err(_) => Ok(default),
    }
}
