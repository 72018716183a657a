//! What a reconciled record says about the work on it. Lives beside the record, in `reconciliations`: workers write it, not clients.

use crate::{scalar::json_scalar, text::choice};
use causeway_records_derive::Fields;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

choice! {
    /// Whether a condition holds.
    ConditionStatus {
        /// Not known yet at the current generation.
        Unknown = "Unknown",
        /// Holds.
        True = "True",
        /// Doesn't hold; the reason says why.
        False = "False",
    }
}

/// One step on the way to what a record asks for. Conditions are positive: a problem is a `False` one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Condition {
    /// Which step: `GatewayProgrammed`.
    #[serde(rename = "Type")]
    pub condition_type: String,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// One word for programs: `AddressNotAssigned`.
    pub reason: String,
    /// A sentence for people: which object blocks, and what to do next.
    pub message: String,
    /// Generation of the record that this was found at.
    pub observed_generation: i64,
    /// When `status` last changed.
    pub last_transition_time: DateTime<Utc>,
}

/// What a message says where "Reconciled": false lets something happen that is held back until a person has said so.
const RELEASES: &str = "send Reconciled false";

impl Condition {
    /// Something is held back here for a person to decide: the message says what, and another reconcile lets it happen.
    #[must_use]
    pub fn is_held_back(&self) -> bool {
        self.status != ConditionStatus::True && self.message.contains(RELEASES)
    }
}

/// The steps of one record, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Conditions(pub Vec<Condition>);
json_scalar!(Conditions);

/// A condition as a reconcile computes it; [`Conditions::from_new`] adds generation and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCondition {
    /// Which step: `GatewayProgrammed`.
    pub condition_type: &'static str,
    /// Whether it is met.
    pub status: ConditionStatus,
    /// One word for programs.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
}

impl NewCondition {
    /// With status True.
    pub fn met(condition_type: &'static str, reason: &str, message: impl Into<String>) -> Self {
        Self { condition_type, status: ConditionStatus::True, reason: reason.into(), message: message.into() }
    }
    /// With status False; `message` names the object that blocks and the next thing to do.
    pub fn not_met(condition_type: &'static str, reason: &str, message: impl Into<String>) -> Self {
        Self { condition_type, status: ConditionStatus::False, reason: reason.into(), message: message.into() }
    }
    /// With status Unknown: nothing is reported yet at the current generation.
    pub fn unknown(condition_type: &'static str, reason: &str, message: impl Into<String>) -> Self {
        Self { condition_type, status: ConditionStatus::Unknown, reason: reason.into(), message: message.into() }
    }
}

/// The condition that sums up all others.
pub const READY: &str = "Ready";

impl Conditions {
    /// New conditions with generation and time: one whose status is the same as before keeps its time. `Ready` is appended; it is True when all
    /// others are, and otherwise names the first that isn't.
    pub fn from_new(new: Vec<NewCondition>, before: &Self, generation: i64, now: DateTime<Utc>) -> Self {
        let blocking = new.iter().find(|condition| condition.status != ConditionStatus::True);
        let ready = match blocking {
            None => NewCondition::met(READY, "Ready", "everything asked for stands and works"),
            Some(first) => NewCondition {
                condition_type: READY,
                status: ConditionStatus::False,
                reason: first.condition_type.to_owned(),
                message: format!("{}: {}", first.condition_type, first.message),
            },
        };
        let dated = new.into_iter().chain([ready]).map(|condition| {
            let earlier = before.get(condition.condition_type).filter(|earlier| earlier.status == condition.status);
            Condition {
                condition_type: condition.condition_type.to_owned(),
                status: condition.status,
                reason: condition.reason,
                message: condition.message,
                observed_generation: generation,
                last_transition_time: earlier.map_or(now, |earlier| earlier.last_transition_time),
            }
        });
        Self(dated.collect())
    }

    /// The condition of a type.
    pub fn get(&self, condition_type: &str) -> Option<&Condition> {
        self.0.iter().find(|condition| condition.condition_type == condition_type)
    }

    /// Whether the condition of a type is there and True.
    pub fn is_true(&self, condition_type: &str) -> bool {
        self.get(condition_type).is_some_and(|condition| condition.status == ConditionStatus::True)
    }

    /// The first step that isn't met; None: all are.
    pub fn blocking(&self) -> Option<&Condition> {
        self.0.iter().find(|condition| condition.status != ConditionStatus::True && condition.condition_type != READY)
    }

    /// The step that a person should look at: the first that is known to fail, or else the first of which nothing is known. What waits for a failure
    /// may stand before it.
    pub fn first_trouble(&self) -> Option<&Condition> {
        let mut steps = self.0.iter().filter(|condition| condition.condition_type != READY);
        steps.find(|condition| condition.status == ConditionStatus::False).or_else(|| self.blocking())
    }

    /// What is held back for a person to decide.
    pub fn held_back(&self) -> Option<&Condition> {
        self.0.iter().find(|condition| condition.condition_type != READY && condition.is_held_back())
    }

    /// What lists can be asked for, in columns of their own.
    pub fn summary(&self) -> Summary<'_> {
        let blocking = self.blocking();
        Summary {
            ready: self.get(READY).map_or(ConditionStatus::Unknown, |ready| ready.status),
            step: blocking.map(|condition| condition.condition_type.as_str()),
            reason: blocking.map(|condition| condition.reason.as_str()),
            since: blocking.map(|condition| condition.last_transition_time),
        }
    }

    /// Equal but for times: nothing to write.
    pub fn same_but_for_time(&self, other: &Self) -> bool {
        let timeless = |c: &Condition| Condition { last_transition_time: DateTime::UNIX_EPOCH, ..c.clone() };
        self.0.iter().map(timeless).eq(other.0.iter().map(timeless))
    }
}

/// Conditions in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary<'c> {
    /// The status of `Ready`.
    pub ready: ConditionStatus,
    /// Type of the first condition that isn't True.
    pub step: Option<&'c str>,
    /// Its reason.
    pub reason: Option<&'c str>,
    /// Since when it has its status.
    pub since: Option<DateTime<Utc>>,
}

/// Threeport's reconciliation block and ours. Columns of `reconciliations`.
#[derive(Fields, Clone, Debug, PartialEq)]
pub struct Status {
    /// The current generation has been applied, with the support services it needs. Sending `false` asks for another reconcile.
    #[noun(example = true)]
    pub reconciled: Option<bool>,
    /// Acknowledgement of a client; not used by Causeway.
    pub creation_acknowledged: Option<DateTime<Utc>>,
    /// Acknowledgement of a client; not used by Causeway.
    pub creation_confirmed: Option<DateTime<Utc>>,
    /// Remark of a client; not used by Causeway.
    #[noun(default = Some(false))]
    pub creation_failed: Option<bool>,
    /// When DELETE was asked for.
    #[noun(read_only)]
    pub deletion_scheduled: Option<DateTime<Utc>>,
    /// Acknowledgement of a client; stored, and never shortens Causeway's own confirmation.
    pub deletion_acknowledged: Option<DateTime<Utc>>,
    /// Acknowledgement of a client; stored, and never shortens Causeway's own confirmation.
    pub deletion_confirmed: Option<DateTime<Utc>>,
    /// Pauses the work on this record (condition `Paused`); on a runtime, on everything in its cluster.
    #[noun(default = Some(false))]
    pub interrupt_reconciliation: Option<bool>,
    /// Counts the changes of what is asked for, the record's own and those of what it depends on.
    #[noun(read_only, no_filter, example = 1)]
    pub generation: Option<i64>,
    /// The generation that was last applied.
    #[noun(read_only, no_filter, example = 1)]
    pub observed_generation: Option<i64>,
    /// The status of the condition `Ready`. `Unknown`: not reconciled yet.
    #[noun(read_only)]
    pub ready: Option<ConditionStatus>,
    /// The first step that isn't met: the type of its condition. Left out: all are met, or the record isn't reconciled yet.
    #[noun(read_only)]
    pub blocking_step: Option<String>,
    /// The reason of that condition.
    #[noun(read_only)]
    pub blocking_reason: Option<String>,
    /// Since when that condition has its status; of a record that isn't reconciled yet, since it was made.
    #[noun(read_only, no_filter)]
    pub blocking_since: Option<DateTime<Utc>>,
    /// The steps, in order; `Ready` sums them up.
    #[noun(
        read_only,
        no_filter,
        example = r#"[{"Type":"Ready","Status":"True","Reason":"Ready","Message":"everything asked for stands and works","ObservedGeneration":1,"LastTransitionTime":"2026-01-31T12:00:05Z"}]"#
    )]
    pub conditions: Option<Conditions>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn ready_names_the_first_step_that_blocks() {
        let new = vec![
            NewCondition::met("Applied", "Applied", "4 objects"),
            NewCondition::not_met("GatewayProgrammed", "AddressNotAssigned", "Gateway a/b has no address yet"),
            NewCondition::unknown("DnsPublished", "Pending", "waits for the address"),
        ];
        let conditions = Conditions::from_new(new, &Conditions::default(), 3, at(5));
        let ready = conditions.get(READY).unwrap();
        assert_eq!((ready.status, ready.reason.as_str()), (ConditionStatus::False, "GatewayProgrammed"));
        assert_eq!(ready.message, "GatewayProgrammed: Gateway a/b has no address yet");
    }

    #[test]
    fn the_summary_is_that_of_the_first_step_that_blocks() {
        assert_eq!(
            Conditions::default().summary(),
            Summary { ready: ConditionStatus::Unknown, step: None, reason: None, since: None }
        );
        let new = |address| {
            let condition = NewCondition { status: address, ..NewCondition::met("AddressAssigned", "Pending", "a") };
            vec![NewCondition::met("Applied", "Applied", "4 objects"), condition]
        };
        let first = Conditions::from_new(new(ConditionStatus::Unknown), &Conditions::default(), 1, at(5));
        let waits = Summary {
            ready: ConditionStatus::False,
            step: Some("AddressAssigned"),
            reason: Some("Pending"),
            since: Some(at(5)),
        };
        assert_eq!(first.summary(), waits);
        let later = Conditions::from_new(new(ConditionStatus::False), &first, 1, at(9));
        assert_eq!(later.summary(), Summary { since: Some(at(9)), ..waits }, "known to block only since then");
        let done = Conditions::from_new(new(ConditionStatus::True), &later, 1, at(12));
        assert_eq!(done.summary(), Summary { ready: ConditionStatus::True, step: None, reason: None, since: None });
    }

    #[test]
    fn a_status_that_stays_keeps_its_time() {
        let find = |reason: &str| vec![NewCondition::not_met("Applied", reason, "no")];
        let first = Conditions::from_new(find("A"), &Conditions::default(), 1, at(1));
        let second = Conditions::from_new(find("B"), &first, 1, at(2));
        assert_eq!(second.get("Applied").unwrap().last_transition_time, at(1));
        assert!(!first.same_but_for_time(&second));
        let third = Conditions::from_new(vec![NewCondition::met("Applied", "B", "no")], &second, 1, at(3));
        assert_eq!(third.get("Applied").unwrap().last_transition_time, at(3));
    }
}
