//! Reading one record of any noun.

use crate::{
    Store,
    error::{Result, StoreError},
    row, selects,
};
use causeway_records::{Record, noun::Noun};
use sqlx::PgConnection;

impl Store {
    /// A live record.
    pub async fn get<T: Noun>(&self, id: i64) -> Result<Record<T>> {
        let row = sqlx::query(selects::for_noun(&T::INFO).get).bind(id).fetch_optional(&self.pool).await?;
        row::record_with(&row.ok_or(StoreError::NotFound)?, &self.documents)
    }
}

/// A record, live or gone, that this transaction has locked or that another record of it keeps from being removed.
pub(crate) async fn find<T: Noun>(connection: &mut PgConnection, id: i64) -> Result<Record<T>> {
    row::record(&sqlx::query(selects::for_noun(&T::INFO).find).bind(id).fetch_one(connection).await?)
}
