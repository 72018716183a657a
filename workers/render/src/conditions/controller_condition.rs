//! Conditions as controllers write them into the status of objects.

use super::NotReady;
use crate::observed::Observed;
use serde::Serialize;
use serde_json::Value;

/// A condition in the status of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub(super) struct ControllerCondition<'a> {
    /// `True`, `False`, `Unknown`.
    pub(super) status: &'a str,
    /// One word.
    pub(super) reason: &'a str,
    /// A sentence, perhaps empty.
    pub(super) message: &'a str,
}

impl<'a> ControllerCondition<'a> {
    /// The condition of a type in a list of them, whatever generation it was written for.
    pub(super) fn find(conditions: &'a Value, condition_type: &str) -> Option<Self> {
        find(conditions, condition_type).map(Self::read)
    }

    /// The condition of a type in a list of them; None also if it was written for another generation than this one.
    pub(super) fn find_at(conditions: &'a Value, condition_type: &str, generation: i64) -> Option<Self> {
        let found = find(conditions, condition_type)?;
        (found["observedGeneration"].as_i64() == Some(generation)).then(|| Self::read(found))
    }

    /// The condition of a type of the object as a whole, written for its current generation.
    pub(super) fn find_current(observed: &'a Observed, condition_type: &str) -> Option<Self> {
        Self::find_at(&observed.status["conditions"], condition_type, observed.generation)
    }

    fn read(condition: &'a Value) -> Self {
        let text = |key: &str| condition[key].as_str().unwrap_or_default();
        Self { status: text("status"), reason: text("reason"), message: text("message") }
    }
}

impl ControllerCondition<'_> {
    pub(super) fn is_true(&self) -> bool {
        self.status == "True"
    }

    pub(super) fn is_false(&self) -> bool {
        self.status == "False"
    }

    /// The controller's sentence without its full stop, or the reason when it wrote none.
    pub(super) fn explanation(&self) -> &str {
        let message = self.message.trim().trim_end_matches('.');
        if message.is_empty() { self.reason } else { message }
    }
}

fn find<'a>(conditions: &'a Value, condition_type: &str) -> Option<&'a Value> {
    conditions.as_array()?.iter().find(|condition| condition["type"] == condition_type)
}

/// None if the condition is True. Otherwise `failed` gives the message for False, and `waiting` for everything else.
pub(super) fn require_true(
    condition: Option<ControllerCondition<'_>>,
    failed: impl FnOnce(&ControllerCondition<'_>) -> String,
    waiting: impl FnOnce() -> String,
) -> Option<NotReady> {
    match condition {
        Some(condition) if condition.is_true() => None,
        Some(condition) if condition.is_false() => Some(NotReady::failed(condition.reason, failed(&condition))),
        _ => Some(NotReady::pending(waiting())),
    }
}
