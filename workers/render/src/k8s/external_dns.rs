//! external-dns, `externaldns.k8s.io/v1alpha1`.

use super::ObjectKind;
use serde::Serialize;

/// DNS records for external-dns to publish. The CRD has no defaults, and external-dns writes only its status.
pub const DNS_ENDPOINT: ObjectKind =
    ObjectKind { group: "externaldns.k8s.io", version: "v1alpha1", kind: "DNSEndpoint", exclusive: true };

/// `spec` of a DNSEndpoint.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DnsEndpointSpec {
    /// In order of hostname and type, so that equal records give an equal object.
    pub endpoints: Vec<DnsRecordSet>,
}

/// All records of one name and type.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DnsRecordSet {
    /// The hostname, without final dot.
    pub dns_name: String,
    /// `A`, `AAAA`, `CNAME`.
    pub record_type: String,
    /// Addresses, or one name for `CNAME`.
    pub targets: Vec<String>,
    /// How long resolvers may keep the answer, in seconds.
    #[serde(rename = "recordTTL")]
    pub record_ttl: i64,
    /// Tells the record from those of other clusters; left out: it is the only one of its hostname and type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_identifier: Option<String>,
    /// What only the provider knows, such as `aws/weight`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub provider_specific: Vec<ProviderSpecific>,
}

/// One property of a record at a provider.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProviderSpecific {
    /// `aws/weight`.
    pub name: &'static str,
    /// Its value as a text.
    pub value: String,
}
