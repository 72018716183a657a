//! Figures that nobody reads. A process has one recorder only, so this file has one test.
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use causeway_telemetry::record_figures;
use std::time::Duration;

/// As many requests as a busy day has.
const TIMES: usize = 4_000_000;
/// So many times would take four times this.
const MOST_KILOBYTES: usize = 8 << 10;

/// The memory of this process that is in use.
fn resident_kilobytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

/// The clock is the test's: each sleep is over as soon as all other tasks wait.
#[tokio::test(start_paused = true)]
async fn times_that_nobody_reads_take_no_memory() {
    let figures = record_figures().unwrap();
    let seconds = metrics::histogram!("request_seconds");
    let before = resident_kilobytes();
    for _ in 0..100 {
        seconds.record_many(0.5, TIMES / 100);
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    let took = resident_kilobytes().saturating_sub(before);
    assert!(took < MOST_KILOBYTES, "{TIMES} times took {took} kB");
    // None of them is lost.
    assert!(figures.render().contains(&format!("request_seconds_count {TIMES}")));
}
