//! What happened to records while workers brought them about.

use crate::{Filter, Page, Start, Store, error::Result, queue::Key};
use causeway_records::nouns::Event;

impl Store {
    /// Records what happened to a record. The same thing again counts up the first one. `warning`: something is wrong.
    pub async fn record_event(&self, key: &Key, reason: &str, note: &str, warning: bool) -> Result<()> {
        let severity = if warning { "Warning" } else { "Normal" };
        sqlx::query!("SELECT record_event($1, $2, $3, $4, $5)", key.kind.as_str(), key.id, reason, note, severity)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The events about a record, by id.
    pub async fn events_of(&self, object: i64, filters: &[Filter]) -> Result<Page<Event>> {
        let about = "t.attached_object_reference_id IN (SELECT id FROM attached_object_references WHERE object_id = {} AND deleted_at IS NULL)";
        self.list_where(filters, &[(about, object)], i64::MAX, Start::Offset(0)).await
    }
}
