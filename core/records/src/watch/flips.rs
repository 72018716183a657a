//! Conditions that flip.

use crate::status::{Condition, ConditionStatus, Conditions};
use serde::{Deserialize, Serialize};

/// A condition as it is since it flipped. Its message stays with the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Flip {
    /// Which step: `GatewayProgrammed`.
    #[serde(rename = "Type")]
    pub condition_type: String,
    /// Whether it holds now.
    pub status: ConditionStatus,
    /// One word for programs: `AddressNotAssigned`.
    pub reason: String,
}

/// The conditions whose status or reason is another than before. One that was not there before was Unknown, as in Kubernetes: that it is Unknown now is
/// no flip. Nor is another message alone: it may count seconds.
#[must_use]
pub fn flips(before: &Conditions, after: &Conditions) -> Vec<Flip> {
    let is_new = |condition: &&Condition| match before.get(&condition.condition_type) {
        Some(earlier) => (earlier.status, &earlier.reason) != (condition.status, &condition.reason),
        None => condition.status != ConditionStatus::Unknown,
    };
    let flip = |condition: &Condition| Flip {
        condition_type: condition.condition_type.clone(),
        status: condition.status,
        reason: condition.reason.clone(),
    };
    after.0.iter().filter(is_new).map(flip).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::NewCondition;
    use chrono::DateTime;

    fn conditions(new: Vec<NewCondition>, before: &Conditions) -> Conditions {
        Conditions::from_new(new, before, 1, DateTime::UNIX_EPOCH)
    }

    fn words(flips: &[Flip]) -> Vec<String> {
        flips.iter().map(|flip| format!("{}={}/{}", flip.condition_type, flip.status, flip.reason)).collect()
    }

    #[test]
    fn only_what_says_something_else_flips() {
        let none = Conditions::default();
        let waits = conditions(vec![NewCondition::not_met("Applied", "Waiting", "for 3 s")], &none);
        assert_eq!(words(&flips(&none, &waits)), ["Applied=False/Waiting", "Ready=False/Applied"]);
        let pending =
            NewCondition { status: ConditionStatus::Unknown, ..NewCondition::not_met("Applied", "Pending", "soon") };
        let unknown = conditions(vec![pending], &none);
        assert!(
            words(&flips(&none, &unknown)).iter().all(|word| !word.starts_with("Applied")),
            "it was not known before"
        );
        assert_eq!(words(&flips(&waits, &unknown))[0], "Applied=Unknown/Pending");
        let later = conditions(vec![NewCondition::not_met("Applied", "Waiting", "for 4 s")], &waits);
        assert!(!later.same_but_for_time(&waits) && flips(&waits, &later).is_empty(), "another message is no flip");
        let refused = conditions(vec![NewCondition::not_met("Applied", "Refused", "for 4 s")], &later);
        assert_eq!(words(&flips(&later, &refused)), ["Applied=False/Refused"]);
        let met = conditions(vec![NewCondition::met("Applied", "Applied", "1 object")], &refused);
        assert_eq!(words(&flips(&refused, &met)), ["Applied=True/Applied", "Ready=True/Ready"]);
        assert!(flips(&met, &met).is_empty() && flips(&met, &none).is_empty());
    }
}
