//! The route that reads what others have in their clusters already.

use super::{
    envelope, operation::Operation, parameters::own, prose::OVERVIEW, responses::json_answer, schema::schema_ref,
};
use crate::{
    route::{IMPORT, Route},
    routes::import::answer_of,
};
use axum::http::StatusCode;
use causeway_import::{Loss, import};
use causeway_manifests::{Budget, read};
use serde_json::{Value, json};

/// The objects of the example.
const EXAMPLE: &str = "\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public, namespace: shop}
spec:
  gatewayClassName: eg
  listeners: [{name: http, port: 80, protocol: HTTP}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop, namespace: shop}
spec:
  parentRefs: [{name: public}]
  hostnames: [shop.example.org]
  rules:
    - retry: {attempts: 3}
      backendRefs: [{name: web, port: 8080}]
";

/// A route of this kind; None: it is another one.
pub(super) fn operation(route: &Route) -> Option<Operation> {
    (route.path == "/v0/import").then(read_objects)
}

pub(super) fn schemas() -> [(&'static str, Value); 5] {
    let text = |doc: &str| json!({"type": "string", "description": doc});
    let asked = json!({
        "type": "object", "required": ["YAMLDocument"], "additionalProperties": false,
        "description": "Objects of Kubernetes.",
        "properties": {
            "YAMLDocument": text("Gateways, ListenerSets, routes, ReferenceGrants, Ingresses and objects of Gloo, and what stands behind them, as a stream of YAML or JSON documents."),
        },
    });
    let document = json!({
        "type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": {"type": "object"},
        "description": "A record as `causeway apply -f` takes it: its kind, and below it its fields, with other records by their names.",
    });
    let losses = Loss::ALL.map(Loss::as_str);
    let finding = json!({
        "type": "object", "required": ["Kind", "Namespace", "Name", "Field", "Loss", "Problem"],
        "description": "A field that no record says as it is, with all that is below it.",
        "properties": {
            "Kind": text("Kind of the object."),
            "Namespace": text("Its namespace; `default` where the manifest names none. Empty: it has none, or it is a record among the documents."),
            "Name": text("Its name."),
            "Field": text("Path of the field: `spec.rules[0].retry`. Empty: the whole object."),
            "Loss": {
                "type": "string", "enum": losses,
                "description": "`Lossy`: a record says something like it. `Unsupported`: none does. `Needed`: a record says it once you have brought what the sentence names.",
            },
            "Problem": text("Why, and what to do about it."),
        },
    });
    let answer = json!({
        "type": "object", "required": ["Documents", "Report"], "description": "What comes of objects of Kubernetes.",
        "properties": {
            "Documents": {"type": "array", "items": schema_ref("ImportDocument"), "description": "The records, those first that others name."},
            "Report": {"type": "array", "items": schema_ref("ImportFinding"), "description": "What no record says as it is. What isn't in it is said by the documents."},
        },
    });
    [
        ("ImportRequest", asked),
        ("ImportDocument", document),
        ("ImportFinding", finding),
        (IMPORT, answer),
        ("ImportResponse", envelope::records(IMPORT, IMPORT)),
    ]
}

fn read_objects() -> Operation {
    // The objects of the example are few, and can be read.
    let manifests = read(EXAMPLE, &Budget::default()).unwrap_or_default();
    let answer = answer_of(&import(manifests).unwrap_or_default());
    let example = envelope::one(IMPORT, StatusCode::OK, 1, json!(answer));
    Operation {
        id: "importObjects".into(),
        tag: OVERVIEW,
        summary: "What are these objects as records?".into(),
        description: "Reads objects of Gateway API and of Gloo, and Ingresses, and answers the documents that say the same, with a report of each field that no record \
                      says as it is. Nothing is written: apply the documents when you have read the report. With `take-over=true` the objects are those of a cluster, \
                      and the documents are of records that take them over under their names when they are applied: what no record says whole is left out, \
                      and stays as it is."
            .into(),
        parameters: vec![
            own(
                "take-over",
                json!({"type": "boolean", "default": false}),
                "Records whose objects are the ones that are in the cluster already, instead of objects of their own.",
            ),
            own(
                "runtime",
                json!({"type": "integer", "format": "int64"}),
                "With `take-over`: the id of the cluster, a KubernetesRuntimeInstance.",
            ),
        ],
        body: Some((schema_ref("ImportRequest"), json!({"YAMLDocument": EXAMPLE}))),
        answers: vec![(200, json_answer("The documents and the report.", schema_ref("ImportResponse"), example, false))],
        refusals: vec![400, 413, 415],
        enveloped: true,
    }
}
