//! What an armed point does.

use crate::{ALL, Point};
use nix::sys::signal::{Signal, raise};

/// Whether this program has failpoints at all.
pub const BUILT_IN: bool = true;

/// Sends the process the signal that the point is armed with.
pub(crate) fn reach(point: &Point) {
    let Some(signal) = asked(point) else { return };
    // On stderr at once: a killed process writes nothing later.
    eprintln!("failpoint {}: {signal}", point.name);
    if let Err(error) = raise(signal) {
        eprintln!("failpoint {}: {error}", point.name);
    }
}

fn asked(point: &Point) -> Option<Signal> {
    fail::fail_point!(point.name, |word| match word.as_deref() {
        Some("stop") => Some(Signal::SIGSTOP),
        _ => Some(Signal::SIGKILL),
    });
    None
}

/// Arms a point, or disarms it with `off`.
///
/// # Errors
/// When there is no such point or no such action: a sentence.
pub fn arm(name: &str, actions: &str) -> Result<(), String> {
    if !ALL.iter().any(|point| point.name == name) {
        return Err(format!("there is no failpoint {name}"));
    }
    fail::cfg(name, actions)
}

/// Arms what the environment variable FAILPOINTS names. The result must live as long as the program.
#[must_use]
pub fn arm_from_environment() -> impl Sized {
    fail::FailScenario::setup()
}
