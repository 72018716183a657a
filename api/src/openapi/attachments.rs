//! The route that tells who is attached to a shared gateway.

use super::{
    envelope, examples,
    operation::Operation,
    parameters,
    responses::json_answer,
    schema::{integer, schema_ref, text},
};
use crate::{route::Route, routes::attachments::ATTACHMENT};
use axum::http::StatusCode;
use causeway_records::{
    Kind,
    nouns::AttachableBy,
    summary::{AttachmentGrant, GatewayAttachment},
};
use serde_json::{Value, json};

/// A route of this kind; None: it is another one.
pub(super) fn operation(route: &Route) -> Option<Operation> {
    (route.path == "/v0/shared-gateways/{id}/attachments").then(list)
}

/// Schemas of their own.
pub(super) fn schemas() -> [(&'static str, Value); 2] {
    let grant = json!({
        "type": "object", "required": ["ID", "Name"], "description": "A gateway grant.",
        "properties": {"ID": integer("Its id."), "Name": text("Its name.")},
    });
    let mut by = schema_ref("AttachableBy");
    by["description"] = json!(
        "What the shared gateway's own `AttachableBy` says, if that lets the workload attach. A common gateway says nothing and lets everybody."
    );
    let attachment = json!({
        "type": "object", "required": ["GatewayInstanceID", "GatewayInstance", "WorkloadInstanceID", "WorkloadInstance", "Allowed"],
        "description": "A gateway instance on a shared gateway, and what lets it attach.",
        "properties": {
            "GatewayInstanceID": integer("The gateway instance."), "GatewayInstance": text("Its name."),
            "WorkloadInstanceID": integer("Its workload."), "WorkloadInstance": text("The workload instance's name."),
            "Allowed": {"type": "boolean", "description": "It may be attached. If not, it was let once: its routes are taken away."},
            "AttachableBy": by,
            "GatewayGrants": {"type": "array", "items": grant, "description": "The gateway grants that let it, by id. Left out: none does."},
        },
    });
    [(ATTACHMENT, attachment), ("GatewayAttachmentResponse", envelope::records(ATTACHMENT, ATTACHMENT))]
}

fn list() -> Operation {
    let example = GatewayAttachment {
        gateway_instance_id: examples::id(Kind::GatewayInstance),
        gateway_instance: "shop".into(),
        workload_instance_id: examples::id(Kind::WorkloadInstance),
        workload_instance: "shop".into(),
        allowed: true,
        attachable_by: Some(AttachableBy::Selector),
        gateway_grants: vec![AttachmentGrant { id: examples::id(Kind::GatewayGrant), name: "shop-to-public".into() }],
    };
    let example = envelope::one(ATTACHMENT, StatusCode::OK, 1, json!(example));
    let parameters = [parameters::id()].into_iter().chain(parameters::pages()).collect();
    Operation {
        id: "listGatewayAttachments".into(),
        tag: Kind::SharedGateway.as_str(),
        summary: "Who is attached, and what lets it?".into(),
        description: "The gateway instances that claim routes on a shared gateway, by ascending id, each with what lets its workload attach. \
                      `Meta.NextAfter` is there when there may be more."
            .into(),
        parameters,
        body: None,
        answers: vec![(200, json_answer("The gateway instances.", schema_ref("GatewayAttachmentResponse"), example, false))],
        refusals: vec![400, 404],
        enveloped: true,
    }
}
