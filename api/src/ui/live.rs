//! Pages that follow what happens: a page that was told of news asks for itself again, and what differs is changed in place.
//!
//! The server says that something happened, never what: a page has one way to be made, and a browser that missed something misses nothing. The scripts
//! are htmx and its extension for server-sent events, as they were published ([`super::assets`]), and few lines of our own for what they don't do.

use super::layout::Visit;
use crate::{
    routes::watch::{WatchRequest, answer},
    state::ApiState,
    watch::{Sendings, StreamFormat},
};
use axum::{body::Body, extract::State, response::Response};
use maud::{Markup, html};

/// No page is kept, and one that can't be had now leaves what is shown. What is gone is shown as gone. What a person has opened stays open.
pub(super) const SETTINGS: &str = r#"{"history":false,"includeIndicatorCSS":false,"noSwap":[204,304,"400","401","403","409","412","429","5xx"],"morphIgnore":["data-htmx-powered","open"]}"#;

/// Whose deliveries a page shows: the id of a webhook, or all.
const DELIVERIES: &str = "deliveries";
/// What was on it of them.
const MARK: &str = "mark";

/// That something happened which a page shows, until one side ends the stream.
pub(super) async fn watch(State(state): State<ApiState>, request: WatchRequest) -> Response {
    let sendings = request.value(DELIVERIES).map(|of| {
        let seen = request.value(MARK).unwrap_or_default().to_owned();
        Sendings::new(state.store.clone(), of.parse().ok(), seen)
    });
    match request.begin(&state, StreamFormat::News).await {
        Ok(feed) => {
            let (at, watch) = (feed.at(), state.watch.clone());
            answer(StreamFormat::News, at, Body::from_stream(feed.into_news(sendings, move || watch.rest())))
        }
        Err(refused) => *refused,
    }
}

/// What a page follows: the filters of `/v0/watch` as a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Follows(String);

impl Follows {
    /// Everything that happens.
    pub(super) fn all() -> Self {
        Self(String::new())
    }

    /// What happens to records of some kinds.
    pub(super) fn kinds(kinds: &[causeway_records::Kind]) -> Self {
        Self(format!("&kinds={}", kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(",")))
    }

    /// What passes the filters of a query.
    pub(super) fn query(query: &str) -> Self {
        Self(format!("&{}", query.trim_end_matches('&')))
    }

    /// Also what is sent to a webhook, or to all. `mark`: what of it is on the page.
    pub(super) fn and_deliveries(self, webhook: Option<i64>, mark: &str) -> Self {
        let of = webhook.map_or_else(|| "all".to_owned(), |id| id.to_string());
        Self(format!("{}&{DELIVERIES}={of}&{MARK}={mark}", self.0))
    }

    /// What happens to one record.
    pub(super) fn record(id: i64) -> Self {
        Self(format!("&id={id}"))
    }
}

/// The element that holds the stream. One that was refused is asked for again now and then.
pub(super) fn stream(visit: &Visit, follows: &Follows) -> Markup {
    html! {
        @if let Some(seen) = visit.seen {
            div id="live" hidden hx-sse:connect={"/ui/watch?since=" (seen) (follows.0)} hx-trigger="load, every 30s" {}
        }
    }
}
