//! Signing in with an access token. A browser can't send a token along with a page, so the token is kept in a cookie that only this host gets, only
//! over TLS (or on this machine itself), only from our own pages, and that no script reads. It is the token itself, so it ends with the token and
//! nothing has to be kept here.

use super::layout::{Page, refusal};
use crate::{
    auth::cookie,
    route::{RouteAccess, Routes},
    state::ApiState,
};
use axum::{
    Form,
    extract::{FromRequestParts, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use maud::html;
use serde::Deserialize;

/// Longer texts are no tokens of ours.
const LONGEST: usize = 128;

pub(super) fn routes() -> Routes<ApiState> {
    Routes::default().get("/ui/login", RouteAccess::Open, show).post("/ui/login", RouteAccess::Open, sign_in).post(
        "/ui/logout",
        RouteAccess::Open,
        sign_out,
    )
}

/// A request that only a page of ours can have sent. A browser says itself where a request comes from; one that is too old for that names the origin.
pub(super) struct SameOrigin;

impl<S: Send + Sync> FromRequestParts<S> for SameOrigin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        if is_same_origin(&parts.headers) {
            return Ok(Self);
        }
        let sentence =
            "this was not sent by a page of Causeway, so nothing was done; open the page again and use its button";
        Err(refusal(StatusCode::FORBIDDEN, sentence))
    }
}

fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    match (text(header::HeaderName::from_static("sec-fetch-site")), text(header::ORIGIN), text(header::HOST)) {
        (Some(site), ..) => site == "same-origin",
        (None, Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, named)| named == host),
        _ => false,
    }
}

#[derive(Deserialize)]
struct Login {
    /// Where to go then.
    #[serde(default)]
    next: String,
    /// The token was no good.
    #[serde(default)]
    refused: bool,
}

async fn show(State(state): State<ApiState>, headers: HeaderMap, Query(login): Query<Login>) -> Response {
    if !state.authenticator.takes_tokens() {
        return match state.authenticator.is_open() {
            true => Redirect::to("/ui").into_response(),
            false => refusal(
                StatusCode::UNAUTHORIZED,
                "this server takes client certificates only: install one in the browser, with its key, and open the page again",
            ),
        };
    }
    let body = html! {
        h1 { "Sign in" }
        form class="sheet form" method="post" action={"/ui/login?next=" (super::parts::escaped(&login.next))} {
            @if login.refused { p class="fails" role="alert" { "This token is unknown, revoked or expired." } }
            p { "An access token lets you read, and with the role editor or admin also act. An admin makes one with "
                code { "POST /v0/access-tokens" } " or " code { "causeway-api token" } "." }
            label for="token" { "Access token" }
            input id="token" name="token" type="password" autocomplete="off" required autofocus maxlength=(LONGEST);
            button class="button main" { "Sign in" }
        }
    };
    let mut answer = Page::for_anybody("Sign in", body).response(StatusCode::OK);
    // One that was refused has no further use.
    if cookie::token(&headers).is_some() {
        answer.headers_mut().insert(header::SET_COOKIE, ended());
    }
    answer
}

#[derive(Deserialize)]
struct Token {
    token: String,
}

/// Keeps the token; the page that follows finds out what it is good for, as every request does, held to a rate.
async fn sign_in(_: SameOrigin, Query(login): Query<Login>, Form(form): Form<Token>) -> Response {
    let token = form.token.trim();
    let is_plain = !token.is_empty()
        && token.len() <= LONGEST
        && token.bytes().all(|byte| byte.is_ascii_graphic() && !b";,\"\\".contains(&byte));
    let kept = HeaderValue::try_from(format!("{}={token}; Path=/; HttpOnly; Secure; SameSite=Strict", cookie::NAME));
    match kept {
        Ok(cookie) if is_plain => ([(header::SET_COOKIE, cookie)], Redirect::to(own_page(&login.next))).into_response(),
        _ => Redirect::to("/ui/login?refused=true").into_response(),
    }
}

async fn sign_out(_: SameOrigin) -> Response {
    ([(header::SET_COOKIE, ended())], Redirect::to("/ui/login")).into_response()
}

fn ended() -> HeaderValue {
    HeaderValue::from_static("__Host-causeway=; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=0")
}

/// Nobody is sent to another site by a link.
fn own_page(next: &str) -> &str {
    let is_own =
        (next == "/ui" || next.starts_with("/ui/") || next.starts_with("/ui?")) && !next.contains(['\\', '\r', '\n']);
    if is_own && HeaderValue::from_str(next).is_ok() { next } else { "/ui" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &'static str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn what_other_sites_send_is_refused() {
        assert!(is_same_origin(&headers(&[("sec-fetch-site", "same-origin")])));
        for site in ["cross-site", "same-site", "none"] {
            let sent = [("sec-fetch-site", site), ("origin", "https://a"), ("host", "a")];
            assert!(
                !is_same_origin(
                    &sent
                        .iter()
                        .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
                        .collect()
                ),
                "{site}"
            );
        }
        assert!(is_same_origin(&headers(&[("origin", "https://a:1323"), ("host", "a:1323")])));
        assert!(!is_same_origin(&headers(&[("origin", "https://evil"), ("host", "a:1323")])));
        assert!(!is_same_origin(&headers(&[("host", "a:1323")])), "a browser names its origin with a POST");
    }

    #[test]
    fn a_link_leads_to_no_other_site() {
        assert_eq!(own_page("/ui/gateway-instances/7?a=b"), "/ui/gateway-instances/7?a=b");
        for next in ["https://evil", "//evil", "/uievil", "/ui/\\evil", "", "/v0/gateway-instances"] {
            assert_eq!(own_page(next), "/ui", "{next}");
        }
    }
}
