//! A certificate of a gateway as a worker sees it in the cluster. What clients read of it is the noun [`Certificate`](crate::nouns::Certificate).

use crate::kind::Kind;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a reconcile has seen of one Certificate. The database reads it as JSON: `migrations/functions/certificates.sql`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenCertificate {
    /// The kind of the record whose listeners use it: a gateway instance or a shared gateway.
    pub owner_kind: Kind,
    /// That record's id.
    pub owner_id: i64,
    /// Namespace of the Certificate.
    pub namespace: String,
    /// Name of the Certificate.
    pub name: String,
    /// The hostnames that it is for.
    pub hostnames: Vec<String>,
    /// The ClusterIssuer that signs.
    pub issuer: String,
    /// cert-manager says that it can be used.
    pub valid: bool,
    /// Why it can't be used, in a sentence; None: it can.
    pub message: Option<String>,
    /// When it ends; None: there is none yet.
    pub not_after: Option<DateTime<Utc>>,
    /// When cert-manager renews it.
    pub renewal_time: Option<DateTime<Utc>>,
    /// When the last attempt to get one failed; None: it didn't.
    pub failed_at: Option<DateTime<Utc>>,
}
