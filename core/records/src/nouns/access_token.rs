use super::Rules;
use crate::text::{Name, choice};
use causeway_records_derive::Noun;
use chrono::{DateTime, Utc};

choice! {
    /// What a caller of the API may do. Each role may do what those before it may.
    Role {
        /// Reads records; ciphertext is left out.
        Viewer = "viewer",
        /// Writes records too.
        Editor = "editor",
        /// Reads ciphertext, access tokens and audit events too, and makes and revokes access tokens.
        Admin = "admin",
    }
}

/// A bearer token that lets its holder use the API. The token itself stands only in the answer to the POST; what is stored is its hash.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "access-tokens")]
pub struct AccessToken {
    /// Unique among live tokens. The holder is called by it in logs and audit events.
    #[noun(required, example = "ci")]
    pub name: Name,
    /// What the holder may do.
    #[noun(required, example = "editor")]
    pub role: Role,
    /// From when on it is refused.
    #[noun(required, example = "2099-01-01T00:00:00Z")]
    pub expires_at: DateTime<Utc>,
    /// When it was last used, to a minute or so.
    #[noun(read_only)]
    pub last_used_at: Option<DateTime<Utc>>,
}
impl Rules for AccessToken {}
