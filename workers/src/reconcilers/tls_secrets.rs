//! Secrets with certificates that somebody has brought. No watch tells of them, so they are read with every reconcile, and again after a while.

use super::Reconcile;
use causeway_records::inventory::ObjectRef;
use causeway_render::observed::Seen;
use std::time::Duration;

/// When to look again at Secrets with which nothing is wrong: each may be replaced, and ends one day.
pub(super) const STEADY: Duration = Duration::from_secs(300);

impl Reconcile<'_> {
    /// Adds what is in these Secrets.
    pub(super) async fn see_tls_secrets(&self, secrets: &[ObjectRef], seen: &mut Seen) {
        for at in secrets {
            match self.connection.cluster.tls_secret(at, self.claimed.now()).await {
                Ok(secret) => drop(seen.insert(at.clone(), secret.observed(at.clone()))),
                // A user who may not read Secrets learns from the listener that one can't be used.
                Err(error) => tracing::debug!(%error, secret = %at, "a Secret with a certificate is not read"),
            }
        }
    }
}
