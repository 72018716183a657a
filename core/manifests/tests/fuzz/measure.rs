//! What reading a text costs, and what it may cost.

use causeway_manifests::{Budget, read};
use nix::time::{ClockId, clock_gettime};
use peak_alloc::PeakAlloc;
use std::{cell::LazyCell, time::Duration};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Shorter texts have the limits of one of this length.
pub(super) const SMALL: usize = 30_000;
const TIME_PER_100_KB: Duration = Duration::from_millis(100);
/// And so many times what a plain text of the length takes, measured at the same time: on a machine that is several times as slow, or shares its cores, each text takes
/// longer, which is no fault of the reader.
const TIMES_PLAIN: u32 = 32;
/// A slow text is measured again so often, in turns with the plain one, and the least of each counts.
const AGAIN: usize = 100;
/// A map of one entry takes three bytes of text and 700 bytes of memory.
const MEMORY_PER_BYTE: usize = 400;
const MEMORY_AT_ALL: usize = 160 << 20;

/// What reading a text took.
pub(super) struct Cost {
    pub(super) took: Duration,
    pub(super) peak: usize,
}

/// CPU time of this thread: what other programs do doesn't count.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("Linux says how long a thread has run").into()
}

/// Runs something and measures it, alone in its process.
pub(super) fn measured<T>(run: impl Fn() -> T) -> (T, Cost) {
    MEMORY.reset_peak_usage();
    let (memory, time) = (MEMORY.current_usage(), cpu_time());
    let value = run();
    (value, Cost { took: cpu_time() - time, peak: MEMORY.peak_usage().saturating_sub(memory) })
}

/// The problem, if reading this many bytes costs too much.
pub(super) fn too_dear<T>(bytes: usize, cost: &mut Cost, run: impl Fn() -> T) -> Option<String> {
    let bytes = bytes.max(SMALL);
    let allowed = TIME_PER_100_KB.mul_f64(bytes as f64 / 1e5);
    let plain_text = LazyCell::new(|| plain_text(bytes));
    let mut plain = Duration::MAX;
    for _ in 0..AGAIN {
        if cost.took <= allowed {
            break;
        }
        plain = plain.min(measured(|| read(&plain_text, &Budget::default())).1.took);
        cost.took = cost.took.min(measured(&run).1.took);
    }
    if cost.took > allowed.max(plain.saturating_mul(TIMES_PLAIN)) {
        return Some(format!("takes {:?} of {allowed:?}; {plain:?} for plain text of the length", cost.took));
    }
    let allowed = (bytes * MEMORY_PER_BYTE).min(MEMORY_AT_ALL);
    (cost.peak > allowed).then(|| format!("takes {} bytes of memory, and {allowed} are allowed", cost.peak))
}

/// A manifest of this length at least, as people write them.
fn plain_text(bytes: usize) -> String {
    let mut text = String::from("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\ndata:\n");
    for line in 0.. {
        if text.len() >= bytes {
            break;
        }
        text += &format!("  line-{line}: 'so long as they mostly are'\n");
    }
    text
}

/// FNV-1a: the same in every run and on every machine.
pub(super) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
