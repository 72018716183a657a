//! On whose behalf a request changes records.

use crate::auth::Caller;
use axum::{
    Extension,
    extract::{FromRef, FromRequestParts, rejection::ExtensionRejection},
    http::{HeaderMap, HeaderName, HeaderValue, request::Parts},
};
use causeway_store::{Origin, Store, Writer};

/// Header with the id of a request: the client's, or made by the API.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id that is kept, in bytes.
const MAX_ID: usize = 128;

/// The beginning of an id that is too long; None: it isn't.
pub(crate) fn cut_request_id(id: &HeaderValue) -> Option<HeaderValue> {
    HeaderValue::from_bytes(id.as_bytes().get(..MAX_ID)?).ok()
}

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
        let origin = Origin { caller: caller.name, request_id: request_id(&parts.headers) };
        // The layers have entered the span of the request.
        Ok(Self(Store::from_ref(state).on_behalf_of(origin).in_trace(causeway_telemetry::traceparent())))
    }
}

/// The layers have cut it already.
fn request_id(headers: &HeaderMap) -> Option<String> {
    Some(headers.get(REQUEST_ID)?.to_str().ok()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_request_is_cut() {
        let id = |length: usize| HeaderValue::try_from("a".repeat(length)).unwrap();
        assert_eq!(cut_request_id(&id(3)), None);
        assert_eq!(cut_request_id(&id(MAX_ID)), Some(id(MAX_ID)));
        assert_eq!(cut_request_id(&id(1000)), Some(id(MAX_ID)));
        assert_eq!(request_id(&HeaderMap::new()), None);
        assert_eq!(request_id(&HeaderMap::from_iter([(REQUEST_ID, id(3))])).unwrap(), "aaa");
    }
}
