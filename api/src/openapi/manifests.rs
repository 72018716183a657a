//! The routes that show the objects of a record.

use super::{
    envelope,
    operation::Operation,
    parameters,
    responses::document_answer,
    schema::{schema_ref, text},
};
use crate::{
    route::Route,
    routes::manifests::{MANIFEST, YAML},
};
use axum::http::StatusCode;
use causeway_records::nouns;
use serde_json::{Value, json};

/// A route of this kind; None: it is another one.
pub(super) fn operation(route: &Route) -> Option<Operation> {
    let plural = route.path.strip_prefix("/v0/")?.strip_suffix("/{id}/manifests")?;
    let info = nouns::ALL.iter().find(|info| info.plural == plural)?;
    let example = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"name": "shop-900000000000000012-http-80", "namespace": "shop-900000000000000010"},
        "spec": {"hostnames": ["shop.example.org"]},
    });
    let listed = envelope::one(MANIFEST, StatusCode::OK, 1, example);
    let text = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata:\n  name: shop-900000000000000012-http-80\n";
    let answer = document_answer(
        "The objects, in the order in which they are applied: a stream of YAML documents, or a list in the envelope, as `Accept` asks.",
        [(YAML, json!({"type": "string"}), json!(text)), ("application/json", schema_ref("ManifestResponse"), listed)],
    );
    Some(Operation {
        id: format!("manifestsOf{}", info.kind.as_str()),
        tag: info.kind.as_str(),
        summary: "Show its objects".into(),
        description: "The objects that the record's worker applies to the cluster, rendered by the same code from what is on record now. Values of Secrets are \
                      masked; an admin sees those of a workload's own manifests. With a shared gateway come its ListenerSets. 409: what is on record \
                      doesn't make objects yet, or the record is being deleted; the sentence says which."
            .into(),
        parameters: vec![parameters::reference("ID")],
        body: None,
        answers: vec![(200, answer)],
        refusals: vec![400, 404, 406, 409, 429],
        enveloped: false,
    })
}

pub(super) fn schemas() -> [(&'static str, Value); 2] {
    let manifest = json!({
        "type": "object", "required": ["apiVersion", "kind", "metadata"],
        "description": "An object of Kubernetes, as it is applied.",
        "properties": {
            "apiVersion": text("Its group and version."),
            "kind": text("Its kind."),
            "metadata": {"type": "object", "description": "Its name, namespace and labels."},
        },
    });
    [(MANIFEST, manifest), ("ManifestResponse", envelope::records(MANIFEST, MANIFEST))]
}
