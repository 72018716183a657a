use super::{KubernetesRuntimeInstance, Rules, Texts};
use causeway_records_derive::Noun;
use chrono::{DateTime, Utc};

/// A certificate of a gateway, as the cluster shows it. Workers write it when something of it changes; clients read it. It goes with the listener
/// that needs it.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "certificates")]
pub struct Certificate {
    /// The cluster that it is in.
    #[noun(read_only, parent = KubernetesRuntimeInstance)]
    pub kubernetes_runtime_instance_id: i64,
    /// The kind of the record whose listeners use it: `GatewayInstance` or `SharedGateway`.
    #[noun(read_only, example = "SharedGateway")]
    pub owner_kind: String,
    /// The id of that record.
    #[noun(read_only)]
    pub owner_id: i64,
    /// Namespace of the Certificate object.
    #[noun(read_only, example = "causeway-gateways")]
    pub namespace: String,
    /// Name of the Certificate object, and of the Secret with its key.
    #[noun(read_only, example = "shop-example-org")]
    pub name: String,
    /// The hostnames that it is for.
    #[noun(read_only, no_filter, example = r#"["shop.example.org"]"#)]
    pub hostnames: Texts,
    /// The ClusterIssuer that signs.
    #[noun(read_only, example = "main-letsencrypt")]
    pub issuer: String,
    /// cert-manager says that it can be used.
    #[noun(read_only, example = true)]
    pub valid: bool,
    /// If not, why: the same sentence as in the condition `CertificatesReady`.
    #[noun(read_only, no_filter)]
    pub message: Option<String>,
    /// When it ends. Left out: none has been issued yet.
    #[noun(read_only, no_filter, example = "2026-04-30T12:00:00Z")]
    pub not_after: Option<DateTime<Utc>>,
    /// When cert-manager renews it.
    #[noun(read_only, no_filter, example = "2026-03-31T12:00:00Z")]
    pub renewal_time: Option<DateTime<Utc>>,
    /// When the last attempt to get one failed. Left out: it didn't.
    #[noun(read_only, no_filter)]
    pub failed_at: Option<DateTime<Utc>>,
}
impl Rules for Certificate {}
