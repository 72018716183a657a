//! One event about a record.

use super::{Cursor, Flip};
use crate::{Kind, text::choice};
use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer, ser::SerializeStruct};

choice! {
    /// What happened to a record.
    EventType {
        /// It was made.
        Created = "created",
        /// A client, or the worker that reports in it, has changed it.
        Changed = "changed",
        /// A condition of it flipped; `Condition` says which.
        Condition = "condition",
        /// All that was asked for up to `Generation` has been applied.
        Reconciled = "reconciled",
        /// Its deletion was asked for; workers take away what it has in the cluster.
        Deleting = "deleting",
        /// It is gone. Nothing comes after this about a record.
        Deleted = "deleted",
    }
}

/// What happened to one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordEvent {
    /// Its place among all events.
    pub cursor: Cursor,
    /// What happened.
    pub event_type: EventType,
    /// The kind of the record.
    pub kind: Kind,
    /// The id of the record.
    pub id: i64,
    /// The name of the record then, if its kind has names.
    pub name: Option<String>,
    /// The cluster that the record is in, if it is in one.
    pub runtime: Option<i64>,
    /// The generation that this is about, if the kind has generations.
    pub generation: Option<i64>,
    /// What flipped.
    pub condition: Option<Flip>,
    /// When, by Postgres's clock.
    pub time: DateTime<Utc>,
}

impl RecordEvent {
    /// Where the record can be read.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/v0/{}/{}", self.kind.info().plural, self.id)
    }

    /// As an example of the API document.
    #[must_use]
    pub fn example() -> Self {
        Self {
            cursor: Cursor { epoch: 0x9f04_c1d2, position: 1042 },
            event_type: EventType::Condition,
            kind: Kind::GatewayInstance,
            id: 912_345_678_900_001_024,
            name: Some("shop".into()),
            runtime: Some(912_345_678_900_000_256),
            generation: Some(3),
            condition: Some(Flip {
                condition_type: "Ready".into(),
                status: crate::status::ConditionStatus::False,
                reason: "GatewayProgrammed".into(),
            }),
            time: DateTime::from_timestamp(1_769_860_805, 0).unwrap_or_default(),
        }
    }
}

/// One object of JSON; what is none is left out.
impl Serialize for RecordEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("RecordEvent", 10)?;
        object.serialize_field("Position", &self.cursor.to_string())?;
        object.serialize_field("Type", &self.event_type)?;
        object.serialize_field("Kind", &self.kind)?;
        object.serialize_field("ID", &self.id)?;
        match &self.name {
            Some(name) => object.serialize_field("Name", name)?,
            None => object.skip_field("Name")?,
        }
        match &self.runtime {
            Some(runtime) => object.serialize_field("KubernetesRuntimeInstanceID", runtime)?,
            None => object.skip_field("KubernetesRuntimeInstanceID")?,
        }
        match &self.generation {
            Some(generation) => object.serialize_field("Generation", generation)?,
            None => object.skip_field("Generation")?,
        }
        match &self.condition {
            Some(condition) => object.serialize_field("Condition", condition)?,
            None => object.skip_field("Condition")?,
        }
        object.serialize_field("Path", &self.path())?;
        object.serialize_field("Time", &self.time)?;
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_is_one_object_without_what_the_record_holds() {
        let event = RecordEvent::example();
        let expected = json!({
            "Position": "9f04c1d2-1042", "Type": "condition", "Kind": "GatewayInstance", "ID": 912_345_678_900_001_024_i64,
            "Name": "shop", "KubernetesRuntimeInstanceID": 912_345_678_900_000_256_i64, "Generation": 3,
            "Condition": {"Type": "Ready", "Status": "False", "Reason": "GatewayProgrammed"},
            "Path": "/v0/gateway-instances/912345678900001024", "Time": "2026-01-31T12:00:05Z",
        });
        assert_eq!(serde_json::to_value(&event).unwrap(), expected);
        let bare = RecordEvent { name: None, runtime: None, generation: None, condition: None, ..event };
        let bare = serde_json::to_value(&bare).unwrap();
        assert_eq!(bare.as_object().unwrap().len(), 6, "{bare}");
        assert!(!serde_json::to_string(&bare).unwrap().contains('\n'), "an event is one line");
    }
}
