//! What the routes of records say about plans.

use super::{
    envelope,
    operation::Operation,
    parameters,
    responses::{plan_answer, record_or_plan},
    schema::{integer, schema_ref, text},
};
use crate::routes::planned::PLAN;
use axum::http::StatusCode;
use causeway_records::{Kind, noun::Info, trial::PLANNED};
use serde_json::{Value, json};

/// The same operation with what it says about plans, if there are any of the kind. A POST that asks for one is answered with 200.
pub(super) fn with_plan(mut operation: Operation, info: &Info) -> Operation {
    if !PLANNED.contains(&info.kind) {
        return operation;
    }
    operation.parameters.extend(["Plan", "IfPlan"].map(parameters::reference));
    if !operation.refusals.contains(&412) {
        operation.refusals.push(412);
    }
    let example = envelope::one(PLAN, StatusCode::OK, 1, example());
    match operation.answers.iter_mut().find(|(code, _)| *code == 200) {
        Some((_, answer)) => record_or_plan(answer, schema_ref("PlanResponse")),
        None => operation
            .answers
            .push((200, plan_answer("With `plan=true`: what it would do.", schema_ref("PlanResponse"), example))),
    }
    operation
}

fn example() -> Value {
    json!({
        "Revision": "5d41402abc4b2a76b9719d911017c592",
        "Clusters": [{
            "KubernetesRuntimeInstanceID": 900_000_000_000_000_004_i64, "Name": "main",
            "Objects": [{
                "Change": "Changed", "APIVersion": "gateway.networking.k8s.io/v1", "Kind": "HTTPRoute", "Namespace": "shop-900000000000000010",
                "Name": "shop-900000000000000012-http-80", "OwnerKind": "GatewayInstance", "OwnerName": "shop",
                "Fields": [{"Path": "spec.rules[0].matches[0].path.value", "Old": "/", "New": "/shop"}],
            }],
        }],
        "DNSRecords": [{"Change": "Added", "Hostname": "shop.example.org", "Type": "A", "Zone": "example.org", "New": ["192.0.2.1"]}],
        "Certificates": [], "Claims": [], "Records": [], "Warnings": [],
    })
}

pub(super) fn schemas() -> [(&'static str, Value); 8] {
    let texts = |doc: &str| json!({"type": "array", "items": {"type": "string"}, "description": doc});
    let list = |of: &str, doc: &str| json!({"type": "array", "items": schema_ref(of), "description": doc});
    let change =
        json!({"type": "string", "enum": ["Added", "Changed", "Removed"], "description": "Which way it changes."});
    let cluster_id = integer("The cluster's record.");
    let field = json!({
        "type": "object", "required": ["Path"], "description": "A field of an object that differs.",
        "properties": {
            "Path": text("Where it is: `spec.rules[0].matches[0].path.value`, `spec.listeners[name=http-80].port`."),
            "Old": {"description": "Its value before. Left out: it wasn't there."},
            "New": {"description": "Its value afterwards. Left out: it is gone."},
        },
    });
    let object = json!({
        "type": "object", "required": ["Change", "APIVersion", "Kind", "Name", "OwnerKind", "OwnerName"], "description": "An object that changes.",
        "properties": {
            "Change": change, "APIVersion": text("Its group and version."), "Kind": text("Its kind."),
            "Namespace": text("Its namespace. Left out: it has none."),
            "Name": text("Its name. `{id}` stands for an id that the write gives out."),
            "OwnerKind": text("The kind of the record that it belongs to."), "OwnerName": text("The name of that record. Empty: it has none."),
            "Manifest": {"type": "object", "description": "An object that is made, without the values of Secrets."},
            "Fields": list("PlanField", "What changes of an object that stays."),
        },
    });
    let cluster = json!({
        "type": "object", "required": ["KubernetesRuntimeInstanceID", "Name", "Objects"], "description": "A cluster in which objects change.",
        "properties": {"KubernetesRuntimeInstanceID": cluster_id, "Name": text("The cluster's name."), "Objects": list("PlanObject", "By kind, namespace and name.")},
    });
    let record = json!({
        "type": "object", "required": ["Change", "Hostname"], "description": "The records of one hostname and type in DNS.",
        "properties": {
            "Change": change, "Hostname": text("The hostname."),
            "Type": text("`A`, `AAAA` or `CNAME`. Left out: the Gateway has no address yet."),
            "Zone": text("The hosted zone. Left out: it is looked for when the records are published."),
            "Old": texts("The values before."), "New": texts("The values afterwards."),
            "OldTTL": integer("The time to live before, where it changes."), "NewTTL": integer("The time to live afterwards, where it changes."),
            "OldWeight": integer("The weight among the records of several clusters before, where it changes."),
            "NewWeight": integer("The weight afterwards, where it changes."),
        },
    });
    let claim = json!({
        "type": "object", "required": ["Change", "GatewayInstance", "Protocol", "Port"], "description": "What a gateway instance answers to, from now on or no longer.",
        "properties": {
            "Change": change, "GatewayInstance": text("Its name."), "Protocol": text("The protocol."), "Port": integer("The port."),
            "Hostname": text("The hostname. Left out: every one."), "Match": text("Which requests. Left out: all."),
        },
    });
    let certificate = json!({
        "type": "object", "required": ["KubernetesRuntimeInstanceID", "Hostnames", "Issuer"], "description": "A certificate that is asked for.",
        "properties": {"KubernetesRuntimeInstanceID": cluster_id, "Hostnames": texts("What it is for."), "Issuer": text("Who signs it.")},
    });
    let kinds = [Kind::SharedGateway, Kind::SupportServiceInstance].map(Kind::as_str);
    let whole = json!({
        "type": "object", "required": ["Revision", "Clusters", "DNSRecords", "Certificates", "Claims", "Records", "Warnings"],
        "description": "What a write would do.",
        "properties": {
            "Revision": text("The same for the same effect. `If-Plan` of the write itself names it."),
            "Clusters": list("PlanCluster", "Clusters in which objects change."),
            "DNSRecords": list("PlanRecord", "What changes in DNS."),
            "Certificates": list("PlanCertificate", "Certificates that are asked for."),
            "Claims": list("PlanClaim", "What gateway instances answer to."),
            "Records": {"type": "array", "description": "Records that are made by themselves, because a cluster needs them.", "items": {
                "type": "object", "required": ["Kind", "Name", "KubernetesRuntimeInstance"],
                "properties": {
                    "Kind": {"type": "string", "enum": kinds, "description": "The kind."}, "Name": text("The name."),
                    "KubernetesRuntimeInstance": text("The cluster's name."),
                },
            }},
            "Warnings": texts("What to know before, a sentence each."),
        },
    });
    [
        ("PlanField", field),
        ("PlanObject", object),
        ("PlanCluster", cluster),
        ("PlanRecord", record),
        ("PlanClaim", claim),
        ("PlanCertificate", certificate),
        (PLAN, whole),
        ("PlanResponse", envelope::records(PLAN, PLAN)),
    ]
}
