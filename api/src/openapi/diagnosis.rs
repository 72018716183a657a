//! The routes that tell why a hostname isn't served.

use super::{
    envelope,
    operation::Operation,
    parameters,
    responses::json_answer,
    schema::{schema_ref, text},
};
use crate::{route::Route, routes::diagnosis::DIAGNOSIS};
use axum::http::StatusCode;
use causeway_diagnosis::{StepName, Verdict};
use causeway_records::{
    noun::{Info, Noun},
    nouns::{DomainNameInstance, GatewayInstance},
};
use serde_json::{Value, json};

/// A route of this kind; None: it is another one.
pub(super) fn operation(route: &Route) -> Option<Operation> {
    match route.path.as_str() {
        "/v0/gateway-instances/{id}/diagnosis" => Some(diagnosis("diagnoseGatewayInstance", &GatewayInstance::INFO)),
        "/v0/domain-name-instances/{id}/diagnosis" => {
            Some(diagnosis("diagnoseDomainNameInstance", &DomainNameInstance::INFO))
        }
        _ => None,
    }
}

pub(super) fn schemas() -> [(&'static str, Value); 3] {
    let step = json!({
        "type": "object", "required": ["Step", "Verdict", "Evidence"], "description": "One step of a request.",
        "properties": {
            "Step": {"type": "string", "enum": StepName::ALL, "description": "Which one."},
            "Verdict": {"type": "string", "enum": Verdict::ALL,
                "description": "Whether it works. `Unknown`: it can't be seen from the API's machine."},
            "Evidence": text("What was seen."), "Advice": text("What to do. Left out where nothing is."),
        },
    });
    let whole = json!({
        "type": "object", "required": ["Hostname", "Served", "Summary", "Steps"],
        "description": "Why a hostname isn't served, as far as it can be seen from the API's machine.",
        "properties": {
            "Hostname": text("The hostname; of a wildcard that was not asked for by a name below it, some name there. Empty: the gateway answers to every one."),
            "Served": {"type": "boolean", "description": "No step failed."},
            "Summary": text("All in one sentence: the first step that failed, and what to do."),
            "Steps": {"type": "array", "items": schema_ref("DiagnosisStep"),
                "description": "Those that failed first, in the order of a request; then the others."},
        },
    });
    [("DiagnosisStep", step), (DIAGNOSIS, whole), ("DiagnosisResponse", envelope::records(DIAGNOSIS, DIAGNOSIS))]
}

fn diagnosis(id: &str, info: &Info) -> Operation {
    let evidence = "name server ns-1.example.net. has no address for shop.example.org";
    let advice = "wait a minute if the record is new; else compare the delegation with the hosted zone's NS record";
    let example = json!({
        "Hostname": "shop.example.org", "Served": false,
        "Summary": format!("shop.example.org is not served: {evidence}; {advice}"),
        "Steps": [
            {"Step": "RecordServed", "Verdict": "Failed", "Evidence": evidence, "Advice": advice},
            {"Step": "Delegated", "Verdict": "Passed", "Evidence": "zone example.org is delegated to ns-1.example.net."},
        ],
    });
    let example = envelope::one(DIAGNOSIS, StatusCode::OK, 1, example);
    let answer = json_answer("The diagnoses, one for each hostname.", schema_ref("DiagnosisResponse"), example, false);
    let hostname = "Only this hostname, which may be one below a wildcard. Left out: the first four.";
    Operation {
        id: id.into(),
        tag: info.kind.as_str(),
        summary: "Why is it not served?".into(),
        description: "Goes the way of a request step by step: DNS, connection, certificate, endpoints behind the Service, HTTP. It asks name servers, and connects to the addresses \
                      in the Gateway's status, from the API's machine; that takes up to twenty seconds. A caller has one diagnosis at a time."
            .into(),
        parameters: vec![parameters::reference("ID"), parameters::own("hostname", json!({"type": "string"}), hostname)],
        body: None,
        answers: vec![(200, answer)],
        refusals: vec![400, 404, 429],
        enveloped: true,
    }
}
