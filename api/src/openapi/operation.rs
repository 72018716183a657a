//! One operation: what it takes, what it answers, and who may use it.

use super::{parameters, reference, responses};
use crate::auth::access::Access;
use serde_json::{Map, Value, json};

/// One verb of one path.
pub(super) struct Operation {
    /// Unique: `createGatewayDefinition`.
    pub(super) id: String,
    /// The chapter it stands in.
    pub(super) tag: &'static str,
    /// A few words.
    pub(super) summary: String,
    /// What it does.
    pub(super) description: String,
    /// Of the path and the query, and of headers.
    pub(super) parameters: Vec<Value>,
    /// What the body holds, with an example.
    pub(super) body: Option<(Value, Value)>,
    /// Answers of its own, by code.
    pub(super) answers: Vec<(u16, Value)>,
    /// Codes of refusals that others have too.
    pub(super) refusals: Vec<u16>,
    /// It stands below the layers of the wire format.
    pub(super) enveloped: bool,
}

impl Operation {
    /// As it stands in the document.
    pub(super) fn json(mut self, access: &Access) -> Value {
        let own = self.answers.into_iter().map(|(code, answer)| (code.to_string(), answer));
        let mut answers: Map<String, Value> = own.collect();
        if let Access::Needs(_) = access {
            self.refusals.extend(responses::BEFORE);
        }
        if self.enveloped {
            self.refusals.extend(responses::ENVELOPED);
        }
        for code in self.refusals {
            answers.entry(code.to_string()).or_insert_with(|| reference("responses", responses::name(code)));
        }
        self.parameters.push(reference("parameters", parameters::REQUEST_ID));
        let mut operation = json!({
            "operationId": self.id,
            "tags": [self.tag],
            "summary": self.summary,
            "description": format!("{} {}", self.description, role(access)),
            "parameters": self.parameters,
            "responses": answers,
            "security": security(access),
        });
        if let Some((schema, example)) = self.body {
            let content = json!({"application/json": {"schema": schema, "example": example}});
            operation["requestBody"] = json!({"required": true, "content": content});
        }
        operation
    }
}

fn role(access: &Access) -> String {
    match access {
        Access::Open => "Needs no role.".into(),
        Access::Needs(role) => format!("Needs the role `{role}`."),
    }
}

/// Roles stand where OAuth has its scopes.
fn security(access: &Access) -> Value {
    match access {
        Access::Open => json!([]),
        Access::Needs(role) => json!([{"certificate": [role]}, {"token": [role]}]),
    }
}

/// The ways to show who one is.
pub(super) fn security_schemes() -> Value {
    json!({
        "certificate": {
            "type": "mutualTLS",
            "description": "A client certificate that the server's authority has signed. Its organization names the role: `causeway:viewer`, `causeway:editor` or `causeway:admin`.",
        },
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "An access token; an admin makes them at `/v0/access-tokens`.",
        },
    })
}
