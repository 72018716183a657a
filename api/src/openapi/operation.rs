//! One operation: what it takes, what it answers, and who may use it.

use super::{parameters, responses, schema::schema};
use crate::route::RouteAccess;
use axum::http::Method;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::openapi::{
    ContentBuilder, HttpMethod, RefOr, Required, Response, ResponsesBuilder,
    path::{Operation as Built, OperationBuilder, Parameter},
    request_body::RequestBodyBuilder,
    security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
};

/// One verb of one path.
pub(super) struct Operation {
    /// Unique: `createGatewayDefinition`.
    pub(super) id: String,
    /// The chapter it stands in.
    pub(super) tag: &'static str,
    /// For lists of operations: a few words.
    pub(super) summary: String,
    pub(super) description: String,
    /// Of the path and the query, and of headers.
    pub(super) parameters: Vec<RefOr<Parameter>>,
    /// What the body holds, with an example.
    pub(super) body: Option<(Value, Value)>,
    /// Answers of its own, by code.
    pub(super) answers: Vec<(u16, Response)>,
    /// Codes of refusals that others have too.
    pub(super) refusals: Vec<u16>,
    /// It stands below the layers of the wire format.
    pub(super) enveloped: bool,
}

impl Operation {
    /// As it stands in the document.
    pub(super) fn build(mut self, access: RouteAccess) -> Built {
        if let RouteAccess::Needs(_) = access {
            self.refusals.extend(responses::BEFORE);
        }
        if self.enveloped {
            self.refusals.extend(responses::ENVELOPED);
        }
        // What the operation says itself about a code comes last, and stays.
        let shared = self.refusals.into_iter().map(|code| (code, RefOr::Ref(responses::reference(code))));
        let own = self.answers.into_iter().map(|(code, answer)| (code, RefOr::T(answer)));
        let answers = shared.chain(own).map(|(code, answer)| (code.to_string(), answer));
        let body = self.body.map(|(holds, example)| {
            let content = ContentBuilder::new().schema(Some(schema(holds))).example(Some(example)).build();
            RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True)).build()
        });
        let mut built = OperationBuilder::new()
            .operation_id(Some(self.id))
            .tag(self.tag)
            .summary(Some(self.summary))
            .description(Some(format!("{} {}", self.description, role(access))))
            .request_body(body)
            .responses(ResponsesBuilder::new().responses_from_iter(answers))
            .securities(Some(security(access)))
            .build();
        self.parameters.push(parameters::reference(parameters::REQUEST_ID));
        built.parameters = Some(self.parameters);
        built
    }
}

/// A verb by its name in the document.
pub(super) fn method(method: &Method) -> Option<HttpMethod> {
    Some(match *method {
        Method::GET => HttpMethod::Get,
        Method::POST => HttpMethod::Post,
        Method::PUT => HttpMethod::Put,
        Method::PATCH => HttpMethod::Patch,
        Method::DELETE => HttpMethod::Delete,
        _ => return None,
    })
}

fn role(access: RouteAccess) -> String {
    match access {
        RouteAccess::Open => "Needs no role.".into(),
        RouteAccess::Needs(role) => format!("Needs the role `{role}`."),
    }
}

/// Roles stand where OAuth has its scopes.
fn security(access: RouteAccess) -> Vec<SecurityRequirement> {
    match access {
        RouteAccess::Open => vec![],
        RouteAccess::Needs(role) => {
            ["certificate", "token"].map(|name| SecurityRequirement::new(name, [role.to_string()])).into()
        }
    }
}

/// The ways to authenticate.
pub(super) fn security_schemes() -> BTreeMap<String, RefOr<SecurityScheme>> {
    let certificate = "A client certificate that the server's authority has signed. Its organization names the role: `causeway:viewer`, `causeway:editor` or `causeway:admin`.";
    let token = "An access token; an admin makes them at `/v0/access-tokens`.";
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(token)).build();
    let certificate =
        SecurityScheme::MutualTls { description: Some(certificate.into()), deprecated: None, extensions: None };
    BTreeMap::from([("certificate".into(), certificate.into()), ("token".into(), SecurityScheme::Http(token).into())])
}
