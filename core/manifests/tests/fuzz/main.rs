//! Fuzzes the reader: texts that are mutated from good and hostile ones. None may panic, exceed its budget, or cost more time or memory than its
//! length allows.
//!
//! ```text
//! seeds ──▶ Pool ──▶ mutations ──▶ check: budget, time, memory, meaning ──▶ what was new, slow or heavy goes back into the pool
//! ```
//!
//! Time and memory are part of what is looked for: texts that cost much for their length are mutated further. `make fuzz-manifests` does so for
//! an hour (`FUZZ_SECONDS`, `FUZZ_SEED`). What fails is written to `tests/seeds`, and every text there is read again by the fast test.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod check;
mod measure;
mod mutate;
mod pool;

use check::Failure;
use mutate::{Next, Structure};
use mutatis::Session;
use pool::Pool;
use std::{
    fs,
    time::{Duration, Instant},
};

/// Enough to have every mutation several times.
const FAST_INPUTS: usize = 3000;
/// A run doesn't end at the first failure, but at so many.
const MOST_FAILURES: usize = 10;
/// Single characters are mutated in short texts only; in long ones it would change nothing.
const SHORT: usize = 512;

/// Characters of a text that failed, in the message: where only the message stays, it says of which kind the text was.
const SHOWN: usize = 300;

/// What a run has seen.
#[derive(Default)]
struct Figures {
    inputs: usize,
    bytes: usize,
    read: usize,
    /// Of inputs of 30 kB and more.
    worst_per_100_kb: f64,
    worst: Duration,
    peak: usize,
    peak_per_byte: f64,
    failures: Vec<Failure>,
}

impl Figures {
    fn take(&mut self, text: &str, pool: &mut Pool) {
        self.inputs += 1;
        self.bytes += text.len();
        match check::check(text) {
            Ok(seen) => {
                let per_100_kb = seen.took.as_secs_f64() * 1e8 / text.len().max(1) as f64;
                let per_byte = seen.peak as f64 / text.len().max(1) as f64;
                self.read += usize::from(seen.is_read);
                self.worst = self.worst.max(seen.took);
                self.peak = self.peak.max(seen.peak);
                if text.len() >= measure::SMALL {
                    self.worst_per_100_kb = self.worst_per_100_kb.max(per_100_kb);
                    self.peak_per_byte = self.peak_per_byte.max(per_byte);
                }
                pool.learn(text, &seen);
            }
            Err(failure) => {
                let file = pool::seeds().join(format!("found-{:016x}.txt", measure::hash(text)));
                fs::write(&file, text).unwrap();
                let begin: String = text.chars().take(SHOWN).collect();
                eprintln!("{}: {failure}; {} bytes that begin {begin:?}", file.display(), text.len());
                self.failures.push(failure);
            }
        }
    }

    fn print(&self, pool: &Pool) {
        println!(
            "{} inputs, {} MB, {} read without refusal, {} kinds of outcome; worst {:.1} ms per 100 kB of inputs from 30 kB, {:?} for one; \
             peak {:.1} MB for one, {:.0} bytes per byte; {} failures",
            self.inputs,
            self.bytes / 1_000_000,
            self.read,
            pool.kinds(),
            self.worst_per_100_kb,
            self.worst,
            self.peak as f64 / 1e6,
            self.peak_per_byte,
            self.failures.len()
        );
    }
}

/// Mutates for as long as `goes_on` says.
fn fuzz(seed: u64, mut goes_on: impl FnMut(&Figures) -> bool) -> Figures {
    let (mut session, mut pool, mut figures) = (Session::new().seed(seed), Pool::new(), Figures::default());
    for text in pool.seeds.clone() {
        figures.take(&text, &mut pool);
    }
    // An input that ends the process is found here.
    let current = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz-manifests-current.txt");
    let mut text = String::new();
    while figures.failures.len() < MOST_FAILURES && goes_on(&figures) {
        let mut next = Next { pool: &pool, rounds: 0, characters: false };
        session.mutate_with(&mut next, &mut text).unwrap();
        for _ in 0..next.rounds {
            // A mutation that finds nothing to change changes nothing.
            let _ = session.mutate_with(&mut Structure { pool: &pool }, &mut text);
            if next.characters && text.len() < SHORT {
                let _ = session.mutate(&mut text);
            }
        }
        fs::write(&current, &text).unwrap();
        figures.take(&text, &mut pool);
    }
    figures.print(&pool);
    figures
}

#[test]
fn seeds_and_mutations_of_them_stay_within_limits() {
    let figures = fuzz(1, |figures| figures.inputs < FAST_INPUTS);
    assert!(figures.failures.is_empty(), "{} inputs failed; they are in tests/seeds", figures.failures.len());
    assert!(figures.read > figures.inputs / 10, "hardly any input is read: {} of {}", figures.read, figures.inputs);
}

#[test]
#[ignore = "takes an hour; run it with make fuzz-manifests"]
fn mutations_stay_within_limits_for_long() {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let (seed, seconds) = (number("FUZZ_SEED", 1), number("FUZZ_SECONDS", 3600));
    println!("FUZZ_SEED={seed} FUZZ_SECONDS={seconds}");
    let begun = Instant::now();
    let mut said = 0;
    let figures = fuzz(seed, |figures| {
        let minutes = begun.elapsed().as_secs() / 60;
        if minutes > said {
            said = minutes;
            println!(
                "{minutes} min: {} inputs, worst {:.1} ms per 100 kB, peak {:.1} MB",
                figures.inputs,
                figures.worst_per_100_kb,
                figures.peak as f64 / 1e6
            );
        }
        begun.elapsed() < Duration::from_secs(seconds)
    });
    assert!(figures.failures.is_empty(), "{} inputs failed; they are in tests/seeds", figures.failures.len());
}
