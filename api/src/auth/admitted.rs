//! A caller who was let in, beside an answer that goes on for hours.

use super::{AuthFailure, Authenticator};
use crate::server::Peer;
use axum::http::{HeaderMap, Uri, header};

/// What a caller has shown.
#[derive(Clone, Debug)]
pub(crate) struct Admitted {
    authenticator: Authenticator,
    peer: Option<Peer>,
    uri: Uri,
    headers: HeaderMap,
}

impl Admitted {
    /// Of a request that was let in.
    pub(crate) fn new(authenticator: Authenticator, peer: Option<Peer>, uri: Uri, headers: &HeaderMap) -> Self {
        let shown = [header::AUTHORIZATION, header::HOST, header::COOKIE];
        let shown = shown.into_iter().filter_map(|name| headers.get(&name).cloned().map(|value| (name, value)));
        Self { authenticator, peer, uri, headers: shown.collect() }
    }

    /// Whether the caller would be let in again: a token may be revoked, and it ends, and so does a certificate. While nobody can say, yes.
    pub(crate) async fn still_counts(&self) -> bool {
        let again = self.authenticator.authenticate(self.peer.as_ref(), &self.uri, &self.headers).await;
        matches!(again, Ok(_) | Err(AuthFailure::Unavailable(_)))
    }
}
