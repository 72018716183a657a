//! Documents at rest: under which keys they are, and moving them to the first one. Each begins with its key, so that only those are read that have to move.

use super::{KeyUse, ReEncrypted, TRIES};
use crate::{
    Store,
    documents::Place,
    error::{Result, StoreError},
};
use causeway_records::{
    nouns,
    secret::{DOCUMENT_NONCE_END, DOCUMENT_PREFIX, Keyring, document_key_id},
};
use sqlx::{AssertSqlSafe, Row};

/// Documents that are read at once: each may have megabytes.
const BATCH: i64 = 4;

/// A document of one record.
struct Stored {
    id: i64,
    sealed: Vec<u8>,
}

impl Store {
    pub(super) async fn documents_by_key(&self, keys: &Keyring, found: &mut KeyUse) -> Result<()> {
        for place in places() {
            let (table, column) = (place.table, place.field.column);
            let text = format!(
                "SELECT substring({column} FOR {DOCUMENT_PREFIX}), count(*) FROM {table} WHERE {column} IS NOT NULL GROUP BY 1"
            );
            for row in sqlx::query(AssertSqlSafe(text)).fetch_all(&self.pool).await? {
                let (key, count) = (document_key_id(&row.try_get::<Vec<u8>, _>(0)?), row.try_get::<i64, _>(1)?);
                let known = keys.keys().map(|known| known.id()).find(|known| key.as_deref() == Some(*known));
                let counted = match known {
                    Some(known) => found.readable.entry(known.to_owned()).or_default(),
                    None => found.unreadable.entry(key).or_default(),
                };
                *counted += u64::try_from(count).unwrap_or_default();
            }
        }
        Ok(())
    }

    pub(super) async fn re_encrypt_documents(&self, keys: &Keyring, done: &mut ReEncrypted) -> Result<()> {
        let prefix = keys.document_prefix().to_vec();
        for place in places() {
            let (table, column) = (place.table, place.field.column);
            let starts = format!("substring({column} FOR {DOCUMENT_PREFIX})");
            let text = format!("SELECT count(*) FROM {table} WHERE {starts} = $1");
            let kept: i64 = sqlx::query_scalar(AssertSqlSafe(text)).bind(prefix.clone()).fetch_one(&self.pool).await?;
            done.kept += u64::try_from(kept).unwrap_or_default();
            let text =
                format!("SELECT id, {column} FROM {table} WHERE id > $1 AND {starts} <> $2 ORDER BY id LIMIT {BATCH}");
            let mut after = i64::MIN;
            loop {
                let query = sqlx::query(AssertSqlSafe(text.clone())).bind(after).bind(prefix.clone());
                let rows = query.fetch_all(&self.pool).await?;
                for row in &rows {
                    let stored = Stored { id: row.try_get(0)?, sealed: row.try_get(1)? };
                    after = stored.id;
                    self.re_encrypt_document(place, keys, stored, done).await?;
                }
                if rows.is_empty() {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn re_encrypt_document(
        &self,
        place: Place,
        keys: &Keyring,
        mut stored: Stored,
        done: &mut ReEncrypted,
    ) -> Result<()> {
        let (table, column) = (place.table, place.field.column);
        for _ in 0..TRIES {
            if stored.sealed.starts_with(&keys.document_prefix()) {
                done.kept += 1;
                return Ok(());
            }
            // Two documents with the same nonce are the same.
            let known = stored.sealed.get(..DOCUMENT_NONCE_END).map(<[u8]>::to_vec);
            let (Some(known), Ok(text)) = (known, keys.open_document(&place.name(), stored.sealed)) else {
                done.unreadable += 1;
                return Ok(());
            };
            let sealed = keys.seal_document(&place.name(), &text).map_err(|error| StoreError::Inconsistent {
                table,
                column,
                reason: error.to_string(),
            })?;
            let text = format!(
                "UPDATE {table} SET {column} = $3 WHERE id = $1 AND substring({column} FOR {DOCUMENT_NONCE_END}) = $2"
            );
            let query = sqlx::query(AssertSqlSafe(text)).bind(stored.id).bind(known).bind(sealed);
            if query.execute(&self.pool).await?.rows_affected() == 1 {
                done.moved += 1;
                return Ok(());
            }
            // Somebody was faster: the new document counts.
            let text = format!("SELECT {column} FROM {table} WHERE id = $1 AND {column} IS NOT NULL");
            let found = sqlx::query_scalar(AssertSqlSafe(text)).bind(stored.id).fetch_optional(&self.pool).await?;
            let Some(sealed) = found else { return Ok(()) };
            stored.sealed = sealed;
        }
        done.contended += 1;
        Ok(())
    }
}

/// The documents of all nouns.
fn places() -> impl Iterator<Item = Place> {
    nouns::ALL.iter().flat_map(|info| Place::all(info))
}
