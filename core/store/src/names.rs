//! What records are called, for views.

use crate::{Store, error::Result};
use causeway_records::noun::Info;
use sqlx::{AssertSqlSafe, Row};
use std::collections::HashMap;

impl Store {
    /// The names of records of one kind, by id. Those that are gone, and those of kinds without names, are left out.
    pub async fn record_names(&self, info: &Info, ids: &[i64]) -> Result<HashMap<i64, String>> {
        if ids.is_empty() || !info.named() {
            return Ok(HashMap::new());
        }
        let text = format!("SELECT id, name FROM {} WHERE id = ANY ($1)", info.table);
        let rows = sqlx::query(AssertSqlSafe(text)).bind(ids).fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }
}
