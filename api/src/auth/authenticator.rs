//! Finds the caller of a request: by access token, by client certificate, or nobody needs to say.

use super::{Caller, cookie, host::foreign_host, tokens::Tokens};
use crate::{config::SecuritySettings, route::is_page, server::Peer, tls::Subject};
use axum::http::{HeaderMap, Uri, header};
use causeway_store::{Store, StoreError};
use chrono::Utc;
use std::sync::Arc;

/// Finds the caller of a request.
#[derive(Clone, Debug)]
pub struct Authenticator {
    settings: SecuritySettings,
    pub(crate) tokens: Tokens,
}

/// Why there is no caller.
#[derive(Debug)]
pub(crate) enum AuthFailure {
    /// Neither token nor certificate was shown, or nothing that counts.
    Unproven(&'static str),
    /// There is no authentication, and the request names another host than this machine's loopback.
    ForeignHost(String),
    /// The caller is known and has no role.
    WithoutRole(String),
    /// Postgres could not be asked.
    Unavailable(Arc<StoreError>),
}

impl Authenticator {
    /// `store` holds the access tokens.
    #[must_use]
    pub fn new(settings: SecuritySettings, store: Store) -> Self {
        Self { settings, tokens: Tokens::new(store) }
    }

    /// Nobody needs to say who they are.
    pub(crate) fn is_open(&self) -> bool {
        self.settings.is_open()
    }

    /// Access tokens count.
    pub(crate) fn takes_tokens(&self) -> bool {
        self.settings.takes_tokens()
    }

    /// A token counts before a certificate: a caller that sends one means it.
    pub(crate) async fn authenticate(
        &self,
        peer: Option<&Peer>,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<Caller, AuthFailure> {
        if self.settings.is_open() {
            return foreign_host(uri, headers)
                .map_or(Ok(Caller::anonymous()), |host| Err(AuthFailure::ForeignHost(host)));
        }
        if self.settings.takes_tokens()
            && let Some(token) = bearer(headers)?.or_else(|| page_token(uri, headers))
        {
            let holder = self.tokens.holder(token).await.map_err(AuthFailure::Unavailable)?;
            let holder = holder.ok_or(AuthFailure::Unproven("the access token is unknown, revoked or expired"))?;
            return Ok(Caller { name: holder.name, role: holder.role });
        }
        match peer.and_then(|peer| peer.certificate.as_ref()).filter(|_| self.settings.takes_certificates()) {
            Some(Ok(subject)) => self.certificate_holder(subject),
            Some(Err(sentence)) => Err(AuthFailure::Unproven(sentence)),
            None => Err(AuthFailure::Unproven(self.settings.remedy())),
        }
    }

    fn certificate_holder(&self, subject: &Subject) -> Result<Caller, AuthFailure> {
        if subject.ends <= Utc::now() {
            return Err(AuthFailure::Unproven("the client certificate has expired since this connection was made"));
        }
        let role = subject.role.or(self.settings.client_default_role).ok_or_else(|| {
            AuthFailure::WithoutRole(format!(
                "the certificate of {} names no role; let its organization be causeway:viewer, causeway:editor or causeway:admin, or set --client-default-role",
                subject.name
            ))
        })?;
        Ok(Caller { name: subject.name.clone(), role })
    }
}

/// The token that the pages keep in a cookie. It counts for pages only: what a program sends, it says itself.
fn page_token<'h>(uri: &Uri, headers: &'h HeaderMap) -> Option<&'h str> {
    if is_page(uri.path()) { cookie::token(headers) } else { None }
}

/// The bearer token of a request. Threeport's client sends an empty one beside its certificate, which counts as none.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, AuthFailure> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let wrong = AuthFailure::Unproven("Authorization takes `Bearer` and an access token");
    let Ok(text) = value.to_str() else { return Err(wrong) };
    let (scheme, token) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    match (scheme.eq_ignore_ascii_case("bearer"), token.trim()) {
        (true, "") => Ok(None),
        (true, token) => Ok(Some(token)),
        _ => Err(wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn token(value: &str) -> Result<Option<String>, ()> {
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap())]);
        bearer(&headers).map(|token| token.map(str::to_owned)).map_err(|_| ())
    }

    #[test]
    fn an_empty_token_is_none() {
        assert_eq!(bearer(&HeaderMap::new()).unwrap(), None);
        assert_eq!(token("Bearer "), Ok(None));
        assert_eq!(token("Bearer"), Ok(None));
        assert_eq!(token("bearer  abc"), Ok(Some("abc".into())));
        assert_eq!(token("Basic abc"), Err(()));
    }
}
