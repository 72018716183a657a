//! Access tokens: making them, and finding their holders without asking Postgres each time.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use causeway_records::{Record, noun::Noun, nouns::AccessToken, problem::Reason};
use causeway_store::{
    Store, StoreError, Writer,
    tokens::{TokenHash, TokenHolder},
};
use chrono::Utc;
use moka::future::Cache;
use ring::{
    digest::{SHA256, digest},
    error::Unspecified,
    rand::{SecureRandom, SystemRandom},
};
use serde::Serialize;
use std::{sync::Arc, time::Duration};

/// How long a lookup is remembered. A revocation counts everywhere after this time; in the process that did it, at once.
const REMEMBERED: Duration = Duration::from_secs(5);
/// How often the time of the last use is written.
const USE_WRITTEN_EVERY: Duration = Duration::from_secs(60);
/// Lookups that are remembered, those of wrong tokens among them.
const MAX_REMEMBERED: u64 = 10_000;
/// Lets people, and programs that look for lost secrets, recognise a token.
const PREFIX: &str = "causeway_";
const BYTES: usize = 32;

/// A new token of 256 random bits.
pub(crate) fn generate() -> Result<String, Unspecified> {
    let mut bytes = [0; BYTES];
    SystemRandom::new().fill(&mut bytes)?;
    Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// What is stored of a token. None: it hasn't the form of a token, so that Postgres needn't be asked.
pub(crate) fn hash(token: &str) -> Option<TokenHash> {
    let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
    if bytes.len() != BYTES {
        return None;
    }
    digest(&SHA256, token.as_bytes()).as_ref().try_into().ok()
}

/// A new token: its record, and this once the token.
#[derive(Serialize)]
pub(crate) struct CreatedToken {
    #[serde(flatten)]
    pub(crate) record: Record<AccessToken>,
    /// What its holder sends as `Authorization: Bearer`.
    #[serde(rename = "Token")]
    pub(crate) token: String,
}

/// Makes a token and stores its hash. Fails when it would have expired already, its name is taken, or Postgres can't be reached.
pub(crate) async fn create(writer: &Writer, token: AccessToken) -> causeway_store::Result<CreatedToken> {
    if token.expires_at <= Utc::now() {
        let problem = "is over already; give a time to come";
        return Err(StoreError::invalid_field(Reason::InvalidField, "ExpiresAt", problem));
    }
    let secret = generate().map_err(|_| no_random_numbers())?;
    store(writer, token, secret).await
}

/// The same with a token that was made before. Fails also when it hasn't the form of one.
pub(crate) async fn store(writer: &Writer, token: AccessToken, secret: String) -> causeway_store::Result<CreatedToken> {
    let problem = "is no token: it begins with causeway_ and has 256 random bits";
    let hash = hash(&secret).ok_or_else(|| StoreError::invalid_field(Reason::InvalidField, "Token", problem))?;
    Ok(CreatedToken { record: writer.create_token(token, hash).await?, token: secret })
}

fn no_random_numbers() -> StoreError {
    StoreError::Inconsistent {
        table: AccessToken::TABLE,
        column: "token_hash",
        reason: "the operating system gave no random numbers".into(),
    }
}

/// Finds holders of tokens; remembers what was looked up lately.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    store: Store,
    holders: Cache<TokenHash, Option<TokenHolder>>,
    used: Cache<i64, ()>,
}

impl Tokens {
    pub(super) fn new(store: Store) -> Self {
        let holders = Cache::builder().max_capacity(MAX_REMEMBERED).time_to_live(REMEMBERED).build();
        let used = Cache::builder().max_capacity(MAX_REMEMBERED).time_to_live(USE_WRITTEN_EVERY).build();
        Self { store, holders, used }
    }

    /// The holder of a token; None: it is unknown, revoked or expired. Requests that ask at the same time ask Postgres once.
    pub(super) async fn holder(&self, token: &str) -> Result<Option<TokenHolder>, Arc<StoreError>> {
        let Some(hash) = hash(token) else { return Ok(None) };
        let found = self.holders.try_get_with(hash, self.store.token_holder(hash)).await?;
        let holder = found.filter(|holder| holder.expires_at > Utc::now());
        if let Some(holder) = &holder {
            self.write_use(holder.id).await;
        }
        Ok(holder)
    }

    /// Forgets what was looked up, after a revocation.
    pub(crate) fn forget(&self) {
        self.holders.invalidate_all();
    }

    /// Writes the time of use in a task of its own: the request doesn't wait for it.
    async fn write_use(&self, id: i64) {
        if self.used.contains_key(&id) {
            return;
        }
        self.used.insert(id, ()).await;
        let store = self.store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.token_used(id).await {
                tracing::warn!(token = id, %error, "the use of an access token could not be noted");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_only_their_form_is_looked_up() {
        let (one, other) = (generate().unwrap(), generate().unwrap());
        assert!(one != other && hash(&one) != hash(&other) && hash(&one).is_some());
        let short = &one[..one.len() - 4];
        for wrong in ["", "causeway_", "hunter2", short, &one.replace("causeway_", "")] {
            assert_eq!(hash(wrong), None, "{wrong}");
        }
    }
}
