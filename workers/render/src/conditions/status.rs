//! Reading the conditions that controllers write.

use super::{Obstacle, PENDING};
use crate::observed::Observed;
use serde::Serialize;
use serde_json::Value;

/// What a controller says of one step, at the current generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub(super) struct Says<'a> {
    /// `True`, `False`, `Unknown`.
    pub(super) status: &'a str,
    /// One word.
    pub(super) reason: &'a str,
    /// A sentence, perhaps empty.
    pub(super) message: &'a str,
}

impl Says<'_> {
    /// The step holds.
    pub(super) fn holds(&self) -> bool {
        self.status == "True"
    }

    /// The controller's sentence, or its word when it wrote none.
    pub(super) fn because(&self) -> &str {
        let message = self.message.trim().trim_end_matches('.');
        if message.is_empty() { self.reason } else { message }
    }
}

/// The condition of a type in a list of them; None when it isn't there or was written for another generation.
pub(super) fn condition<'a>(conditions: &'a Value, kind: &str, generation: i64) -> Option<Says<'a>> {
    let found = conditions.as_array()?.iter().find(|condition| condition["type"] == kind)?;
    if found["observedGeneration"].as_i64() != Some(generation) {
        return None;
    }
    let text = |key: &str| found[key].as_str().unwrap_or_default();
    Some(Says { status: text("status"), reason: text("reason"), message: text("message") })
}

/// The condition of a type of an object as a whole.
pub(super) fn of<'a>(observed: &'a Observed, kind: &str) -> Option<Says<'a>> {
    condition(&observed.status["conditions"], kind, observed.generation)
}

/// What is in the way when a condition should be True: `failing` says it for False, `waiting` for everything else.
pub(super) fn should_hold(
    says: Option<Says<'_>>,
    failing: impl FnOnce(&Says<'_>) -> String,
    waiting: impl FnOnce() -> String,
) -> Option<Obstacle> {
    match says {
        Some(says) if says.holds() => None,
        Some(says) if says.status == "False" => Some(Obstacle::fails(says.reason, failing(&says))),
        _ => Some(Obstacle::unknown(PENDING, waiting())),
    }
}
