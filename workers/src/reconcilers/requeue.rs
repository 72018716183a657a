//! When a record is reconciled again for what no watch tells of, as long as it isn't ready.

use causeway_records::status::{ConditionStatus, NewCondition};
use causeway_store::queue::Claimed;
use chrono::TimeDelta;
use std::time::Duration;

/// The shortest and the longest time until then.
const AGAIN: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

/// Ever more seldom. None once everything is ready: the next change of an object makes the record due.
pub(super) fn requeue_after(claimed: &Claimed, conditions: &[NewCondition]) -> Option<Duration> {
    let not_ready = conditions.iter().find(|condition| condition.status != ConditionStatus::True)?;
    let since = claimed.conditions.get(not_ready.condition_type).filter(|before| before.status == not_ready.status);
    let age = since.map_or(TimeDelta::zero(), |since| claimed.now() - since.last_transition_time);
    Some((age.to_std().unwrap_or_default() / 2).clamp(AGAIN.0, AGAIN.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::{Kind, status::Conditions};
    use causeway_store::queue::claimed_for_tests;

    #[test]
    fn what_is_not_ready_is_reconciled_again_and_ever_more_seldom() {
        let not_ready = || vec![NewCondition::not_met("ResourcesReady", "PodsNotReady", "0 of 1")];
        let mut claimed = claimed_for_tests(Kind::WorkloadInstance, 7);
        assert_eq!(requeue_after(&claimed, &[NewCondition::met("ResourcesReady", "Ready", "")]), None);
        assert_eq!(requeue_after(&claimed, &not_ready()), Some(AGAIN.0), "since now");
        let mut since = |seconds: i64| {
            let then = claimed.now() - TimeDelta::seconds(seconds);
            claimed.conditions = Conditions::from_new(not_ready(), &Conditions::default(), 1, then);
            requeue_after(&claimed, &not_ready()).unwrap().as_secs()
        };
        assert_eq!([since(2), since(60), since(86_400)], [5, 30, 300]);
    }
}
