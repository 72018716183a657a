//! Refusals as AWS words them.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use crate::wire;

/// An error answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Fault {
    pub(crate) status: StatusCode,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Fault {
    fn new(status: StatusCode, code: &str, message: String) -> Self {
        Self { status, code: code.to_owned(), message }
    }

    pub(crate) fn invalid_input(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidInput", message.into())
    }

    pub(crate) fn invalid_change_batch(problems: &[String]) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidChangeBatch", format!("[{}]", problems.join(", ")))
    }

    pub(crate) fn no_such_zone(id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NoSuchHostedZone", format!("No hosted zone found with ID: {id}"))
    }

    pub(crate) fn no_such_change(id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NoSuchChange", format!("Could not find resource with ID: {id}"))
    }

    pub(crate) fn invalid_domain_name(name: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidDomainName", format!("{name} is not a valid domain name"))
    }

    pub(crate) fn zone_exists(reference: &str) -> Self {
        let message =
            format!("A hosted zone has already been created with the specified caller reference: {reference}");
        Self::new(StatusCode::CONFLICT, "HostedZoneAlreadyExists", message)
    }

    pub(crate) fn access_denied(access_key: &str, action: &str, resource: &str) -> Self {
        let message = format!(
            "User: arn:aws:iam::123456789012:user/{access_key} is not authorized to perform: {action} on resource: {resource} because no \
             identity-based policy allows the {action} action"
        );
        Self::new(StatusCode::FORBIDDEN, "AccessDenied", message)
    }

    pub(crate) fn rate_exceeded() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Throttling", "Rate exceeded".to_owned())
    }

    pub(crate) fn zone_not_empty() -> Self {
        let message = "The specified hosted zone contains non-required resource record sets and so cannot be deleted.";
        Self::new(StatusCode::BAD_REQUEST, "HostedZoneNotEmpty", message.to_owned())
    }

    pub(crate) fn malformed(error: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "MalformedInput", format!("Unparseable xml encountered: {error}"))
    }

    pub(crate) fn no_such_operation() -> Self {
        let message = "The emulator does not know this operation".to_owned();
        Self::new(StatusCode::NOT_FOUND, "UnknownOperationException", message)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let body = wire::ErrorResponse {
            xmlns: wire::NAMESPACE,
            error: wire::ErrorBody {
                kind: if self.status.is_server_error() { "Receiver" } else { "Sender" },
                code: &self.code,
                message: &self.message,
            },
            request_id: Uuid::new_v4().to_string(),
        };
        match wire::document("ErrorResponse", &body) {
            Ok(xml) => (self.status, [(header::CONTENT_TYPE, "text/xml")], xml).into_response(),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error).into_response(),
        }
    }
}
