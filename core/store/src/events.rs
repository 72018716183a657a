//! What happened to records while workers brought them about.

use crate::{Store, error::Result, queue::Key};

impl Store {
    /// Records what happened to a record. The same thing again counts up the first one. `warning`: something is wrong.
    pub async fn record_event(&self, key: &Key, reason: &str, note: &str, warning: bool) -> Result<()> {
        sqlx::query("SELECT record_event($1, $2, $3, $4, $5)")
            .bind(&key.kind)
            .bind(key.id)
            .bind(reason)
            .bind(note)
            .bind(if warning { "Warning" } else { "Normal" })
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
