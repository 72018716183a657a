//! Refusals and headers that many operations share.

use super::{envelope, reference};
use causeway_records::problem::Reason;
use serde_json::{Map, Value, json};

/// Codes of every operation that asks who is calling.
pub(super) const BEFORE: &[u16] = &[401, 403, 500, 503];
/// Codes of every operation in the wire format.
pub(super) const ENVELOPED: &[u16] = &[406, 429];

/// One code with its reasons.
struct Refusal {
    code: u16,
    name: &'static str,
    doc: &'static str,
    headers: &'static [&'static str],
    reasons: &'static [Reason],
}

const fn refusal(code: u16, name: &'static str, doc: &'static str, reasons: &'static [Reason]) -> Refusal {
    Refusal { code, name, doc, headers: &["RequestID"], reasons }
}

use Reason::{
    AlreadyExists, AssociatedField, BeingDeleted, BodyTooLarge, Contention, EmptyPayload, Forbidden, ImmutableField,
    InUse, InternalError, InvalidField, InvalidID, InvalidQuery, MalformedBody, MissingField, NameTaken, NotAcceptable,
    NotFound, Overloaded, ParentNotFound, PortTaken, PreconditionFailed, ReadOnlyField, RouteTaken, SystemField,
    TooManyRequests, Unauthenticated, Unavailable, UnknownField, UnsupportedMediaType,
};

const REFUSALS: &[Refusal] = &[
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
    Refusal {
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
    refusal(406, "NotAcceptable", "The client doesn't take JSON.", &[NotAcceptable]),
    refusal(
        409,
        "Conflict",
        "Somebody else holds what this asks for, or others need what this takes away; the sentence names them.",
        &[NameTaken, AlreadyExists, RouteTaken, PortTaken, BeingDeleted, InUse, Contention],
    ),
    refusal(412, "PreconditionFailed", "The record has another ETag than `If-Match` names.", &[PreconditionFailed]),
    refusal(
        413,
        "ContentTooLarge",
        "The body is larger than this server takes; 2 MiB unless it is set up otherwise.",
        &[BodyTooLarge],
    ),
    refusal(415, "UnsupportedMediaType", "The body isn't declared as `application/json`.", &[UnsupportedMediaType]),
    Refusal {
        headers: &["RequestID", "RetryAfter"],
        ..refusal(
            429,
            "TooManyRequests",
            "The caller sends more requests than it may, where a limit is set.",
            &[TooManyRequests],
        )
    },
    refusal(
        500,
        "InternalServerError",
        "The server made a mistake; its log says more, by the request's id.",
        &[InternalError],
    ),
    Refusal {
        headers: &["RequestID", "RetryAfter"],
        ..refusal(
            503,
            "ServiceUnavailable",
            "The server can't answer right now; the same request may work later. `Retry-After` comes with `Overloaded`.",
            &[Overloaded, Unavailable],
        )
    },
];

/// The name of a refusal among the components.
pub(super) fn name(code: u16) -> &'static str {
    REFUSALS.iter().find(|refusal| refusal.code == code).map_or("", |refusal| refusal.name)
}

/// Every refusal.
pub(super) fn refusals() -> Value {
    REFUSALS.iter().map(|refusal| (refusal.name.to_owned(), refusal.json())).collect::<Map<_, _>>().into()
}

impl Refusal {
    fn json(&self) -> Value {
        let reasons: Vec<_> =
            self.reasons.iter().map(|reason| format!("`{}`: {}", reason.as_str(), reason.doc())).collect();
        let example = envelope::refused(self.code, self.reasons.first().copied().unwrap_or(InternalError), self.doc);
        let headers = self.headers.iter().map(|name| (wire_name(name).to_owned(), reference("headers", name)));
        json!({
            "description": format!("{} Reasons: {}", self.doc, reasons.join(" ")),
            "headers": headers.collect::<Map<_, _>>(),
            "content": {"application/json": {"schema": reference("schemas", "ErrorResponse"), "example": example}},
        })
    }
}

/// The headers of answers, by their names among the components.
pub(super) fn headers() -> Value {
    let header =
        |doc: &str, example: &str| json!({"description": doc, "schema": {"type": "string"}, "example": example});
    json!({
        "RequestID": header("The request's id: the client's, or made up by the server.", "0b3f0f52-8b0e-4c0c-9d0a-0f5f9a6f7d11"),
        "ETag": header("Names this state of the record, for `If-Match`. Changes with every write of a client and every change of what is asked for, not with what workers report.", "\"64f8c2a1b3d40-1\""),
        "RetryAfter": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}, "example": 1},
        "WWWAuthenticate": header("How to say who is calling.", "Bearer realm=\"causeway\""),
    })
}

fn wire_name(name: &str) -> &str {
    match name {
        "RequestID" => "x-request-id",
        "RetryAfter" => "Retry-After",
        "WWWAuthenticate" => "WWW-Authenticate",
        other => other,
    }
}

/// An answer in JSON. `tagged`: with the record's ETag.
pub(super) fn json_answer(doc: &str, schema: Value, example: Value, tagged: bool) -> Value {
    let mut headers = json!({"x-request-id": reference("headers", "RequestID")});
    if tagged {
        headers["ETag"] = reference("headers", "ETag");
    }
    let content = json!({"application/json": {"schema": schema, "example": example}});
    json!({"description": doc, "headers": headers, "content": content})
}

/// An answer in plain text.
pub(super) fn text_answer(doc: &str, example: &str) -> Value {
    let headers = json!({"x-request-id": reference("headers", "RequestID")});
    let content = json!({"text/plain": {"schema": {"type": "string"}, "example": example}});
    json!({"description": doc, "headers": headers, "content": content})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_stands_at_a_code() {
        let told = |reason: &Reason| REFUSALS.iter().any(|refusal| refusal.reasons.contains(reason));
        // A verb that a path doesn't have is no operation.
        let untold: Vec<_> = Reason::ALL.iter().filter(|reason| !told(reason)).collect();
        assert_eq!(untold, [&Reason::MethodNotAllowed]);
    }
}
