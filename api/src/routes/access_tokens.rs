//! Access tokens: for admins. The token itself stands in the answer to the POST and nowhere else.

use super::records;
use crate::{
    auth::{Caller, Role, access::Routes, tokens},
    body::{Over, lay},
    envelope,
    origin::Writes,
    state::State,
};
use axum::{
    Extension,
    body::Bytes,
    extract::{Path, State as Extract},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use causeway_records::{Record, field::Noun, nouns::AccessToken, problem::Reason};
use causeway_store::{Result, StoreError, Writer};
use chrono::Utc;
use serde::Serialize;

/// Making, reading and revoking. A token never changes: make another.
pub fn routes() -> Routes {
    Routes::default()
        .get("/v0/access-tokens", Role::Admin, records::list::<AccessToken>)
        .post("/v0/access-tokens", Role::Admin, create)
        .get("/v0/access-tokens/{id}", Role::Admin, records::read::<AccessToken>)
        .delete("/v0/access-tokens/{id}", Role::Admin, revoke)
        .get("/access-tokens/versions", Role::Admin, records::versions::<AccessToken>)
}

/// A new token: its record, and this once the token.
#[derive(Serialize)]
pub struct Made {
    /// What is stored.
    #[serde(flatten)]
    pub record: Record<AccessToken>,
    /// What its holder sends as `Authorization: Bearer`.
    #[serde(rename = "Token")]
    pub token: String,
}

async fn create(Extract(state): Extract<State>, Writes(writer): Writes, body: Bytes) -> Response {
    let made = async {
        let mut record = Record::<AccessToken>::default();
        lay(&mut record, &body, Over::Nothing, &state.keys)?;
        make(&writer, record.spec).await
    };
    match made.await {
        Ok(made) => {
            // Neither a browser nor a proxy may keep the token.
            let headers = [(header::CACHE_CONTROL, "no-store")];
            (headers, envelope::one(AccessToken::KIND.as_str(), StatusCode::CREATED, made)).into_response()
        }
        Err(error) => envelope::store_error(AccessToken::KIND.as_str(), &error),
    }
}

/// Makes a token and puts it on record.
///
/// # Errors
/// When it would be over already, its name is taken, or Postgres can't be reached.
pub async fn make(writer: &Writer, token: AccessToken) -> Result<Made> {
    if token.expires_at <= Utc::now() {
        let problem = "is over already; give a time to come";
        return Err(StoreError::invalid_field(Reason::InvalidField, "ExpiresAt", problem));
    }
    let secret = tokens::generate().map_err(|_| no_random_numbers())?;
    let hash = tokens::hash(&secret).ok_or_else(no_random_numbers)?;
    Ok(Made { record: writer.create_token(token, hash).await?, token: secret })
}

fn no_random_numbers() -> StoreError {
    StoreError::Inconsistent {
        table: AccessToken::TABLE,
        column: "token_hash",
        reason: "the operating system gave no random numbers".into(),
    }
}

/// Revokes a token: here at once, in other processes when they ask Postgres again.
async fn revoke(
    state: Extract<State>,
    caller: Extension<Caller>,
    writes: Writes,
    id: Path<String>,
    headers: HeaderMap,
) -> Response {
    let tokens = state.auth.tokens.clone();
    let answer = records::delete::<AccessToken>(state, caller, writes, id, headers).await;
    tokens.forget();
    answer
}
