//! For whom a request changes records.

use crate::{auth::Caller, state::State};
use axum::{
    Extension,
    extract::{FromRequestParts, rejection::ExtensionRejection},
    http::{HeaderMap, HeaderName, request::Parts},
};
use causeway_store::{Origin, Writer};

/// The id of a request: the client's, or made up by the API.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest one that is kept, in characters.
const LONGEST: usize = 128;

/// The store for whoever sent the request. A handler that changes records takes it, and can't do so otherwise.
#[derive(Clone, Debug)]
pub struct Writes(pub Writer);

impl FromRequestParts<State> for Writes {
    type Rejection = ExtensionRejection;

    // Every request that gets as far as a handler has a caller; a rejection would be a mistake of ours.
    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, ExtensionRejection> {
        let Extension(caller) = Extension::<Caller>::from_request_parts(parts, state).await?;
        Ok(Self(state.store.on_behalf_of(Origin { caller: caller.name, request_id: request_id(&parts.headers) })))
    }
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    Some(id.chars().take(LONGEST).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_request_is_cut() {
        assert_eq!(request_id(&HeaderMap::new()), None);
        let headers = HeaderMap::from_iter([(REQUEST_ID, "a".repeat(1000).parse().unwrap())]);
        assert_eq!(request_id(&headers).unwrap().len(), LONGEST);
    }
}
