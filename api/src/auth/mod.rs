//! Who asks, and what he may do.
//!
//! [`admit`] stands before every route: it finds the [`Caller`], compares his role with what the route asks for ([`access`]), and puts him into
//! the request's extensions. `docs/security.md` describes it for operators.

pub mod access;
pub mod certificate;
pub mod settings;
pub mod sight;
pub mod tokens;

pub use causeway_records::nouns::Role;

use self::{access::Access, certificate::Subject, settings::Settings, tokens::Tokens};
use crate::{app, envelope, limit::Limiter, tls::Peer};
use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State as Extract},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::Response,
};
use causeway_store::{Store, StoreError};
use chrono::Utc;
use std::sync::Arc;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The common name of a client certificate, the name of an access token, or `anonymous`.
    pub name: String,
    /// What he may do.
    pub role: Role,
}

impl Caller {
    /// Everybody, where nobody is asked who he is.
    #[must_use]
    pub fn anonymous() -> Self {
        Self { name: "anonymous".into(), role: Role::Admin }
    }
}

/// How callers are told apart.
#[derive(Clone, Debug)]
pub struct Auth {
    settings: Settings,
    /// Tokens that were looked up lately.
    pub tokens: Tokens,
}

/// Why nobody was found.
#[derive(Debug)]
enum Unknown {
    /// Neither token nor certificate was shown, or nothing that counts.
    Unproven(&'static str),
    /// It is clear who asks, and he has no role.
    WithoutRole(String),
    /// Postgres could not be asked.
    Unavailable(Arc<StoreError>),
}

impl Auth {
    /// As the settings say.
    #[must_use]
    pub fn new(settings: Settings, store: Store) -> Self {
        Self { settings, tokens: Tokens::new(store) }
    }

    /// A token counts before a certificate: who sends one means it.
    async fn caller(&self, peer: Option<&Peer>, headers: &HeaderMap) -> Result<Caller, Unknown> {
        if self.settings.open() {
            return Ok(Caller::anonymous());
        }
        if self.settings.tokens()
            && let Some(token) = bearer(headers)?
        {
            let holder = self.tokens.holder(token).await.map_err(Unknown::Unavailable)?;
            let holder = holder.ok_or(Unknown::Unproven("the access token is unknown, revoked or expired"))?;
            return Ok(Caller { name: holder.name, role: holder.role });
        }
        match peer.and_then(|peer| peer.certificate.as_ref()).filter(|_| self.settings.certificates()) {
            Some(Ok(subject)) => self.holder(subject),
            Some(Err(sentence)) => Err(Unknown::Unproven(sentence)),
            None => Err(Unknown::Unproven(self.settings.remedy())),
        }
    }

    fn holder(&self, subject: &Subject) -> Result<Caller, Unknown> {
        if subject.ends <= Utc::now() {
            return Err(Unknown::Unproven("the client certificate has expired since this connection was made"));
        }
        let role = subject.role.or(self.settings.client_default_role).ok_or_else(|| {
            Unknown::WithoutRole(format!(
                "the certificate of {} names no role; let its organization be causeway:viewer, causeway:editor or causeway:admin, or set --client-default-role",
                subject.name
            ))
        })?;
        Ok(Caller { name: subject.name.clone(), role })
    }
}

/// The bearer token of a request. Threeport's client sends an empty one beside its certificate, which counts as none.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Unknown> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let wrong = Unknown::Unproven("Authorization takes `Bearer` and an access token");
    let Ok(text) = value.to_str() else { return Err(wrong) };
    let (scheme, token) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    match (scheme.eq_ignore_ascii_case("bearer"), token.trim()) {
        (true, "") => Ok(None),
        (true, token) => Ok(Some(token)),
        _ => Err(wrong),
    }
}

/// What stands before every route.
pub(crate) struct Gate {
    pub(crate) auth: Auth,
    pub(crate) access: access::Table,
    pub(crate) limiter: Option<Arc<Limiter>>,
}

/// Lets those pass who have the role that the route asks for.
pub(crate) async fn admit(Extract(gate): Extract<Arc<Gate>>, mut request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let Access::Needs(needed) = gate.access.of(request.method(), path) else { return next.run(request).await };
    let kind = app::kind_of(path);
    let peer = request.extensions().get::<ConnectInfo<Peer>>().map(|ConnectInfo(peer)| peer);
    match gate.auth.caller(peer, request.headers()).await {
        Ok(caller) => {
            tracing::Span::current().record("caller", caller.name.as_str());
            if caller.role < needed {
                let sentence = format!(
                    "{} {} needs the role {needed}, and {} has the role {}",
                    request.method(),
                    request.uri().path(),
                    caller.name,
                    caller.role
                );
                return envelope::error(kind, StatusCode::FORBIDDEN, &sentence);
            }
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(Unknown::Unproven(sentence)) => {
            // Whoever tries tokens is held to a rate as well, by where he is.
            if let Some(limiter) = &gate.limiter
                && let Some(refused) = limiter.refuse(kind, None, peer)
            {
                return refused;
            }
            let mut answer = envelope::error(kind, StatusCode::UNAUTHORIZED, sentence);
            let challenge = HeaderValue::from_static(r#"Bearer realm="causeway""#);
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            answer
        }
        Err(Unknown::WithoutRole(sentence)) => envelope::error(kind, StatusCode::FORBIDDEN, &sentence),
        Err(Unknown::Unavailable(fault)) => envelope::store_error(kind, &fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
