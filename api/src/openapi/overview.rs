//! The routes about records of all kinds.

use super::{
    envelope, examples,
    operation::Operation,
    parameters,
    prose::OVERVIEW,
    responses::json_answer,
    schema::{integer, schema_ref, text},
};
use crate::{
    route::Route,
    routes::overview::{CLUSTER, COUNT, LONGEST, SUMMARY},
};
use axum::http::StatusCode;
use causeway_records::{Kind, nouns, status::ConditionStatus};
use serde_json::{Value, json};

/// A route of this chapter; None: it is another one.
pub(super) fn operation(route: &Route) -> Option<Operation> {
    match (route.method.as_str(), route.path.as_str()) {
        ("GET", "/v0/search") => Some(search()),
        ("GET", "/v0/blocked-records") => Some(blocked()),
        ("GET", "/v0/record-counts") => Some(counts()),
        ("GET", "/v0/cluster-states") => Some(clusters()),
        _ => None,
    }
}

pub(super) fn schemas() -> [(&'static str, Value); 6] {
    let time = |doc: &str| json!({"type": "string", "format": "date-time", "description": doc});
    let statuses: Vec<_> = ConditionStatus::ALL.iter().map(|status| status.as_str()).collect();
    let status = |doc: &str| json!({"type": "string", "enum": statuses, "description": doc});
    let kinds: Vec<_> = nouns::ALL.iter().map(|info| info.kind.as_str()).collect();
    let kind = json!({"type": "string", "enum": kinds, "description": "What kind of record it is."});
    let runtime = integer("The cluster that it is in. Left out: it belongs to none.");
    let step = "The first step that isn't met: the type of its condition. Left out: all are met, or the record isn't reconciled yet.";
    let with_state = |mut own: Value| {
        let state = json!({
            "Ready": status("The status of its condition `Ready`. Left out: workers don't reconcile records of this kind."),
            "BlockingStep": text(step),
            "BlockingStatus": status("The status of that condition: `False` when it fails, `Unknown` while nothing is known."),
            "BlockingReason": text("Its reason."),
            "BlockingMessage": text("Its sentence."),
            "BlockingSince": time("Since when it has its status; of a record that isn't reconciled yet, since it was made."),
            "DeletionScheduled": time("When its deletion was asked for."),
        });
        if let (Value::Object(own), Value::Object(state)) = (&mut own, state) {
            own.extend(state);
        }
        own
    };
    let summary = json!({
        "type": "object", "required": ["Kind", "ID", "Name"], "description": "A record in a line, whatever its kind.",
        "properties": with_state(json!({
            "Kind": kind, "ID": integer("Its id."), "Name": text("Its name."), "KubernetesRuntimeInstanceID": runtime,
            "Hostnames": {"type": "array", "items": {"type": "string"}, "description": "The hostnames that a gateway instance answers to."},
        })),
    });
    let cluster = json!({
        "type": "object", "required": ["KubernetesRuntimeInstanceID", "Name", "Gateways", "Due", "Ready"],
        "description": "A cluster: who works on it, and how far behind.",
        "properties": with_state(json!({
            "KubernetesRuntimeInstanceID": integer("Its record."), "Name": text("The record's name."),
            "Worker": text("Id of the worker that holds its lease. Left out: none does."),
            "Reachable": text("The sentence of its condition `ClusterReachable`, with the version of Kubernetes. Left out: nobody has connected yet."),
            "Gateways": integer("Gateway instances in it."), "Due": integer("Records that are due."), "DueSince": time("Since when the first of them is."),
        })),
    });
    let count = json!({
        "type": "object", "required": ["Kind", "Ready", "Count"], "description": "How many records are in one state.",
        "properties": {
            "Kind": kind, "KubernetesRuntimeInstanceID": runtime, "Ready": status("The status of their condition `Ready`."),
            "BlockingStep": text(step), "Count": integer("How many."),
        },
    });
    [
        (SUMMARY, summary),
        (COUNT, count),
        (CLUSTER, cluster),
        ("ClusterStateResponse", envelope::records(CLUSTER, CLUSTER)),
        ("RecordSummaryResponse", envelope::records(SUMMARY, SUMMARY)),
        ("RecordCountResponse", envelope::records(COUNT, COUNT)),
    ]
}

fn summaries(id: &str, summary: &str, does: &str) -> Operation {
    let example = json!({
        "Kind": Kind::GatewayInstance, "ID": examples::id(Kind::GatewayInstance), "Name": "shop",
        "KubernetesRuntimeInstanceID": examples::id(Kind::KubernetesRuntimeInstance), "Hostnames": ["shop.example.org"],
        "Ready": "False", "BlockingStep": "AddressAssigned", "BlockingStatus": "False", "BlockingReason": "AddressNotAssigned",
        "BlockingMessage": "Gateway main has no address yet; check that the cluster gives addresses to Services of type LoadBalancer",
        "BlockingSince": examples::TIME,
    });
    operation_of(
        id,
        summary,
        does,
        json_answer(
            "The records.",
            schema_ref("RecordSummaryResponse"),
            envelope::one(SUMMARY, StatusCode::OK, 1, example),
            false,
        ),
    )
}

fn operation_of(id: &str, summary: &str, does: &str, answer: utoipa::openapi::Response) -> Operation {
    Operation {
        id: id.into(),
        tag: OVERVIEW,
        summary: summary.into(),
        description: does.into(),
        parameters: vec![],
        body: None,
        answers: vec![(200, answer)],
        refusals: vec![400],
        enveloped: true,
    }
}

fn search() -> Operation {
    let text = json!({"type": "string", "minLength": 1, "maxLength": LONGEST});
    let what = "A part of a name, a hostname or a domain, whatever the case; a hostname below a wildcard; an id; the IP address or name of a load balancer. May be left out beside `kind` or `sharedgatewayid`.";
    let statuses: Vec<_> = ConditionStatus::ALL.iter().map(|status| status.as_str()).collect();
    let ready = json!({"type": "string", "enum": statuses});
    let id = json!({"type": "integer", "format": "int64"});
    let attached = "Only gateway instances that have routes on this shared gateway.";
    let does = "Records of all kinds and clusters that have a text in their name or hostnames, by ascending id. `Meta.NextAfter` is there when there may be more.";
    Operation {
        parameters: parameters::overview(&[
            ("q", text, what),
            ("ready", ready, "Only records whose condition `Ready` has this status."),
            ("kubernetesruntimeinstanceid", id.clone(), "Only records in this cluster."),
            ("sharedgatewayid", id, attached),
        ]),
        ..summaries("search", "Search all records", does)
    }
}

fn blocked() -> Operation {
    let id = json!({"type": "integer", "format": "int64"});
    let mut parameters = parameters::overview(&[("kubernetesruntimeinstanceid", id, "Only records in this cluster.")]);
    parameters.push(parameters::reference("AfterTime"));
    let does = "Records of all kinds that something blocks, the longest first. Go on with `after` and `aftertime`: `ID` and `BlockingSince` of the last one.";
    Operation { parameters, ..summaries("listBlockedRecords", "What is blocked", does) }
}

fn counts() -> Operation {
    let example = json!({
        "Kind": Kind::GatewayInstance, "KubernetesRuntimeInstanceID": examples::id(Kind::KubernetesRuntimeInstance),
        "Ready": "True", "Count": 412,
    });
    let answer = json_answer(
        "The counts.",
        schema_ref("RecordCountResponse"),
        envelope::one(COUNT, StatusCode::OK, 1, example),
        false,
    );
    let does = "How many records there are of each kind that workers reconcile, by cluster, by the status of `Ready`, and by the step that blocks.";
    Operation { refusals: vec![], ..operation_of("countRecords", "Count records", does, answer) }
}

fn clusters() -> Operation {
    let example = json!({
        "KubernetesRuntimeInstanceID": examples::id(Kind::KubernetesRuntimeInstance), "Name": "prod-eu-1",
        "Worker": "7c1f3a52-8b0e-4c0c-9d0a-0f5f9a6f7d11", "Reachable": "the cluster answers and runs Kubernetes v1.34.1",
        "Gateways": 412, "Due": 0, "Ready": "True",
    });
    let answer = json_answer(
        "The clusters.",
        schema_ref("ClusterStateResponse"),
        envelope::one(CLUSTER, StatusCode::OK, 1, example),
        false,
    );
    let does = "Every cluster with its worker and how much of its work is due, by ascending id.";
    let pages = parameters::pages();
    Operation { parameters: pages, ..operation_of("listClusterStates", "List states of clusters", does, answer) }
}
