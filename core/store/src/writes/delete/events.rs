//! Statements of a deletion, each with the events that tell of it: in one statement no event is without its change.

use crate::inbox::{self, Happened};
use causeway_records::{noun::Info, watch::EventType};

/// A statement that takes records of a noun out of the live ones, with their events.
pub(super) fn with_events(info: &Info, deletion: String) -> String {
    match inbox::insertion(&[Happened::new(EventType::Deleted, info, "t")]) {
        Some(insertion) => format!("WITH t AS ({deletion} RETURNING *) {insertion}"),
        None => deletion,
    }
}

/// A statement that changes a record's row in the queue, with its event. `$2` is the id.
pub(super) fn with_queue_event(event_type: EventType, info: &Info, change: &str) -> String {
    match inbox::insertion(&[Happened::new(event_type, info, "t").queued("r")]) {
        Some(insertion) => format!(
            "WITH r AS ({change} RETURNING id, generation), t AS (SELECT * FROM {} WHERE id = $2) {insertion}",
            info.table
        ),
        None => change.to_owned(),
    }
}
