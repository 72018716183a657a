//! Access tokens: made, found by their hash, marked as used. Lists and revocation are those of every noun.

use crate::{
    Store, Writer, audit,
    error::{Result, StoreError},
    row, selects,
    statement::Statement,
    writes::run_to_completion,
};
use causeway_records::{
    Record,
    noun::Noun,
    nouns::{AccessToken, Action, Changes, Role},
};
use chrono::{DateTime, Utc};

/// SHA-256 of a token. A token has 256 random bits, so nobody can find it by trying, and a slow hash would gain nothing.
pub type TokenHash = [u8; 32];

/// The holder of a live token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHolder {
    pub id: i64,
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// The token counts before this time.
    pub expires_at: DateTime<Utc>,
}

impl Writer {
    /// Puts a token on record.
    pub async fn create_token(&self, token: AccessToken, hash: TokenHash) -> Result<Record<AccessToken>> {
        let writer = self.clone();
        run_to_completion(async move {
            let mut statement =
                Statement::new("WITH t AS (INSERT INTO access_tokens(name, role, expires_at, token_hash) VALUES (");
            statement.bind(token.name.to_string())?.push(", ").bind(token.role.as_str())?.push(", ");
            statement.bind(token.expires_at)?.push(", ").bind(hash.to_vec())?.push(") RETURNING *)");
            let changes = Changes::between(None, &token);
            let changed = audit::Changed { action: Action::Create, changes: &changes, children: &[] };
            audit::event(&mut statement, &AccessToken::INFO, &writer.origin, &changed)?;
            statement.push(&format!(" SELECT {} FROM t", selects::for_noun(&AccessToken::INFO).columns));
            row::record(&statement.query().fetch_one(&writer.store.pool).await?)
        })
        .await
    }
}

impl Store {
    /// The holder of the token with this hash; None: there is none, or it is revoked or over.
    pub async fn token_holder(&self, hash: TokenHash) -> Result<Option<TokenHolder>> {
        let found = sqlx::query!(
            "SELECT id, name, role, expires_at FROM access_tokens WHERE token_hash = $1 AND deleted_at IS NULL AND expires_at > now()",
            &hash[..]
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(found) = found else { return Ok(None) };
        let role = found.role.parse();
        let role =
            role.map_err(|reason| StoreError::Inconsistent { table: "access_tokens", column: "role", reason })?;
        Ok(Some(TokenHolder { id: found.id, name: found.name, role, expires_at: found.expires_at }))
    }

    /// Whether a token with this hash was ever stored, also when it is revoked or over.
    pub async fn has_token(&self, hash: TokenHash) -> Result<bool> {
        let found = sqlx::query_scalar!("SELECT id FROM access_tokens WHERE token_hash = $1", &hash[..]);
        Ok(found.fetch_optional(&self.pool).await?.is_some())
    }

    /// Notes that a token is in use, at most once a minute.
    pub async fn token_used(&self, id: i64) -> Result<()> {
        sqlx::query!(
            "UPDATE access_tokens SET last_used_at = now()
             WHERE id = $1 AND deleted_at IS NULL AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')",
            id
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
