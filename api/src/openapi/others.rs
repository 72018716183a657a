//! The routes that only some nouns have, and those that aren't about records.

use super::{
    envelope, examples, nouns,
    operation::Operation,
    parameters,
    prose::SERVER,
    responses::{json_answer, stream_answer, text_answer},
    schema::{integer, schema_ref, text},
    schemas,
};
use crate::{route::Route, routes::watch::MAX_WAIT};
use axum::http::StatusCode;
use causeway_records::{
    noun::Noun,
    nouns::{AccessToken, Event, WorkloadEvent, WorkloadResourceDefinition},
    scalar::Scalar,
    watch::{EventType, RecordEvent},
};
use serde_json::{Value, json};
use utoipa::openapi::{RefOr, Response};

/// Any other route; None: nobody has described it yet.
pub(super) fn operation(routes: &[Route], route: &Route) -> Option<Operation> {
    match (route.method.as_str(), route.path.as_str()) {
        ("POST", "/v0/workload-resource-definition-sets") => Some(create_set()),
        ("DELETE", "/v0/workload-events") => Some(delete_events()),
        ("GET", "/v0/events-join-attached-object-references") => Some(list_events_for_object()),
        ("POST", "/v0/access-tokens") => Some(create_token(routes)),
        ("GET", "/v0/watch") => Some(watch()),
        ("GET", "/version") => Some(version()),
        ("GET", "/readyz") => Some(readyz()),
        ("GET", "/livez") => Some(livez()),
        ("GET", "/healthz") => Some(healthz()),
        ("GET", "/metrics") => Some(metrics()),
        ("GET", "/openapi.json") => Some(document()),
        _ => None,
    }
}

pub(super) fn schemas() -> [(&'static str, Value); 6] {
    let version = json!({
        "type": "object", "required": ["Version"],
        "properties": {"Version": text("The release.")},
    });
    let health = json!({
        "type": "object", "required": ["Postgres", "NATS"],
        "properties": {
            "Postgres": text("`ok`, or what is wrong. Without it requests fail."),
            "NATS": text("`ok`, or what is wrong. Without it changes reach the clusters at the workers' next scan."),
        },
    });
    let set = json!({
        "type": "array", "minItems": 1, "items": schema_ref(&format!("{}Spec", WorkloadResourceDefinition::KIND.as_str())),
    });
    let mut token = schemas::record(&AccessToken::INFO);
    token["properties"]["Token"] = text("What its holder sends as `Authorization: Bearer`.");
    if let Some(required) = token["required"].as_array_mut() {
        required.push("Token".into());
    }
    [
        ("Release", version),
        ("Health", health),
        ("WorkloadResourceDefinitionSet", set),
        ("RecordEvent", record_event()),
        ("NewAccessToken", token),
        ("NewAccessTokenResponse", envelope::records(AccessToken::KIND.as_str(), "NewAccessToken")),
    ]
}

/// An operation without parameters and body.
fn plain(id: &str, tag: &'static str, summary: &str, description: &str) -> Operation {
    Operation {
        id: id.into(),
        tag,
        summary: summary.into(),
        description: description.into(),
        parameters: vec![],
        body: None,
        answers: vec![],
        refusals: vec![],
        enveloped: false,
    }
}

/// What the server says about itself.
fn server(id: &str, summary: &str, description: &str, answers: Vec<(u16, Response)>) -> Operation {
    Operation { answers, ..plain(id, SERVER, summary, description) }
}

fn create_set() -> Operation {
    let info = &WorkloadResourceDefinition::INFO;
    let example = envelope::one(info.kind.as_str(), StatusCode::CREATED, 1, examples::record(info, true));
    let answer = json_answer("The new records, in the order of the body.", nouns::response(info), example, false);
    let does = "Makes all manifests of a list, or, when one of them is refused, none.";
    let schema = schema_ref("WorkloadResourceDefinitionSet");
    Operation {
        body: Some((schema, json!([examples::body(info)]))),
        answers: vec![(201, answer)],
        refusals: vec![400, 409, 413, 415],
        enveloped: true,
        ..plain(
            "createWorkloadResourceDefinitionSet",
            info.kind.as_str(),
            "Create several workload resource definitions",
            does,
        )
    }
}

fn delete_events() -> Operation {
    let info = &WorkloadEvent::INFO;
    let example = envelope::one(info.kind.as_str(), StatusCode::OK, 1, examples::record(info, false));
    let answer = json_answer("The events that went.", nouns::response(info), example, false);
    let keys = ["workloadinstanceid", "helmworkloadinstanceid"];
    let filters = parameters::filters(info).into_iter().filter(|filter| keys.contains(&filter.name.as_str()));
    let parameters = filters.map(RefOr::T).collect();
    let does = "Deletes the events of a workload instance. Exactly one of the two query parameters must be given.";
    Operation {
        parameters,
        answers: vec![(200, answer)],
        refusals: vec![400, 404, 409],
        enveloped: true,
        ..plain("deleteWorkloadEvents", info.kind.as_str(), "Delete the events of a workload instance", does)
    }
}

fn list_events_for_object() -> Operation {
    let info = &Event::INFO;
    let example = envelope::one(info.kind.as_str(), StatusCode::OK, 50, examples::record(info, false));
    let answer = json_answer("The events.", nouns::response(info), example, false);
    Operation {
        parameters: [parameters::object()].into_iter().chain(parameters::filters(info)).map(RefOr::T).collect(),
        answers: vec![(200, answer)],
        refusals: vec![400],
        enveloped: true,
        ..plain("listEventsOfObject", info.kind.as_str(), "List the events of a record", "All events about one record.")
    }
}

/// As of every noun, but for the token in the answer.
fn create_token(routes: &[Route]) -> Operation {
    let info = &AccessToken::INFO;
    let mut record = examples::record(info, true);
    record["Token"] = json!("a text that is shown only this once");
    let example = envelope::one(info.kind.as_str(), StatusCode::CREATED, 1, record);
    let answer = json_answer("The new token.", schema_ref("NewAccessTokenResponse"), example, false);
    let description = "Makes an access token. The token itself stands in this answer and nowhere else.".into();
    Operation { description, answers: vec![(201, answer)], ..nouns::create(routes, info) }
}

/// What a stream has for each event. Lines without an event have `Position`, `Type` and, for `reset`, `Reason`.
fn record_event() -> Value {
    let hints = <EventType as Scalar>::HINTS;
    let meanings: Vec<_> =
        hints.choices.iter().zip(hints.meanings).map(|(word, doc)| format!("`{word}`: {doc}")).collect();
    let types = format!(
        "What happened. {} And of the stream itself: `position`: nothing new, only the position; `reset`: events after the client's position are lost to it, so list again.",
        meanings.join(" ")
    );
    let condition = json!({
        "type": "object",
        "description": "The condition that flipped, as it is since; its message stands in the record.",
        "required": ["Type", "Status", "Reason"],
        "properties": {
            "Type": text("Which step."),
            "Status": schema_ref("ConditionStatus"),
            "Reason": text("One word for programs."),
        },
    });
    let names: Vec<_> = EventType::ALL.iter().map(|one| one.as_str()).chain(["position", "reset"]).collect();
    json!({
        "type": "object",
        "required": ["Position", "Type"],
        "properties": {
            "Position": text("Where the stream is after this: send it as `since` or `Last-Event-ID` to go on."),
            "Type": {"type": "string", "enum": names, "description": types},
            "Kind": text("The kind of the record."),
            "ID": integer("The record's id."),
            "Name": text("The record's name then, if its kind has names."),
            "KubernetesRuntimeInstanceID": integer("The cluster that the record is in, if it is in one."),
            "Generation": integer("Which generation of the record this is about, if its kind has generations."),
            "Condition": condition,
            "Path": text("Where the record can be read. The id in it is a text, for clients whose numbers have less than 64 bits."),
            "Time": {"type": "string", "format": "date-time", "description": "When it happened."},
            "Reason": text("Why it is a `reset`: `OtherEpoch` (the database was restored), `TooOld`, `UnknownPosition`."),
        },
    })
}

fn watch() -> Operation {
    let event = RecordEvent::example();
    let line = json!(event);
    let sse = json!({"id": event.cursor.to_string(), "event": event.event_type.as_str(), "data": line.to_string()});
    let sse_schema = json!({
        "type": "object",
        "description": "One event, as an object of its fields. `data` is a RecordEvent as JSON.",
        "required": ["id"],
        "properties": {"id": {"type": "string"}, "event": {"type": "string"}, "data": {"type": "string"}},
    });
    let answer = stream_answer(
        "A stream, as `Accept` asks: server-sent events, or one JSON object on each line. It begins with its position, and says it again every 15 seconds when there is nothing new.",
        [("text/event-stream", sse_schema, sse), ("application/x-ndjson", schema_ref("RecordEvent"), line)],
    );
    Operation {
        parameters: parameters::watch(MAX_WAIT),
        answers: vec![(200, answer)],
        refusals: vec![400, 406, 429],
        ..plain(
            "watch",
            SERVER,
            "Follow what happens to records",
            "Events of all records in the order in which they were committed, from a position on. Nothing is left out, and of one record the order is that of its changes. An event says what happened and not what the record holds. To begin: list, and follow from the list's `Causeway-Position`.",
        )
    }
}

fn version() -> Operation {
    let example = json!({"Version": concat!("v", env!("CARGO_PKG_VERSION"))});
    let answer = json_answer("The release.", schema_ref("Release"), example, false);
    server("version", "Release of the server", "Which release answers, without an envelope.", vec![(200, answer)])
}

fn readyz() -> Operation {
    let sentence = "Postgres: the database can't be reached right now; try again";
    let answers =
        vec![(200, text_answer("They can.", "OK")), (503, text_answer("They can't; the text says why.", sentence))];
    server(
        "readyz",
        "Ready for requests?",
        "Whether requests can be answered: Postgres can be reached and takes writes.",
        answers,
    )
}

fn livez() -> Operation {
    server("livez", "Alive?", "Whether the process runs.", vec![(200, text_answer("It does.", "OK"))])
}

fn healthz() -> Operation {
    let answer = |doc: &str, postgres: &str| {
        let example = json!({"Postgres": postgres, "NATS": "ok"});
        json_answer(doc, schema_ref("Health"), example, false)
    };
    let answers = vec![
        (200, answer("Requests can be answered.", "ok")),
        (503, answer("Requests can't be answered.", "unreachable: requests fail")),
    ];
    server("healthz", "The parts, one by one", "How the parts are that the server needs.", answers)
}

fn metrics() -> Operation {
    let example = "causeway_api_requests_total{method=\"GET\",route=\"/version\",code=\"200\"} 1\n";
    let answer = text_answer("In Prometheus's text format.", example);
    let does = "Requests by route and code, and how long they took.";
    server("metrics", "Figures for Prometheus", does, vec![(200, answer)])
}

fn document() -> Operation {
    let answer = json_answer("The document.", json!({"type": "object"}), json!({"openapi": "3.1.0"}), false);
    let does = "The API document. The page at `/swagger/` shows it.";
    server("document", "This document", does, vec![(200, answer)])
}
