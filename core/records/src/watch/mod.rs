//! What happens to records, as programs follow it: events in the order in which they were committed, and how far somebody has read.
//!
//! An event is thin: it says which record, and what happened, and never what the record holds. Whoever needs that reads the record.

mod cursor;
mod event;
mod filter;
mod flips;
mod message;

pub use cursor::Cursor;
pub use event::{EventType, RecordEvent};
pub use filter::EventFilter;
pub use flips::{Flip, flips};
pub use message::{MESSAGE_MEDIA, Message};

use crate::{Kind, nouns};

/// Whether events tell of records of this kind: of every one that viewers may read.
#[must_use]
pub fn is_watched(kind: Kind) -> bool {
    nouns::ALL.iter().any(|info| info.kind == kind)
}
