//! Refusals and headers that many operations share.

use super::{
    envelope,
    schema::{schema, schema_ref},
};
use causeway_records::problem::Reason;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::openapi::{Content, ContentBuilder, Header, HeaderBuilder, Ref, RefOr, Response, ResponseBuilder};

/// Codes of every operation that asks who is calling.
pub(super) const BEFORE: &[u16] = &[401, 403, 500, 503];
/// Codes of every operation in the wire format.
pub(super) const ENVELOPED: &[u16] = &[406, 429];

/// One code with its reasons.
struct SharedRefusal {
    code: u16,
    name: &'static str,
    doc: &'static str,
    headers: &'static [&'static str],
    reasons: &'static [Reason],
}

const fn refusal(code: u16, name: &'static str, doc: &'static str, reasons: &'static [Reason]) -> SharedRefusal {
    SharedRefusal { code, name, doc, headers: &["RequestID"], reasons }
}

use Reason::{
    AssociatedField, BodyTooLarge, EmptyPayload, Forbidden, ImmutableField, InternalError, InvalidField, InvalidID,
    InvalidQuery, MalformedBody, MissingField, NotAcceptable, NotFound, Overloaded, ParentNotFound, PlanOutdated,
    PreconditionFailed, ReadOnlyField, SystemField, TooManyRequests, Unauthenticated, Unavailable, UnknownField,
    UnsupportedMediaType,
};

const REFUSALS: &[SharedRefusal] = &[
    refusal(
        400,
        "BadRequest",
        "The request is wrong; the sentence names the field and the remedy.",
        &[
            MalformedBody,
            EmptyPayload,
            SystemField,
            AssociatedField,
            UnknownField,
            MissingField,
            InvalidField,
            ReadOnlyField,
            ImmutableField,
            ParentNotFound,
            InvalidQuery,
            InvalidID,
        ],
    ),
    SharedRefusal {
        headers: &["RequestID", "WWWAuthenticate"],
        ..refusal(401, "Unauthorized", "Nobody knows who is calling.", &[Unauthenticated])
    },
    refusal(
        403,
        "Forbidden",
        "The caller has no role, or not the one that is needed; the sentence names it.",
        &[Forbidden],
    ),
    refusal(404, "NotFound", "No live record is meant.", &[NotFound]),
    refusal(
        406,
        "NotAcceptable",
        "The client doesn't take what is answered here: JSON, YAML, or a stream of events.",
        &[NotAcceptable],
    ),
    refusal(
        409,
        "Conflict",
        "Somebody else holds what this asks for, others need what this takes away, or the cluster can't do it; the sentence names them.",
        Reason::CONFLICTS,
    ),
    refusal(
        412,
        "PreconditionFailed",
        "The record has another ETag than `If-Match` names, or the write would do something else than the plan that `If-Plan` names.",
        &[PreconditionFailed, PlanOutdated],
    ),
    refusal(
        413,
        "ContentTooLarge",
        "The body is larger than this server takes; 2 MiB, with manifests 8 MiB, unless it is set up otherwise.",
        &[BodyTooLarge],
    ),
    refusal(415, "UnsupportedMediaType", "The body isn't declared as `application/json`.", &[UnsupportedMediaType]),
    SharedRefusal {
        headers: &["RequestID", "RetryAfter"],
        ..refusal(
            429,
            "TooManyRequests",
            "The caller sends more requests than it may, where a limit is set, or follows events with too many streams.",
            &[TooManyRequests],
        )
    },
    refusal(
        500,
        "InternalServerError",
        "The server made a mistake; its log says more, by the request's id.",
        &[InternalError],
    ),
    SharedRefusal {
        headers: &["RequestID", "RetryAfter"],
        ..refusal(
            503,
            "ServiceUnavailable",
            "The server can't answer right now; the same request may work later, soonest after the seconds in `Retry-After`.",
            &[Overloaded, Unavailable],
        )
    },
];

/// A refusal among the components.
pub(super) fn reference(code: u16) -> Ref {
    Ref::from_response_name(REFUSALS.iter().find(|refusal| refusal.code == code).map_or("", |refusal| refusal.name))
}

/// The refusals as components, by name.
pub(super) fn refusals() -> BTreeMap<String, RefOr<Response>> {
    REFUSALS.iter().map(|refusal| (refusal.name.to_owned(), RefOr::T(refusal.response()))).collect()
}

impl SharedRefusal {
    fn response(&self) -> Response {
        let reasons: Vec<_> =
            self.reasons.iter().map(|reason| format!("`{}`: {}", reason.as_str(), reason.doc())).collect();
        let example = envelope::refused(self.code, self.reasons.first().copied().unwrap_or(InternalError), self.doc);
        let description = format!("{} Reasons: {}", self.doc, reasons.join(" "));
        answer(&description, self.headers, "application/json", content(schema_ref("ErrorResponse"), example))
    }
}

/// The headers of answers, by their names among the components.
pub(super) fn headers() -> BTreeMap<String, RefOr<Header>> {
    let header = |doc: &str, holds: Value, example: Value| {
        HeaderBuilder::new().description(Some(doc)).schema(Some(schema(holds))).example(Some(example)).build().into()
    };
    let text = || json!({"type": "string"});
    BTreeMap::from([
        (
            "RequestID".into(),
            header(
                "The request's id: the client's, or made up by the server.",
                text(),
                json!("0b3f0f52-8b0e-4c0c-9d0a-0f5f9a6f7d11"),
            ),
        ),
        (
            "ETag".into(),
            header(
                "Names this state of the record, for `If-Match`. Changes with every write of a client and every change of what is asked for, not with what workers report.",
                text(),
                json!("\"64f8c2a1b3d40-1\""),
            ),
        ),
        (
            "Position".into(),
            header(
                "A position in the log of events, from before the answer was read: whoever follows `/v0/watch` with `since` from here misses nothing.",
                text(),
                json!("9f04c1d2-1042"),
            ),
        ),
        (
            "PlanRevision".into(),
            header(
                "Names what the write would do, for `If-Plan` of the write itself. Only with `plan=true`.",
                text(),
                json!("5d41402abc4b2a76b9719d911017c592"),
            ),
        ),
        ("RetryAfter".into(), header("Seconds to wait.", json!({"type": "integer", "minimum": 1}), json!(1))),
        ("WWWAuthenticate".into(), header("How to say who is calling.", text(), json!("Bearer realm=\"causeway\""))),
    ])
}

fn wire_name(name: &str) -> &str {
    match name {
        "RequestID" => "x-request-id",
        "RetryAfter" => "Retry-After",
        "Position" => "Causeway-Position",
        "PlanRevision" => "Plan-Revision",
        "WWWAuthenticate" => "WWW-Authenticate",
        other => other,
    }
}

/// An answer in JSON. `tagged`: with the record's ETag.
pub(super) fn json_answer(doc: &str, holds: Value, example: Value, tagged: bool) -> Response {
    let headers: &[_] = if tagged { &["RequestID", "ETag"] } else { &["RequestID"] };
    answer(doc, headers, "application/json", content(holds, example))
}

/// A page of a list; `watched`: with the position from which its changes can be followed.
pub(super) fn list_answer(doc: &str, holds: Value, example: Value, watched: bool) -> Response {
    let headers: &[_] = if watched { &["RequestID", "Position"] } else { &["RequestID"] };
    answer(doc, headers, "application/json", content(holds, example))
}

/// A stream, in each of these media types with what it holds and an example.
pub(super) fn stream_answer(doc: &str, media: [(&str, Value, Value); 2]) -> Response {
    let stream = with_headers(doc, &["RequestID", "Position"]);
    let add = |stream: ResponseBuilder, (name, holds, example): (&str, Value, Value)| {
        stream.content(name, content(holds, example))
    };
    media.into_iter().fold(stream, add).build()
}

/// A plan, with its revision.
pub(super) fn plan_answer(doc: &str, holds: Value, example: Value) -> Response {
    answer(doc, &["RequestID", "PlanRevision"], "application/json", content(holds, example))
}

/// The answer of a write as one that may also be a plan, if that is asked for.
pub(super) fn record_or_plan(written: &mut Response, plan: Value) {
    written.description.push_str(" With `plan=true`: what the write would do.");
    let revision = Ref::new("#/components/headers/PlanRevision");
    written.headers.insert(wire_name("PlanRevision").into(), RefOr::Ref(revision));
    for content in written.content.values_mut() {
        let RefOr::T(content) = content else { continue };
        let record = serde_json::to_value(&content.schema).unwrap_or_default();
        content.schema = Some(schema(json!({"anyOf": [record, plan]})));
    }
}

/// An answer in one of several media types, each with what it holds and an example.
pub(super) fn document_answer(doc: &str, media: [(&str, Value, Value); 2]) -> Response {
    let add = |answer: ResponseBuilder, (name, holds, example): (&str, Value, Value)| {
        answer.content(name, content(holds, example))
    };
    media.into_iter().fold(with_headers(doc, &["RequestID"]), add).build()
}

/// An answer in plain text.
pub(super) fn text_answer(doc: &str, example: &str) -> Response {
    answer(doc, &["RequestID"], "text/plain", content(json!({"type": "string"}), json!(example)))
}

fn content(holds: Value, example: Value) -> Content {
    ContentBuilder::new().schema(Some(schema(holds))).example(Some(example)).build()
}

/// `headers`: by their names among the components.
fn answer(doc: &str, headers: &[&str], media: &str, content: Content) -> Response {
    with_headers(doc, headers).content(media, content).build()
}

fn with_headers(doc: &str, headers: &[&str]) -> ResponseBuilder {
    let named = |name: &str| Ref::new(format!("#/components/headers/{name}"));
    let answer = ResponseBuilder::new().description(doc);
    headers.iter().fold(answer, |answer, name| answer.header_ref(wire_name(name), named(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_stands_at_a_code() {
        let listed = |reason: &Reason| REFUSALS.iter().any(|refusal| refusal.reasons.contains(reason));
        // A verb that a path doesn't have is no operation.
        let missing: Vec<_> = Reason::ALL.iter().filter(|reason| !listed(reason)).collect();
        assert_eq!(missing, [&Reason::MethodNotAllowed]);
    }
}
