//! A record: a noun with what all records share.

use crate::{
    field::{self, Fields},
    noun::Noun,
    secret::KeyIds,
    status::Status,
};
use causeway_records_derive::Fields;
use chrono::{DateTime, Utc};

/// What every record has. Set by the system.
#[derive(Fields, Clone, Debug, PartialEq)]
pub struct Common {
    /// 64 bits, unique across all kinds.
    #[noun(no_filter)]
    pub id: i64,
    /// When it was made.
    #[noun(no_filter, example = "2026-01-31T12:00:00Z")]
    pub created_at: Option<DateTime<Utc>>,
    /// When a client last changed it.
    #[noun(no_filter, example = "2026-01-31T12:00:00Z")]
    pub updated_at: Option<DateTime<Utc>>,
    /// When it went; only in the answer to a DELETE.
    #[noun(no_filter)]
    pub deleted_at: Option<DateTime<Utc>>,
}

/// A noun with what all records share.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record<T> {
    /// Identity and times.
    pub common: Common,
    /// What the client asks for.
    pub spec: T,
    /// What workers say about it; empty for a noun that isn't reconciled.
    pub status: Status,
    /// Which keys its encrypted fields were written with; not on the wire.
    pub key_ids: KeyIds,
}

impl<T: Noun> Record<T> {
    /// No record of another kind has this id. 0: it isn't stored yet.
    pub fn id(&self) -> i64 {
        self.common.id
    }

    /// The parts that make up its JSON, in the order of the wire.
    pub fn parts(&self) -> Vec<&dyn Fields> {
        if T::INFO.reconciled { vec![&self.common, &self.spec, &self.status] } else { vec![&self.common, &self.spec] }
    }

    /// The parts that a client may write to.
    pub fn writable(&mut self) -> Vec<&mut dyn Fields> {
        if T::INFO.reconciled { vec![&mut self.spec, &mut self.status] } else { vec![&mut self.spec] }
    }

    /// DELETE was asked for.
    pub fn is_being_deleted(&self) -> bool {
        self.status.deletion_scheduled.is_some()
    }
}

impl<T: Noun> serde::Serialize for Record<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        field::serialize(&self.parts(), serializer)
    }
}
