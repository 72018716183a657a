//! What surrounds every page: the bar, the search box, the same from a terminal, and the headers of the answer.

use super::{
    assets,
    live::{self, Follows},
    parts,
    same::Same,
};
use crate::{
    auth::{Caller, cookie},
    state::ApiState,
    wire::envelope::code_of,
};
use axum::{
    Extension,
    extract::{FromRequestParts, rejection::ExtensionRejection},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use causeway_records::watch::Cursor;
use causeway_store::StoreError;
use chrono::{DateTime, Utc};
use maud::{DOCTYPE, Markup, html};

/// Nothing comes from another host, and nobody shows a page in a frame.
pub(super) const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
     frame-ancestors 'none'; base-uri 'none'",
);
/// Pages hold what the caller may read, as it is now.
const NOT_KEPT: HeaderValue = HeaderValue::from_static("no-store");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("same-origin");

/// The chapters, in the order of use.
const CHAPTERS: [(&str, &str); 9] = [
    ("/ui", "Fleet"),
    ("/ui/gateway-instances", "Gateways"),
    ("/ui/domain-name-instances", "Domains"),
    ("/ui/shared-gateways", "Shared gateways"),
    ("/ui/certificates", "Certificates"),
    ("/ui/support-services", "Services"),
    ("/ui/webhooks", "Webhooks"),
    ("/ui/events", "Events"),
    ("/ui/audit", "Audit"),
];

/// Who looks at a page, and when.
pub(super) struct Visit {
    pub(super) caller: Caller,
    /// They can sign out.
    by_cookie: bool,
    /// By this machine's clock, for "14 min ago".
    pub(super) now: DateTime<Utc>,
    /// Everything up to here is on the page; None: nobody could say.
    pub(super) seen: Option<Cursor>,
    /// Its path and query.
    address: String,
}

impl FromRequestParts<ApiState> for Visit {
    type Rejection = ExtensionRejection;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ExtensionRejection> {
        let Extension(caller) = Extension::<Caller>::from_request_parts(parts, state).await?;
        Ok(Self {
            caller,
            by_cookie: cookie::token(&parts.headers).is_some(),
            now: Utc::now(),
            // Before the page reads anything.
            seen: state.watch.position().await.ok(),
            address: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        })
    }
}

/// What is in the frame that all pages have.
pub(super) struct Page<'a> {
    /// Whom it is for; None: nobody has signed in.
    pub(super) visit: Option<&'a Visit>,
    pub(super) title: &'a str,
    /// The path of its chapter.
    pub(super) chapter: &'a str,
    /// What was searched for.
    pub(super) search: &'a str,
    pub(super) body: Markup,
    /// After what it is read anew.
    pub(super) follows: Option<Follows>,
    /// The commands that tell or do the same.
    pub(super) same: Same,
}

impl<'a> Page<'a> {
    /// A page of a chapter, with the commands that tell or do the same.
    pub(super) fn new(visit: &'a Visit, chapter: &'a str, title: &'a str, body: Markup, same: Same) -> Self {
        Self { visit: Some(visit), title, chapter, search: "", body, follows: None, same }
    }

    /// A page for somebody who hasn't signed in.
    pub(super) fn for_anybody(title: &'a str, body: Markup) -> Self {
        Self { visit: None, title, chapter: "", search: "", body, follows: None, same: Same::default() }
    }

    /// It changes by itself when something happens.
    pub(super) fn following(mut self, follows: Follows) -> Self {
        self.follows = Some(follows);
        self
    }

    pub(super) fn response(self, code: StatusCode) -> Response {
        let page = self.markup().into_string();
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::CACHE_CONTROL, NOT_KEPT),
            (header::REFERRER_POLICY, NO_REFERRER),
        ];
        (code, headers, page).into_response()
    }

    fn markup(self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" data-now=(Utc::now().to_rfc3339()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " · Causeway" }
                    link rel="stylesheet" href=(assets::style());
                    meta name="htmx-config" content=(live::SETTINGS);
                    script src=(assets::script()) defer {}
                    link rel="icon" href=(assets::icon()) type="image/svg+xml";
                }
                body {
                    (parts::sprite())
                    a class="skip" href="#main" { "Skip to the page" }
                    (self.bar())
                    @if let (Some(visit), Some(follows)) = (self.visit, &self.follows) { (live::stream(visit, follows)) }
                    @let anew = self.visit.filter(|_| self.follows.is_some()).map(|visit| visit.address.as_str());
                    main id="main" tabindex="-1" hx-get=[anew] hx-trigger=[anew.map(|_| "news from:#live")] hx-select=[anew.map(|_| "#main")]
                        hx-swap=[anew.map(|_| "outerMorph")] hx-sync=[anew.map(|_| "queue last")] {
                        (self.body)
                        // Nothing for those who have not signed in.
                        @if self.visit.is_some() {
                            details class="same" {
                                summary { "The same from a terminal" }
                                pre tabindex="0" role="region" aria-label="Commands" { @for line in self.same.lines() { (line) "\n" } }
                            }
                        }
                    }
                }
            }
        }
    }

    fn bar(&self) -> Markup {
        html! {
            header class="bar" {
                a class="brand" href="/ui" { (parts::icon("bridge")) "Causeway" }
                @if let Some(Visit { caller, by_cookie, .. }) = self.visit {
                    nav aria-label="Chapters" {
                        @for (path, name) in CHAPTERS {
                            a href=(path) aria-current=[(path == self.chapter).then_some("page")] { (name) }
                        }
                    }
                    form class="find" role="search" action="/ui/search" {
                        input name="q" type="search" value=(self.search) maxlength="253" required
                            aria-label="Search hostnames, names, ids, addresses" placeholder="Hostname, name, id";
                    }
                    div class="who" {
                        @if self.follows.is_some() { span class="follows" id="follows" hidden { span class="dot" aria-hidden="true" {} "Live" } }
                        span { (caller.name) " · " (caller.role) }
                        @if *by_cookie { form method="post" action="/ui/logout" { button class="plain" { "Sign out" } } }
                    }
                }
            }
        }
    }
}

/// Why there is no page.
#[derive(Debug)]
pub(super) struct Failure(pub(super) StoreError);

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let code = code_of(&self.0);
        if code.is_server_error() {
            tracing::error!(error = %self.0, "a page could not be read");
        }
        refusal(code, &self.0.to_string())
    }
}

/// A page that says why there is no other.
pub(crate) fn refusal(code: StatusCode, sentence: &str) -> Response {
    let title = code.canonical_reason().unwrap_or("Refused");
    let body = html! {
        h1 { (title) }
        p { (sentence) }
        p { a href="/ui" { "Fleet" } }
    };
    Page::for_anybody(title, body).response(code)
}

/// What a handler answers.
pub(super) type Answer = Result<Response, Failure>;

/// A link to the next page of a list.
pub(super) fn next_page(href: Option<String>, begins_anew: bool) -> Markup {
    html! {
        @if href.is_some() || begins_anew {
            nav class="pages" aria-label="Pages" {
                @if begins_anew { a class="button" href="?" { "First page" } }
                @if let Some(href) = href { a class="button" href=(href) rel="next" { "Next page" } }
            }
        }
    }
}
