//! What came of a reconcile, and when the record is due again.

use super::{Claimed, Key};
use causeway_records::{
    Kind,
    certificate::SeenCertificate,
    inventory::Inventory,
    status::{Conditions, NewCondition},
};
use serde_json::Value;
use std::time::{Duration, Instant};

/// When a record is due again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// When something wakes it.
    #[default]
    AwaitChange,
    /// After this time, or earlier when something wakes it.
    RequeueAfter(Duration),
}

impl Action {
    /// The same, but due after `wait` at the latest.
    #[must_use]
    pub fn within(self, wait: Duration) -> Self {
        match self {
            Self::AwaitChange => Self::RequeueAfter(wait),
            Self::RequeueAfter(sooner) => Self::RequeueAfter(sooner.min(wait)),
        }
    }

    pub(super) fn seconds(self) -> Option<f64> {
        match self {
            Self::AwaitChange => None,
            Self::RequeueAfter(wait) => Some(wait.as_secs_f64()),
        }
    }
}

/// What came of one reconcile. A reconciler builds it step by step; [`Store::complete`] writes it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The conditions in the order of the work, without Ready.
    pub conditions: Vec<NewCondition>,
    /// When the record is due again.
    pub action: Action,
    /// The generation that was claimed is applied in the cluster.
    pub applied: bool,
    /// Why the reconcile failed. None sets the count of attempts back to zero.
    pub error: Option<String>,
    /// What reconciles of other records read of this one; None leaves it as it is.
    pub published_state: Option<Value>,
    /// Wakes the records that depend on this one.
    pub wake_dependants: bool,
    /// Wakes these records too, when all of it is written.
    pub wake: Vec<Key>,
    /// The record's objects in the cluster; None leaves them as they are on record.
    pub inventory: Option<Inventory>,
    /// The record's certificates as the cluster shows them; None leaves them as they are on record.
    pub certificates: Option<Vec<SeenCertificate>>,
    /// Watch events received before this instant need no further reconcile. None if an object differed from what was applied. Not stored.
    pub observed_up_to: Option<Instant>,
    /// The reconcile confirmed the deletion, and the row is gone: there is nothing to complete.
    pub deleted: bool,
}

impl Outcome {
    /// Begins with the conditions that are known already.
    #[must_use]
    pub fn with(conditions: Vec<NewCondition>) -> Self {
        Self { conditions, ..Self::default() }
    }

    /// Adds the next condition.
    #[must_use]
    pub fn then(mut self, condition: NewCondition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Puts a condition in the place of the one of its type.
    #[must_use]
    pub fn instead(mut self, condition: NewCondition) -> Self {
        for known in self.conditions.iter_mut().filter(|known| known.condition_type == condition.condition_type) {
            *known = condition.clone();
        }
        self
    }

    /// Sets when the record is due again.
    #[must_use]
    pub fn requeue_after(self, wait: Duration) -> Self {
        Self { action: Action::RequeueAfter(wait), ..self }
    }

    /// Publishes what other records read of this one, and wakes them if it is different from `before`.
    #[must_use]
    pub fn publish(mut self, before: Option<&Value>, state: Value) -> Self {
        if before != Some(&state) {
            self.wake_dependants = true;
            self.published_state = Some(state);
        }
        self
    }

    /// The conditions to store; None if they say the same as before. Pure.
    #[must_use]
    pub fn changed_conditions(&self, claimed: &Claimed) -> Option<Conditions> {
        let new = Conditions::from_new(self.conditions.clone(), &claimed.conditions, claimed.generation, claimed.now());
        (!new.same_but_for_time(&claimed.conditions)).then_some(new)
    }

    /// The event to record: a failure that differs from the last one, or that a new generation was applied. Pure.
    #[must_use]
    pub fn event(&self, claimed: &Claimed) -> Option<NewEvent> {
        if claimed.key.kind == Kind::ListenerSet {
            // No client knows such records; their shared gateway says what is wrong.
            return None;
        }
        let verb = match (claimed.being_deleted, claimed.observed_generation) {
            (true, _) => "Delete",
            (false, 0) => "Create",
            (false, _) => "Update",
        };
        match &self.error {
            Some(error) if claimed.last_error.as_ref() != Some(error) => {
                Some(NewEvent { reason: format!("Failed{verb}"), note: error.clone(), warning: true })
            }
            None if self.applied && claimed.generation > claimed.observed_generation && !claimed.being_deleted => {
                Some(NewEvent { reason: format!("Successful{verb}"), note: "applied".into(), warning: false })
            }
            _ => None,
        }
    }
}

/// An event about a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// One word: `FailedCreate`.
    pub reason: String,
    /// The same as a sentence.
    pub note: String,
    /// Something is wrong.
    pub warning: bool,
}

impl NewEvent {
    pub(super) fn severity(&self) -> &'static str {
        if self.warning { "Warning" } else { "Normal" }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::claimed_for_tests, *};

    #[test]
    fn conditions_that_say_the_same_are_not_written() {
        let mut claimed = claimed_for_tests(Kind::GatewayInstance, 7);
        let outcome = Outcome::with(vec![NewCondition::met("Applied", "Applied", "1 object")]);
        let first = outcome.changed_conditions(&claimed).unwrap();
        assert!(first.is_true("Applied") && first.is_true("Ready"));
        claimed.conditions = first;
        assert_eq!(outcome.changed_conditions(&claimed), None);
        claimed.generation += 1;
        assert!(outcome.changed_conditions(&claimed).is_some(), "they hold at a later generation");
    }

    #[test]
    fn an_event_tells_of_a_new_failure_and_of_a_new_generation() {
        let mut claimed = claimed_for_tests(Kind::GatewayInstance, 7);
        let failed = Outcome { error: Some("no".into()), ..Outcome::default() };
        let event = failed.event(&claimed).unwrap();
        assert_eq!((event.reason.as_str(), event.note.as_str(), event.warning), ("FailedCreate", "no", true));
        claimed.last_error = Some("no".into());
        assert_eq!(failed.event(&claimed), None, "said already");
        let applied = Outcome { applied: true, ..Outcome::default() };
        assert_eq!(applied.event(&claimed).unwrap().reason, "SuccessfulCreate");
        claimed.observed_generation = 1;
        assert_eq!(applied.event(&claimed), None);
        claimed.generation = 2;
        assert_eq!(applied.event(&claimed).unwrap().reason, "SuccessfulUpdate");
        claimed.being_deleted = true;
        assert_eq!(applied.event(&claimed), None, "the deletion has an event of its own");
    }

    #[test]
    fn dependants_are_woken_only_by_what_is_new_to_them() {
        let state = serde_json::json!({"addresses": ["192.0.2.1"]});
        let same = Outcome::default().publish(Some(&state), state.clone());
        assert!(!same.wake_dependants && same.published_state.is_none());
        let new = Outcome::default().publish(None, state.clone());
        assert!(new.wake_dependants && new.published_state == Some(state));
    }
}
