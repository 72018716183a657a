//! Who is attached to a shared gateway, and what lets it.

use super::overview::{limit, many};
use crate::{
    route::Routes,
    state::ApiState,
    wire::{
        envelope,
        query::{QueryPairs, after, parse_id},
    },
};
use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use causeway_records::nouns::Role;

/// `Type` of the answer.
pub(crate) const ATTACHMENT: &str = "GatewayAttachment";

pub(crate) fn routes() -> Routes<ApiState> {
    Routes::default().get("/v0/shared-gateways/{id}/attachments", Role::Viewer, list)
}

async fn list(State(state): State<ApiState>, Path(id): Path<String>, Query(pairs): Query<QueryPairs>) -> Response {
    let found = async {
        let (limit, after) = (limit(&pairs)?, after(&pairs)?.unwrap_or(0));
        Ok((limit, state.store.attachments(parse_id(&id)?, after, limit).await?))
    };
    match found.await {
        Ok((limit, found)) => many(ATTACHMENT, limit, &found, found.last().map(|last| last.gateway_instance_id)),
        Err(error) => envelope::store_error(ATTACHMENT, &error),
    }
}
