//! Reading one record of any noun.

use crate::{
    Store, documents,
    error::{Result, StoreError},
    row, selects,
};
use causeway_records::{Record, noun::Noun};
use sqlx::{AssertSqlSafe, PgConnection};

impl Store {
    /// A live record; `NotFound` where no such one has this id.
    pub async fn get<T: Noun>(&self, id: i64) -> Result<Record<T>> {
        let row = sqlx::query(selects::for_noun(&T::INFO).get).bind(id).fetch_optional(&self.pool).await?;
        row::record_with(&row.ok_or(StoreError::NotFound)?, &self.documents)
    }

    /// How long the documents of a record are, in bytes. 0: there are none, or no record.
    pub async fn document_bytes<T: Noun>(&self, id: i64) -> Result<usize> {
        let Some(lengths) = documents::lengths(&T::INFO) else { return Ok(0) };
        let text = format!("SELECT {lengths} FROM {} t WHERE t.id = $1", T::INFO.table);
        let bytes: Option<i32> = sqlx::query_scalar(AssertSqlSafe(text)).bind(id).fetch_optional(&self.pool).await?;
        Ok(bytes.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or_default())
    }
}

/// A record, live or gone, that this transaction has locked or that another record of it keeps from being removed.
pub(crate) async fn find<T: Noun>(connection: &mut PgConnection, id: i64) -> Result<Record<T>> {
    row::record(&sqlx::query(selects::for_noun(&T::INFO).find).bind(id).fetch_one(connection).await?)
}
