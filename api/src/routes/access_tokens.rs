//! Access tokens: for admins. The token itself is in the answer to the POST and nowhere else.

use super::records;
use crate::{
    auth::{Caller, tokens},
    route::Routes,
    state::ApiState,
    wire::{
        body::{Author, MergeBase, merge},
        documents::Body,
        envelope,
        origin::RequestWriter,
        plan::PlanRequest,
    },
};
use axum::{
    Extension,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use causeway_records::{
    Record,
    noun::Noun,
    nouns::{AccessToken, Role},
};

/// Making, reading and revoking. A token never changes: make another.
pub(crate) fn routes() -> Routes<ApiState> {
    Routes::default()
        .get("/v0/access-tokens", Role::Admin, records::list::<AccessToken>)
        .post("/v0/access-tokens", Role::Admin, create)
        .get("/v0/access-tokens/{id}", Role::Admin, records::read::<AccessToken>)
        .delete("/v0/access-tokens/{id}", Role::Admin, revoke)
        .get("/access-tokens/versions", Role::Admin, records::versions::<AccessToken>)
}

async fn create(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    RequestWriter(writer): RequestWriter,
    body: Bytes,
) -> Response {
    let made = async {
        let mut record = Record::<AccessToken>::default();
        let author = Author { role: caller.role, keys: state.keys.clone() };
        merge(&mut record, &Body::plain(&body), MergeBase::New, &author)?;
        tokens::create(&writer, record.spec).await
    };
    match made.await {
        Ok(made) => records::uncached(envelope::one(AccessToken::KIND.as_str(), StatusCode::CREATED, made)),
        Err(error) => envelope::store_error(AccessToken::KIND.as_str(), &error),
    }
}

/// Revokes a token: here at once, in other processes when they ask Postgres again.
async fn revoke(
    state: State<ApiState>,
    caller: Extension<Caller>,
    writer: RequestWriter,
    id: Path<String>,
    headers: HeaderMap,
) -> Response {
    let tokens = state.authenticator.tokens.clone();
    let answer = records::delete::<AccessToken>(state, caller, writer, id, headers, PlanRequest::default()).await;
    tokens.forget();
    answer
}
