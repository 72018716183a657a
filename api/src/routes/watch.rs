//! Events of records, as a stream.

use crate::{
    auth::{Admitted, Caller},
    layers::{LimitKey, preferred},
    route::Routes,
    server::Peer,
    state::ApiState,
    watch::{Feed, StreamFormat, Wanted},
    wire::{
        envelope,
        position::add_position,
        query::{QueryPairs, event_filter, invalid, value},
    },
};
use axum::{
    Extension,
    body::Body,
    extract::{ConnectInfo, FromRequestParts, Query, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use causeway_records::{nouns::Role, watch::Cursor};
use causeway_store::{Result, StoreError};
use std::time::Duration;

/// Where a client was when it lost its stream.
const LAST_EVENT_ID: &str = "last-event-id";
/// A proxy must not gather what is to be read at once.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");
/// Longest time for which a client may ask, in seconds. Left out, there is no end.
pub(crate) const MAX_WAIT: u64 = 86_400;
/// Seconds after which a stream may have become free.
const RETRY_AFTER: u64 = 5;

pub(crate) fn routes() -> Routes<ApiState> {
    Routes::default().get("/v0/watch", Role::Viewer, watch)
}

/// Events from a position on, until one side ends the stream.
async fn watch(State(state): State<ApiState>, request: WatchRequest) -> Response {
    let Some(format) = format(&request.headers) else {
        let sentence = "events are answered as text/event-stream or application/x-ndjson: let Accept name one of them, or leave it out";
        return envelope::error("", StatusCode::NOT_ACCEPTABLE, sentence);
    };
    match request.begin(&state, format).await {
        Ok(feed) => {
            let at = feed.at();
            answer(format, at, Body::from_stream(feed.into_stream()))
        }
        Err(refused) => *refused,
    }
}

/// A request for a stream of events.
pub(crate) struct WatchRequest {
    caller: Caller,
    peer: Option<Peer>,
    pairs: QueryPairs,
    uri: Uri,
    headers: HeaderMap,
}

impl<S: Send + Sync> FromRequestParts<S> for WatchRequest {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> std::result::Result<Self, Response> {
        let caller = Extension::<Caller>::from_request_parts(parts, state).await;
        let Extension(caller) = caller.map_err(IntoResponse::into_response)?;
        let query = Query::<QueryPairs>::from_request_parts(parts, state).await;
        let Query(pairs) = query.map_err(IntoResponse::into_response)?;
        let peer = parts.extensions.get::<ConnectInfo<Peer>>().map(|ConnectInfo(peer)| peer.clone());
        Ok(Self { caller, peer, pairs, uri: parts.uri.clone(), headers: parts.headers.clone() })
    }
}

impl WatchRequest {
    /// What the query says of a key.
    pub(crate) fn value(&self, key: &str) -> Option<&str> {
        value(&self.pairs, key)
    }

    /// The stream that it asks for; or the answer that says why not.
    pub(crate) async fn begin(
        self,
        state: &ApiState,
        format: StreamFormat,
    ) -> std::result::Result<Feed, Box<Response>> {
        let Self { caller, peer, pairs, uri, headers } = self;
        let key = LimitKey::for_request(Some(&caller), peer.as_ref().map(|peer| peer.address.ip())).to_string();
        let admitted = Admitted::new(state.authenticator.clone(), peer, uri, &headers);
        let refused = |error: &StoreError| Box::new(envelope::store_error("", error));
        let wanted = wanted(&pairs, &headers, format, admitted).map_err(|error| refused(&error))?;
        match state.watch.stream(&key, wanted).await {
            Ok(begun) => begun.map_err(|error| refused(&error)),
            Err(sentence) => {
                let mut answer = envelope::error("", StatusCode::TOO_MANY_REQUESTS, &sentence);
                answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER));
                Err(Box::new(answer))
            }
        }
    }
}

/// The answer with a stream that begins at a position.
pub(crate) fn answer(format: StreamFormat, at: Cursor, body: Body) -> Response {
    let mut answer = Response::new(body);
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(UNBUFFERED, HeaderValue::from_static("no"));
    add_position(answer, at)
}

fn format(headers: &HeaderMap) -> Option<StreamFormat> {
    let formats = [StreamFormat::Sse, StreamFormat::Ndjson];
    let media = preferred(headers, formats.map(StreamFormat::media))?;
    formats.into_iter().find(|format| format.media() == media)
}

/// What a request asks for. As in lists, unknown keys are ignored, and of a key that is repeated the first counts.
fn wanted(pairs: &QueryPairs, headers: &HeaderMap, format: StreamFormat, admitted: Admitted) -> Result<Wanted> {
    // A browser that has lost its stream sends the same query again, and where it was.
    let seen = headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty());
    let since = match (seen, value(pairs, "since")) {
        (Some(text), _) => Some(text.parse().map_err(|problem: String| invalid("Last-Event-ID", problem))?),
        (None, Some(text)) => Some(text.parse().map_err(|problem: String| invalid("since", problem))?),
        (None, None) => None,
    };
    let wait = value(pairs, "wait").map(|text| {
        let seconds = text.parse().ok().filter(|seconds| *seconds <= MAX_WAIT);
        let problem =
            || invalid("wait", format!("must be a whole number of seconds, {MAX_WAIT} at most; left out: without end"));
        seconds.map(Duration::from_secs).ok_or_else(problem)
    });
    Ok(Wanted { filter: event_filter(pairs)?, since, wait: wait.transpose()?, format, admitted })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        auth::Authenticator,
        config::{AuthMode, SecuritySettings},
    };
    use causeway_records::Kind;

    fn nobody() -> Admitted {
        let store = causeway_store::Store::connect("postgres://localhost:1/none", 1, Duration::from_secs(1)).unwrap();
        let settings = SecuritySettings {
            auth: vec![AuthMode::None],
            tls_certificate: None,
            tls_key: None,
            client_ca: None,
            client_default_role: None,
        };
        Admitted::new(Authenticator::new(settings, store), None, Uri::default(), &HeaderMap::new())
    }

    fn read(query: &[(&str, &str)], seen: Option<&'static str>) -> Result<Wanted> {
        let pairs = query.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let seen = seen.map(|id| (HeaderName::from_static(LAST_EVENT_ID), HeaderValue::from_static(id)));
        wanted(&pairs, &seen.into_iter().collect(), StreamFormat::Sse, nobody())
    }

    #[test]
    fn where_a_client_was_counts_more_than_where_it_began() {
        let at = |position| Some(Cursor { epoch: 1, position });
        assert_eq!(read(&[("since", "00000001-5")], None).unwrap().since, at(5));
        assert_eq!(read(&[("since", "00000001-5")], Some("00000001-9")).unwrap().since, at(9));
        assert_eq!(read(&[], Some("")).unwrap().since, None, "a browser that has seen nothing");
        assert!(read(&[], Some("1")).unwrap_err().to_string().contains("Last-Event-ID"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let all = [
            ("Kinds", "gateway-instances"),
            ("types", "deleted"),
            ("runtime", "7"),
            ("id", "8"),
            ("name", "a"),
            ("wait", "0"),
        ];
        let wanted = read(&all, None).unwrap();
        assert_eq!((wanted.filter.kinds.as_slice(), wanted.filter.runtime), (&[Kind::GatewayInstance][..], Some(7)));
        assert_eq!(wanted.wait, Some(Duration::ZERO));
        for (key, text) in [("kinds", "x"), ("types", "x"), ("since", "x"), ("wait", "-1"), ("wait", "86401")] {
            assert!(read(&[(key, text)], None).unwrap_err().to_string().contains(key), "{key}");
        }
        assert!(read(&[("runtime", "x")], None).is_err() && read(&[("id", "x")], None).is_err());
    }
}
