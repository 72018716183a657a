//! What the reconcile of a support service needs to know.

use super::named::Named;
use crate::{
    nouns::{AwsAccount, SupportServiceInstance},
    published::PublishedZone,
    record::Record,
};

/// The inputs of the reconcile of a support service.
#[derive(Clone, Debug, PartialEq)]
pub struct SupportServiceInputs {
    /// Identity of this control plane, in every label.
    pub control_plane: String,
    /// The cluster, for owner ids in DNS.
    pub kubernetes_runtime_instance_id: i64,
    /// Which service, in which version.
    pub instance: Named<SupportServiceInstance>,
    /// external-dns only: the AWS account of the zones, with decrypted keys.
    pub account: Option<Record<AwsAccount>>,
    /// external-dns only: domains that it may write to, sorted.
    pub domains: Vec<String>,
    /// external-dns only: the hosted zones that it writes to, sorted.
    pub zones: Vec<PublishedZone>,
}
