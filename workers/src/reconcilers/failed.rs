//! The end of a reconcile that failed: its condition, the error on record, and the rest before the next attempt, made together. Pure.

use crate::controller::Retry;
use causeway_records::status::NewCondition;
use causeway_store::queue::{Action, Claimed, Outcome};
use std::time::Duration;

/// What failed, and how it is tried again.
pub(crate) struct Failed {
    condition: &'static str,
    reason: String,
    message: String,
    retry: Retry,
    not_before: Duration,
}

impl Failed {
    /// `condition` is the type of the condition that says so.
    pub(crate) fn new(condition: &'static str, reason: &str, message: impl Into<String>) -> Self {
        let (retry, not_before) = Default::default();
        Self { condition, reason: reason.into(), message: message.into(), retry, not_before }
    }

    #[must_use]
    pub(crate) fn retried(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    #[must_use]
    pub(crate) fn not_before(self, wait: Duration) -> Self {
        Self { not_before: wait, ..self }
    }

    /// Adds the failure to what is known so far. A record that is parked says so in the same sentence.
    pub(crate) fn ends(self, outcome: Outcome, claimed: &Claimed) -> Outcome {
        let sentence = format!("{}{}", self.message, self.retry.remark(claimed.attempts));
        let rest = self.retry.rest(claimed.attempts).max(self.not_before);
        Outcome {
            applied: false,
            error: Some(self.message),
            action: Action::RequeueAfter(rest),
            ..outcome.then(NewCondition::not_met(self.condition, &self.reason, sentence))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::Kind;
    use causeway_store::queue::claimed_for_tests;

    fn after(attempts: i32, failed: Failed) -> (Outcome, Duration) {
        let mut claimed = claimed_for_tests(Kind::GatewayInstance, 7);
        claimed.attempts = attempts;
        let outcome = failed.ends(Outcome::default(), &claimed);
        let Action::RequeueAfter(rest) = outcome.action else { panic!("it is tried again") };
        (outcome, rest)
    }

    #[test]
    fn a_parked_record_says_so_in_its_condition_but_not_in_its_error() {
        let refused = || Failed::new("Applied", "Refused", "no").retried(Retry::Parked);
        let (first, rest) = after(2, refused());
        assert!(rest < Duration::from_secs(5) && first.conditions[0].message == "no");
        let (late, rest) = after(20, refused());
        assert!(rest >= Duration::from_secs(150));
        let sentence = &late.conditions[0].message;
        assert!(sentence.contains("every 5 minutes") && sentence.contains("Reconciled false"));
        assert_eq!(late.error.as_deref(), Some("no"), "the same error as before makes no further event");
    }

    #[test]
    fn the_rest_is_no_shorter_than_the_cluster_asks_for() {
        let asked = Duration::from_secs(90);
        let (down, rest) = after(40, Failed::new("Applied", "Unreachable", "down").not_before(asked));
        assert_eq!((rest, down.conditions[0].message.as_str()), (asked, "down"));
        assert!(!down.applied);
    }
}
