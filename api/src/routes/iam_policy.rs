//! What AWS has to allow for a domain.

use crate::{
    route::Routes,
    state::ApiState,
    wire::{
        envelope,
        query::{QueryPairs, invalid, parse_id, value},
    },
};
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::Response,
};
use causeway_records::nouns::{AwsAccount, DomainNameDefinition, Role};
use causeway_rules::iam_policy::{AwsCaller, iam_policy};
use causeway_store::Result;

/// `Type` of the answer.
pub(crate) const IAM_POLICY: &str = "IamPolicy";

pub(crate) fn routes() -> Routes<ApiState> {
    Routes::default().get("/v0/domain-name-definitions/{id}/iam-policy", Role::Viewer, read)
}

async fn read(State(state): State<ApiState>, Path(id): Path<String>, Query(pairs): Query<QueryPairs>) -> Response {
    let policy = async {
        let only = only(&pairs)?;
        let domain = state.store.get::<DomainNameDefinition>(parse_id(&id)?).await?.spec;
        let region = match domain.aws_account_id {
            Some(account) => state.store.get::<AwsAccount>(account).await?.spec.default_region,
            None => String::new(),
        };
        Ok(iam_policy(&domain, &region, only))
    };
    match policy.await {
        Ok(policy) => envelope::one(IAM_POLICY, StatusCode::OK, &policy),
        Err(error) => envelope::store_error(IAM_POLICY, &error),
    }
}

fn only(pairs: &QueryPairs) -> Result<Option<AwsCaller>> {
    let read = |text: &str| text.parse().map_err(|problem: String| invalid("for", problem));
    value(pairs, "for").map(read).transpose()
}
