//! Secrets at rest: which keys they are under, and moving them to the first one.
//!
//! The ciphertexts of secret fields prove their keys themselves: `key_ids` is what is known of those that can't be read. Documents say their keys.

mod documents;

use crate::{
    Store,
    error::{Result, StoreError},
    row::KEY_IDS,
    statement::add,
};
use causeway_records::{
    noun::Info,
    nouns,
    secret::{KeyIds, Keyring, SecretError},
};
use sqlx::{
    AssertSqlSafe, Row,
    postgres::{PgArguments, PgRow},
    types::Json,
};
use std::collections::BTreeMap;

/// Records that are read at once.
const BATCH: i64 = 200;
/// How often a record is tried again that others change meanwhile.
const TRIES: usize = 8;

/// How many secrets are under which key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyUse {
    /// Secrets that can be read, by the id of their key.
    pub readable: BTreeMap<String, u64>,
    /// Secrets that can't be, by the id of the key they are said to be under; None: nobody knows.
    pub unreadable: BTreeMap<Option<String>, u64>,
}

/// What became of the secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReEncrypted {
    /// Written anew, with the first key.
    pub moved: u64,
    /// Under the first key before.
    pub kept: u64,
    /// None of the keys can read them: they stay as they are.
    pub unreadable: u64,
    /// Records that others changed all the time: they stay as they are.
    pub contended: u64,
}

/// The secrets of one record.
struct Secrets {
    id: i64,
    key_ids: KeyIds,
    /// By column; those that are there.
    ciphertexts: BTreeMap<&'static str, String>,
}

impl Store {
    /// How many secrets and documents are under which key, of live records and of those that are gone.
    pub async fn key_use(&self, keys: &Keyring) -> Result<KeyUse> {
        let mut found = KeyUse::default();
        for info in with_secrets() {
            let mut after = i64::MIN;
            while let Some((last, batch)) = self.secrets(info, after).await? {
                after = last;
                for secrets in batch {
                    for (column, ciphertext) in &secrets.ciphertexts {
                        let count = match keys.open(ciphertext) {
                            Ok((key, _)) => found.readable.entry(key.id().to_owned()).or_default(),
                            Err(_) => found.unreadable.entry(secrets.key_ids.0.get(*column).cloned()).or_default(),
                        };
                        *count += 1;
                    }
                }
            }
        }
        self.documents_by_key(keys, &mut found).await?;
        Ok(found)
    }

    /// Writes every secret and document anew that isn't under the first key, record by record: it may be stopped and begun again at any time, while
    /// everything else goes on. Neither `updated_at` nor the generation changes, and nobody is woken: plain texts stay as they are.
    pub async fn re_encrypt(&self, keys: &Keyring) -> Result<ReEncrypted> {
        let mut done = ReEncrypted::default();
        for info in with_secrets() {
            let mut after = i64::MIN;
            while let Some((last, batch)) = self.secrets(info, after).await? {
                after = last;
                for secrets in batch {
                    self.re_encrypt_one(info, keys, secrets, &mut done).await?;
                }
            }
        }
        self.re_encrypt_documents(keys, &mut done).await?;
        Ok(done)
    }

    async fn re_encrypt_one(
        &self,
        info: &'static Info,
        keys: &Keyring,
        mut secrets: Secrets,
        done: &mut ReEncrypted,
    ) -> Result<()> {
        for _ in 0..TRIES {
            // The operating system has no random numbers: nothing of ours can be mended.
            let (anew, counted) = anew(keys, &secrets).map_err(|error| StoreError::Inconsistent {
                table: info.table,
                column: KEY_IDS,
                reason: error.to_string(),
            })?;
            if anew.ciphertexts == secrets.ciphertexts && anew.key_ids == secrets.key_ids
                || self.replace(info, &secrets, &anew).await?
            {
                done.moved += counted.moved;
                done.kept += counted.kept;
                done.unreadable += counted.unreadable;
                return Ok(());
            }
            // Another writer was faster: the secrets are now as it wrote them.
            let text = format!("SELECT {} FROM {} WHERE id = $1", columns(info), info.table);
            let row = sqlx::query(AssertSqlSafe(text)).bind(secrets.id).fetch_one(&self.pool).await?;
            secrets = read(info, &row)?;
        }
        done.contended += 1;
        Ok(())
    }

    /// Secrets of the records after an id, and the last of their ids; None: there are no more.
    async fn secrets(&self, info: &'static Info, after: i64) -> Result<Option<(i64, Vec<Secrets>)>> {
        let text = format!("SELECT {} FROM {} WHERE id > $1 ORDER BY id LIMIT {BATCH}", columns(info), info.table);
        let rows = sqlx::query(AssertSqlSafe(text)).bind(after).fetch_all(&self.pool).await?;
        let batch = rows.iter().map(|row| read(info, row)).collect::<Result<Vec<_>>>()?;
        Ok(batch.last().map(|last| last.id).map(|last| (last, batch)))
    }

    /// Puts ciphertexts in the place of others, if those are still there.
    async fn replace(&self, info: &Info, before: &Secrets, after: &Secrets) -> Result<bool> {
        let mut arguments = PgArguments::default();
        let (mut set, mut condition) = (vec![], vec![]);
        add(&mut arguments, before.id)?;
        add(&mut arguments, Json(&before.key_ids))?;
        add(&mut arguments, Json(&after.key_ids))?;
        for ((column, ciphertext), n) in after.ciphertexts.iter().zip((4..).step_by(2)) {
            add(&mut arguments, before.ciphertexts.get(column).cloned())?;
            add(&mut arguments, ciphertext.clone())?;
            set.push(format!(", {column} = ${}", n + 1));
            condition.push(format!(" AND {column} = ${n}"));
        }
        let text = format!(
            "UPDATE {} SET {KEY_IDS} = $3{} WHERE id = $1 AND {KEY_IDS} = $2{}",
            info.table,
            set.concat(),
            condition.concat()
        );
        Ok(sqlx::query_with(AssertSqlSafe(text), arguments).execute(&self.pool).await?.rows_affected() == 1)
    }
}

/// The nouns that have any.
fn with_secrets() -> impl Iterator<Item = &'static Info> {
    nouns::ALL.iter().copied().filter(|info| info.has_secrets())
}

fn encrypted(info: &'static Info) -> impl Iterator<Item = &'static str> {
    info.fields.iter().filter(|field| field.encrypted).map(|field| field.column)
}

fn columns(info: &'static Info) -> String {
    ["id", KEY_IDS].into_iter().chain(encrypted(info)).collect::<Vec<_>>().join(", ")
}

fn read(info: &'static Info, row: &PgRow) -> Result<Secrets> {
    let mut ciphertexts = BTreeMap::new();
    for column in encrypted(info) {
        if let Some(ciphertext) = row.try_get::<Option<String>, _>(column)? {
            ciphertexts.insert(column, ciphertext);
        }
    }
    Ok(Secrets { id: row.try_get("id")?, key_ids: row.try_get::<Json<KeyIds>, _>(KEY_IDS)?.0, ciphertexts })
}

/// The same secrets under the first key, as far as they can be read, and how many of them are what.
fn anew(keys: &Keyring, secrets: &Secrets) -> std::result::Result<(Secrets, ReEncrypted), SecretError> {
    let (mut ciphertexts, mut key_ids, mut counted) =
        (secrets.ciphertexts.clone(), KeyIds::default(), ReEncrypted::default());
    for (column, ciphertext) in &secrets.ciphertexts {
        let Ok((key, plain)) = keys.open(ciphertext) else {
            counted.unreadable += 1;
            key_ids.0.extend(secrets.key_ids.of(column));
            continue;
        };
        if key.id() == keys.id() {
            counted.kept += 1;
            key_ids.0.extend(secrets.key_ids.of(column));
            key_ids.0.insert((*column).to_owned(), keys.id().to_owned());
        } else {
            counted.moved += 1;
            ciphertexts.insert(column, keys.encrypt(&plain)?);
            key_ids.moved(column, keys.id(), ciphertext);
        }
    }
    Ok((Secrets { id: secrets.id, key_ids, ciphertexts }, counted))
}
