//! A Secret with a certificate that somebody brings for a port (`TLSSecretName`): what a worker has seen of it. It is never ours: no
//! plan has it, so it is neither changed nor deleted.

use crate::{
    k8s::core::SECRET,
    observed::{Observed, Seen},
};
use causeway_records::inventory::ObjectRef;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The type of Secrets with a certificate and its key.
pub const TLS_TYPE: &str = "kubernetes.io/tls";

/// What is seen of such a Secret. The key isn't looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsSecret {
    /// There is none of this name.
    Missing,
    /// It is a Secret of another type.
    OtherType(String),
    /// It holds no certificate, or no key: why, as the end of a sentence.
    Unusable(String),
    /// It holds a certificate.
    Certificate(BroughtCertificate),
}

/// A certificate in a Secret: the first, which is a server's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BroughtCertificate {
    /// The DNS names that it is for.
    pub names: Vec<String>,
    /// When it begins.
    pub not_before: DateTime<Utc>,
    /// When it ends.
    pub not_after: DateTime<Utc>,
    /// When it was looked at.
    pub seen_at: DateTime<Utc>,
}

impl TlsSecret {
    /// As conditions find it.
    pub fn observed(&self, at: ObjectRef) -> Observed {
        let status = serde_json::to_value(self).unwrap_or_default();
        Observed { at, uid: String::new(), generation: 0, replicas: None, status }
    }

    /// None: nobody could look.
    pub(crate) fn find(at: &ObjectRef, seen: &Seen) -> Option<Self> {
        serde_json::from_value(seen.get(at)?.status.clone()).ok()
    }
}

/// Namespace and name of a Secret that was brought.
pub(crate) fn secret_ref(namespace: &str, name: &str) -> ObjectRef {
    SECRET.at(namespace, name)
}
