//! What a record's conditions say about it as a whole. The words are the API's.

use anstyle::Style;
use causeway_records::status::{Condition, ConditionStatus, Conditions, READY};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::style;
use crate::api::Fields;

/// What a record is like.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum State {
    /// Everything asked for stands and works.
    Ready,
    /// This step blocks.
    Blocked(Box<Condition>),
    /// Workers have not said anything yet.
    Unseen,
    /// It is being deleted; the step that it waits for.
    Deleting(Option<Box<Condition>>),
    /// Nobody has to bring it about.
    Plain,
}

/// The conditions of a record, in their order.
pub(crate) fn conditions(record: &Fields) -> Vec<Condition> {
    let found = record.get("Conditions").cloned().map(serde_json::from_value::<Conditions>);
    found.and_then(Result::ok).map(|conditions| conditions.0).unwrap_or_default()
}

/// The first step that is not True, in the order of the work.
pub(crate) fn blocking(conditions: &[Condition]) -> Option<&Condition> {
    let not_met = |condition: &&Condition| condition.status != ConditionStatus::True;
    let steps = conditions.iter().filter(|condition| condition.condition_type != READY);
    steps.clone().find(not_met).or_else(|| conditions.iter().find(not_met))
}

/// What a record is like. One that is applied at an older generation is not Ready, whatever its conditions say.
pub(crate) fn state(record: &Fields, reconciled: bool) -> State {
    if !reconciled {
        return State::Plain;
    }
    let conditions = conditions(record);
    let first = blocking(&conditions).cloned().map(Box::new);
    if record.contains_key("DeletionScheduled") {
        return State::Deleting(first);
    }
    match first {
        Some(first) => State::Blocked(first),
        None if conditions.is_empty() || record.get("Reconciled") != Some(&Value::Bool(true)) => State::Unseen,
        None => State::Ready,
    }
}

impl State {
    /// One word, or two.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Blocked(_) => "not Ready",
            Self::Unseen => "in work",
            Self::Deleting(_) => "deleting",
            Self::Plain => "",
        }
    }

    pub(crate) fn style(&self) -> Style {
        match self {
            Self::Ready => style::GOOD,
            Self::Blocked(_) => style::BAD,
            Self::Unseen | Self::Deleting(_) => style::WAITING,
            Self::Plain => style::PLAIN,
        }
    }

    /// The step that blocks.
    pub(crate) fn step(&self) -> Option<&Condition> {
        match self {
            Self::Blocked(step) | Self::Deleting(Some(step)) => Some(step),
            _ => None,
        }
    }

    /// Since when the step blocks.
    pub(crate) fn since(&self, now: DateTime<Utc>) -> Option<String> {
        self.step().map(|step| super::age::since(step.last_transition_time, now))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    /// A record with these conditions, all of them since 1970.
    pub(crate) fn record(conditions: &[(&str, &str, &str)], more: &Value) -> Fields {
        let one = |(kind, status, message): &(&str, &str, &str)| {
            json!({
                "Type": kind, "Status": status, "Reason": if *status == "True" { "Met" } else { "NotMet" }, "Message": message,
                "ObservedGeneration": 1, "LastTransitionTime": "1970-01-01T00:00:00Z",
            })
        };
        let conditions: Vec<_> = conditions.iter().map(one).collect();
        let mut record = json!({"ID": 7, "Name": "shop", "Reconciled": true, "Conditions": conditions});
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        record.as_object().unwrap().clone()
    }

    #[test]
    fn the_first_step_in_order_blocks() {
        let shop = record(
            &[("Applied", "True", ""), ("Address", "Unknown", "a"), ("Dns", "False", "b"), ("Ready", "False", "c")],
            &json!({}),
        );
        let State::Blocked(step) = state(&shop, true) else { panic!("it is blocked") };
        assert_eq!(step.condition_type, "Address");
    }

    #[test]
    fn ready_is_only_what_is_applied_at_its_generation() {
        let all = [("Applied", "True", ""), ("Ready", "True", "")];
        assert_eq!(state(&record(&all, &json!({})), true), State::Ready);
        assert_eq!(state(&record(&all, &json!({"Reconciled": false})), true), State::Unseen);
        assert_eq!(state(&record(&[], &json!({})), true), State::Unseen);
        assert_eq!(state(&record(&[], &json!({})), false), State::Plain);
        let going = record(&all, &json!({"DeletionScheduled": "2026-01-01T00:00:00Z"}));
        assert_eq!(state(&going, true), State::Deleting(None));
    }
}
