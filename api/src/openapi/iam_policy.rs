//! The route that tells what AWS has to allow.

use super::{
    envelope,
    operation::Operation,
    parameters,
    responses::json_answer,
    schema::{schema_ref, text},
};
use crate::{route::Route, routes::iam_policy::IAM_POLICY};
use axum::http::StatusCode;
use causeway_records::{noun::Noun, nouns::DomainNameDefinition};
use causeway_rules::iam_policy::{AwsCaller, iam_policy};
use serde_json::{Value, json};

/// A route of this kind; None: it is another one.
pub(super) fn operation(route: &Route) -> Option<Operation> {
    (route.path == "/v0/domain-name-definitions/{id}/iam-policy").then(read)
}

pub(super) fn schemas() -> [(&'static str, Value); 2] {
    let statement = json!({
        "type": "object", "required": ["Sid", "Effect", "Action", "Resource"],
        "description": "One permission.",
        "properties": {
            "Sid": text("Whose it is and what for."),
            "Effect": {"type": "string", "const": "Allow", "description": "Nothing is denied."},
            "Action": text("The action at Route 53."),
            "Resource": text("The ARN of the hosted zone, or `*` where the action takes none."),
            "Condition": {"type": "object", "description": "Names, types and actions of changes that are allowed."},
        },
    });
    let policy = json!({
        "type": "object", "required": ["Version", "Statement"], "description": "A policy document of AWS IAM.",
        "properties": {
            "Version": {"type": "string", "const": "2012-10-17", "description": "Version of the language of policies."},
            "Statement": {"type": "array", "items": statement, "description": "What is allowed."},
        },
    });
    [(IAM_POLICY, policy), ("IamPolicyResponse", envelope::records(IAM_POLICY, IAM_POLICY))]
}

fn read() -> Operation {
    let callers = AwsCaller::ALL.map(AwsCaller::as_str);
    let only = "Only what these need. Left out: all that the domain needs.";
    let domain = DomainNameDefinition {
        domain: "example.org".parse().unwrap_or_default(),
        hosted_zone_id: Some("Z0123456789ABCDEFGHIJ".to_owned()),
        ..DomainNameDefinition::default()
    };
    let policy = iam_policy(&domain, "us-east-1", Some(AwsCaller::Workers));
    let example = envelope::one(IAM_POLICY, StatusCode::OK, 1, policy);
    Operation {
        id: "readIamPolicy".into(),
        tag: DomainNameDefinition::KIND.as_str(),
        summary: "What does AWS have to allow?".into(),
        description: "The least policy of IAM with which the domain works: for the workers, for external-dns if it writes the records, and for \
                      cert-manager if an authority is shown TXT records. Changes of records are allowed only below the domain. The document is in `Data`."
            .into(),
        parameters: vec![
            parameters::reference("ID"),
            parameters::own("for", json!({"type": "string", "enum": callers}), only),
        ],
        body: None,
        answers: vec![(200, json_answer("The policy.", schema_ref("IamPolicyResponse"), example, false))],
        refusals: vec![400, 404],
        enveloped: true,
    }
}
