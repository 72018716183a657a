//! external-dns, `externaldns.k8s.io/v1alpha1`.

use super::Kind;
use serde::Serialize;

/// DNS records to publish. The CRD has no defaults, and external-dns writes only its status.
pub const DNS_ENDPOINT: Kind =
    Kind { group: "externaldns.k8s.io", version: "v1alpha1", kind: "DNSEndpoint", exclusive: true };

/// Spec of a DNSEndpoint.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DnsEndpointSpec {
    /// In order of hostname and type.
    pub endpoints: Vec<Endpoint>,
}

/// All records of one name and type.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// The hostname.
    pub dns_name: String,
    /// `A`, `AAAA`, `CNAME`.
    pub record_type: String,
    /// Addresses, or one name for `CNAME`.
    pub targets: Vec<String>,
    /// Seconds.
    #[serde(rename = "recordTTL")]
    pub record_ttl: i64,
}
