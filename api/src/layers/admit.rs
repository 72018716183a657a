//! Authentication, rate limit and authorisation: lets a request pass if its caller has the role that the route asks for.
//!
//! The limit counts between authentication, which says whom to count, and everything that may refuse: what is answered with 403, 404 or 405
//! counts like what is done. What authentication itself refuses counts for the address.

use super::limit::RateLimiter;
use crate::{
    auth::{AuthFailure, Authenticator, cookie},
    route::{AccessTable, RouteAccess, is_page, kind_for_path},
    server::Peer,
    wire::envelope,
};
use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::Response,
};
use std::{collections::HashSet, sync::Arc};

/// Longest part of a foreign host name that is repeated, in characters.
const MAX_HOST: usize = 100;

/// How requests for pages of the dashboard are refused: with pages.
#[derive(Clone, Copy)]
pub struct PageRefusals {
    /// The page with a code and a sentence.
    pub refused: fn(StatusCode, &str) -> Response,
    /// The way to the page where one signs in. Takes method and URI of the request, the sentence, and whether a token was sent.
    pub sign_in: fn(&Method, &Uri, &str, bool) -> Response,
}

pub(super) struct Gate {
    pub(super) pages: PageRefusals,
    pub(super) authenticator: Authenticator,
    pub(super) access: AccessTable,
    pub(super) limiter: Option<RateLimiter>,
    /// Routes that the rate limit leaves out.
    pub(super) uncounted: HashSet<String>,
}

impl Gate {
    /// The refusal of an address that has asked too often. For callers who aren't known: whoever tries tokens is held to a rate as well.
    fn refuse_address(&self, kind: &str, peer: Option<&Peer>) -> Option<Response> {
        self.limiter.as_ref()?.refuse(kind, None, peer)
    }
}

/// Puts the caller into the request's extensions, or refuses the request.
pub(super) async fn admit(State(gate): State<Arc<Gate>>, mut request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let RouteAccess::Needs(needed) = gate.access.required(request.method(), path) else {
        return next.run(request).await;
    };
    let kind = kind_for_path(path);
    let page = is_page(request.uri().path());
    // A page is refused as a page.
    let refuse = |code: StatusCode, sentence: &str| match page {
        true => (gate.pages.refused)(code, sentence),
        false => envelope::error(kind, code, sentence),
    };
    let peer = request.extensions().get::<ConnectInfo<Peer>>().map(|ConnectInfo(peer)| peer);
    match gate.authenticator.authenticate(peer, request.uri(), request.headers()).await {
        Ok(caller) => {
            tracing::Span::current().record("caller", caller.name.as_str());
            let counted = !path.is_some_and(|path| gate.uncounted.contains(path));
            if let Some(limiter) = gate.limiter.as_ref().filter(|_| counted)
                && let Some(refused) = limiter.refuse(kind, Some(&caller), peer)
            {
                return refused;
            }
            if caller.role < needed {
                let sentence = format!(
                    "{} {} needs the role {needed}, and {} has the role {}",
                    request.method(),
                    request.uri().path(),
                    caller.name,
                    caller.role
                );
                return refuse(StatusCode::FORBIDDEN, &sentence);
            }
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(AuthFailure::Unproven(sentence)) => {
            if let Some(refused) = gate.refuse_address(kind, peer) {
                return refused;
            }
            if page {
                let had_token = cookie::token(request.headers()).is_some();
                return (gate.pages.sign_in)(request.method(), request.uri(), sentence, had_token);
            }
            let mut answer = envelope::error(kind, StatusCode::UNAUTHORIZED, sentence);
            let challenge = HeaderValue::from_static(r#"Bearer realm="causeway""#);
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            answer
        }
        Err(AuthFailure::ForeignHost(host)) => {
            if let Some(refused) = gate.refuse_address(kind, peer) {
                return refused;
            }
            let host = host.chars().take(MAX_HOST).collect::<String>();
            let sentence = format!(
                "without authentication only requests to localhost are answered, and this one is to `{}`; name localhost or 127.0.0.1, or start the API with --auth mtls or --auth tokens",
                host.escape_default()
            );
            refuse(StatusCode::FORBIDDEN, &sentence)
        }
        Err(AuthFailure::WithoutRole(sentence)) => {
            gate.refuse_address(kind, peer).unwrap_or_else(|| refuse(StatusCode::FORBIDDEN, &sentence))
        }
        Err(AuthFailure::Unavailable(fault)) => envelope::store_error(kind, &fault),
    }
}
