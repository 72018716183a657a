//! On whose behalf a request changes records.

use crate::auth::Caller;
use axum::{
    Extension,
    extract::{FromRef, FromRequestParts, rejection::ExtensionRejection},
    http::{HeaderMap, HeaderName, request::Parts},
};
use causeway_store::{Origin, Store, Writer};

/// Header with the id of a request: the client's, or made by the API.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id that is kept, in characters.
const MAX_ID: usize = 128;

/// The store for the caller of this request. A handler that changes records takes it, and can't do so otherwise.
#[derive(Clone, Debug)]
pub(crate) struct RequestWriter(pub(crate) Writer);

impl<S: Send + Sync> FromRequestParts<S> for RequestWriter
where
    Store: FromRef<S>,
{
    type Rejection = ExtensionRejection;

    // Every request that gets as far as a handler has a caller; a rejection would be a mistake of ours.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ExtensionRejection> {
        let Extension(caller) = Extension::<Caller>::from_request_parts(parts, state).await?;
        Ok(Self(
            Store::from_ref(state).on_behalf_of(Origin { caller: caller.name, request_id: request_id(&parts.headers) }),
        ))
    }
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    Some(id.chars().take(MAX_ID).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_request_is_cut() {
        assert_eq!(request_id(&HeaderMap::new()), None);
        let headers = HeaderMap::from_iter([(REQUEST_ID, "a".repeat(1000).parse().unwrap())]);
        assert_eq!(request_id(&headers).unwrap().len(), MAX_ID);
    }
}
