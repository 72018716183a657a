//! Reading one record of any noun.

use crate::{
    Store,
    error::{Result, StoreError},
    row, sql,
};
use causeway_records::{Record, noun::Noun};

impl Store {
    /// A live record.
    pub async fn get<T: Noun>(&self, id: i64) -> Result<Record<T>> {
        let row = sqlx::query(sql::of(&T::INFO).get).bind(id).fetch_optional(&self.pool).await?;
        row::record(&row.ok_or(StoreError::NotFound)?)
    }
}
