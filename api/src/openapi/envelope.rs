//! The envelope around every answer in the wire format.

use super::schema::{integer, schema_ref, text};
use axum::http::StatusCode;
use causeway_records::problem::Reason;
use serde_json::{Value, json};

pub(super) fn schemas() -> [(&'static str, Value); 5] {
    let reasons: Vec<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    let meanings: Vec<_> =
        Reason::ALL.iter().map(|reason| format!("`{}`: {}", reason.as_str(), reason.doc())).collect();
    let meta = json!({
        "type": "object",
        "description": "Which page of how many.",
        "required": ["Page", "Size", "TotalCount"],
        "properties": {
            "Page": integer("As asked for, from 1. 0 in a refusal."),
            "Size": integer("As asked for."),
            "TotalCount": integer("Records in all pages."),
            "NextAfter": integer("The list goes on with the parameter `after` and this id. In lists of records only where a page ended before its size because it became too large (16 MiB)."),
        },
    });
    let status = json!({
        "type": "object",
        "description": "How it went.",
        "required": ["code", "message", "error"],
        "properties": {
            "code": integer("HTTP's code once more."),
            "message": text("HTTP's words for it."),
            "error": text("Empty: nothing went wrong."),
        },
    });
    let refusal = json!({
        "type": "object",
        "description": "Why it didn't go.",
        "required": ["code", "message", "error", "reason", "details"],
        "properties": {
            "code": integer("HTTP's code once more."),
            "message": text("HTTP's words for it."),
            "error": text("A sentence: what is wrong, and what to do next."),
            "reason": {
                "type": "string", "enum": reasons,
                "description": format!("For programs: the same word for the same kind of refusal, whatever the sentence says. {}", meanings.join(" ")),
            },
            "details": {
                "type": "array", "items": schema_ref("Detail"),
                "description": "The fields that are to blame, all at once; empty: none is.",
            },
        },
    });
    let detail = json!({
        "type": "object",
        "description": "A field, and what is wrong with it.",
        "required": ["field", "problem"],
        "properties": {
            "field": text("Its path in the body, or the name of a query parameter: `HttpPorts[0].Port`. Empty: the body itself."),
            "problem": text("What is wrong, and what would be right."),
        },
    });
    [
        ("Meta", meta),
        ("Status", status),
        ("Refusal", refusal),
        ("Detail", detail),
        ("ErrorResponse", around(json!({"type": "null"}), "Refusal", None)),
    ]
}

/// The schema of an answer with records of one kind.
pub(super) fn records(kind: &str, record: &str) -> Value {
    around(json!({"type": "array", "items": schema_ref(record)}), "Status", Some(kind))
}

fn around(data: Value, status: &str, kind: Option<&str>) -> Value {
    let mut own = text("The kind of record.");
    if let Some(kind) = kind {
        own["const"] = json!(kind);
    }
    json!({
        "type": "object",
        "required": ["Meta", "Type", "Data", "Status"],
        "properties": {
            "Meta": schema_ref("Meta"), "Type": own, "Data": data, "Status": schema_ref(status),
        },
    })
}

/// An example with one record.
pub(super) fn one(kind: &str, code: StatusCode, size: i64, record: Value) -> Value {
    json!({
        "Meta": {"Page": 1, "Size": size, "TotalCount": 1},
        "Type": kind,
        "Data": [record],
        "Status": {"code": code.as_u16(), "message": words(code), "error": ""},
    })
}

/// An example of a refusal.
pub(super) fn refused(code: u16, reason: Reason, sentence: &str) -> Value {
    let message = StatusCode::from_u16(code).map(words).unwrap_or_default();
    json!({
        "Meta": {"Page": 0, "Size": 0, "TotalCount": 0},
        "Type": "GatewayDefinition",
        "Data": null,
        "Status": {"code": code, "message": message, "error": sentence, "reason": reason.as_str(), "details": []},
    })
}

fn words(code: StatusCode) -> &'static str {
    code.canonical_reason().unwrap_or_default()
}
