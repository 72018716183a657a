//! Bearer tokens: made, and found again without asking Postgres each time.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use causeway_store::{
    Store, StoreError,
    tokens::{Holder, TokenHash},
};
use chrono::Utc;
use moka::future::Cache;
use ring::{
    digest::{SHA256, digest},
    error::Unspecified,
    rand::{SecureRandom, SystemRandom},
};
use std::{sync::Arc, time::Duration};

/// A revocation counts everywhere after this time; in the process that did it, at once.
pub const REMEMBERED: Duration = Duration::from_secs(5);
/// How often the time of the last use is written.
const NOTED_EVERY: Duration = Duration::from_secs(60);
/// Tokens that are remembered, wrong ones among them.
const MOST: u64 = 10_000;
/// Lets people, and programs that look for lost secrets, recognise a token.
const PREFIX: &str = "causeway_";
const BYTES: usize = 32;

/// A new token of 256 random bits.
///
/// # Errors
/// When the operating system gives no random numbers.
pub fn generate() -> Result<String, Unspecified> {
    let mut bytes = [0; BYTES];
    SystemRandom::new().fill(&mut bytes)?;
    Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// What is stored of a token. None: it has not the form of one, and nobody need be asked about it.
#[must_use]
pub fn hash(token: &str) -> Option<TokenHash> {
    let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
    if bytes.len() != BYTES {
        return None;
    }
    digest(&SHA256, token.as_bytes()).as_ref().try_into().ok()
}

/// Tokens that were looked up lately.
#[derive(Clone, Debug)]
pub struct Tokens {
    store: Store,
    known: Cache<TokenHash, Option<Holder>>,
    noted: Cache<i64, ()>,
}

impl Tokens {
    /// Of this store.
    #[must_use]
    pub fn new(store: Store) -> Self {
        let known = Cache::builder().max_capacity(MOST).time_to_live(REMEMBERED).build();
        let noted = Cache::builder().max_capacity(MOST).time_to_live(NOTED_EVERY).build();
        Self { store, known, noted }
    }

    /// The holder of a token; None: it is unknown, revoked or over. Requests that ask at the same time ask Postgres once.
    ///
    /// # Errors
    /// When Postgres can't be asked.
    pub async fn holder(&self, token: &str) -> Result<Option<Holder>, Arc<StoreError>> {
        let Some(hash) = hash(token) else { return Ok(None) };
        let found = self.known.try_get_with(hash, self.store.token_holder(hash)).await?;
        let holder = found.filter(|holder| holder.expires_at > Utc::now());
        if let Some(holder) = &holder {
            self.note(holder.id).await;
        }
        Ok(holder)
    }

    /// Forgets what was looked up: a token was revoked.
    pub fn forget(&self) {
        self.known.invalidate_all();
    }

    /// Notes the use beside the request, which doesn't wait for it.
    async fn note(&self, id: i64) {
        if self.noted.contains_key(&id) {
            return;
        }
        self.noted.insert(id, ()).await;
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
