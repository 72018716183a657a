//! What can go wrong between us and Route 53.

use std::time::Duration;

use aws_sdk_route53::error::{ProvideErrorMetadata, SdkError};
use causeway_aws::error_chain;

/// The text names what was asked for and what to do; [`DnsError::retry_after`] says the same to a program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    /// Nothing to call AWS with.
    #[error(
        "the domain names no AWS account with an access key, and the workers don't call AWS as themselves unless they are started with --ambient-aws: give the domain an AwsAccountID, give the account its keys, or start the workers so"
    )]
    NoCredentials,
    /// No zone of the account holds the domain.
    #[error(
        "no hosted zone for {domain} in this AWS account: create one, or correct Domain, Zone, HostedZoneID or AwsAccountID"
    )]
    NoZone { domain: String },
    /// The zone that the record names doesn't hold the domain.
    #[error("hosted zone {zone} is for {name}, which does not contain {domain}: correct HostedZoneID")]
    WrongZone { domain: String, zone: String, name: String },
    /// The zone that the record names isn't of the type that it names.
    #[error("hosted zone {zone} is {found}, and Zone says otherwise: correct HostedZoneID or Zone")]
    WrongZoneType { zone: String, found: &'static str },
    /// Another zone of the account answers for the domain.
    #[error(
        "{domain} lies in hosted zone {child} ({name}), which answers for it instead of {zone}: leave HostedZoneID out, name {child}, or delete that zone if nobody uses it"
    )]
    HiddenByZone { domain: String, zone: String, child: String, name: String },
    /// Several zones fit equally well.
    #[error("{domain} has several hosted zones ({zones}): set HostedZoneID to say which")]
    Ambiguous { domain: String, zones: String },
    /// AWS refuses the credentials, or the action with them.
    #[error(
        "AWS refuses to {action}: {reason}; correct the keys of the AWS account, or its role and external id, or give them the right to do this"
    )]
    Denied { action: String, reason: String },
    /// Too many requests, or an earlier change of the zone isn't through yet.
    #[error("Route 53 asks to wait before it lets us {action} ({reason}); it is tried again by itself")]
    Throttled { action: String, reason: String },
    /// No answer, or one that only says that AWS has trouble.
    #[error("Route 53 cannot be reached to {action}: {reason}; it is tried again by itself")]
    Unreachable { action: String, reason: String },
    /// The zone isn't what it was when the change was decided: nothing was changed, the zone has to be read again.
    #[error("the zone changed while we were to {action} ({reason}); it is read again and tried again by itself")]
    Changed { action: String, reason: String },
    /// Route 53 won't take the request as it is.
    #[error("Route 53 refuses to {action}: {reason}")]
    Refused { action: String, reason: String },
}

impl DnsError {
    /// How long to wait at least before trying again; None if that changes nothing until a person does something.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Changed { .. } => Some(Duration::from_secs(1)),
            Self::Throttled { .. } => Some(Duration::from_secs(2)),
            Self::Unreachable { .. } => Some(Duration::from_secs(5)),
            Self::NoCredentials
            | Self::NoZone { .. }
            | Self::WrongZone { .. }
            | Self::WrongZoneType { .. }
            | Self::HiddenByZone { .. }
            | Self::Ambiguous { .. }
            | Self::Denied { .. }
            | Self::Refused { .. } => None,
        }
    }

    /// Whether the domain has no zone as it is written; else nobody knows whether it has.
    pub fn is_of_domain(&self) -> bool {
        matches!(
            self,
            Self::NoZone { .. }
                | Self::WrongZone { .. }
                | Self::WrongZoneType { .. }
                | Self::HiddenByZone { .. }
                | Self::Ambiguous { .. }
        )
    }

    /// Whether it is about the records of the request: another request may be taken.
    pub fn is_of_records(&self) -> bool {
        matches!(self, Self::Changed { .. } | Self::Refused { .. })
    }

    /// Whether the account itself works and may only not do this.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Denied { reason, .. } if reason.starts_with("AccessDenied"))
    }

    /// For the condition `DnsPublished`.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoCredentials => "NoCredentials",
            Self::NoZone { .. } => "NoZone",
            Self::WrongZone { .. } => "WrongZone",
            Self::WrongZoneType { .. } => "WrongZoneType",
            Self::HiddenByZone { .. } => "HiddenByZone",
            Self::Ambiguous { .. } => "AmbiguousZone",
            Self::Denied { .. } => "Denied",
            Self::Throttled { .. } => "Throttled",
            Self::Unreachable { .. } => "Unreachable",
            Self::Changed { .. } => "ZoneChanged",
            Self::Refused { .. } => "Refused",
        }
    }
}

/// `action` completes the sentence "AWS refuses to …".
pub(super) fn from_sdk<E>(action: String, error: &SdkError<E>) -> DnsError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let Some(service) = error.as_service_error() else { return unanswered(action, error) };
    let code = service.code().unwrap_or("unknown error");
    let reason = match service.message() {
        Some(message) if !message.is_empty() => format!("{code}: {message}"),
        _ => code.to_owned(),
    };
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    match code {
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestLimitExceeded"
        | "TooManyRequestsException"
        | "PriorRequestNotComplete"
        | "RequestThrottled"
        | "SlowDown" => DnsError::Throttled { action, reason },
        "InvalidChangeBatch" => DnsError::Changed { action, reason },
        "AccessDenied"
        | "AccessDeniedException"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken"
        | "NotAuthorized"
        | "OptInRequired"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => DnsError::Denied { action, reason },
        _ if status == 429 => DnsError::Throttled { action, reason },
        _ if status >= 500 => DnsError::Unreachable { action, reason },
        _ if status == 401 || status == 403 => DnsError::Denied { action, reason },
        _ => DnsError::Refused { action, reason },
    }
}

/// A request that got no answer from Route 53: usually the network, but credentials that can't be had end here as well.
fn unanswered<E>(action: String, error: &SdkError<E>) -> DnsError
where
    E: std::error::Error + 'static,
{
    let unreachable = match error {
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => true,
        SdkError::DispatchFailure(failure) => failure.is_io() || failure.is_timeout(),
        _ => false,
    };
    // The SDK wraps what its credential chain says as a failure to dispatch, without a kind of its own.
    let reason = error_chain(error).split_whitespace().collect::<Vec<_>>().join(" ");
    if unreachable || !reason.contains("credential") {
        DnsError::Unreachable { action, reason }
    } else {
        DnsError::Denied { action, reason }
    }
}
