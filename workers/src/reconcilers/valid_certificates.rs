//! Which certificates are valid, asked before listeners are rendered that may change from one to another.

use super::{APPLIED, Reconcile};
use causeway_records::{inventory::ObjectRef, status::NewCondition};
use causeway_render::{ValidCertificates, conditions, k8s::cert_manager::CERTIFICATE, labels::Owner};
use causeway_store::queue::Outcome;
use std::time::Duration;

/// When to look again whether the cluster has told which Certificates it has.
const SOON: Duration = Duration::from_secs(2);

impl Reconcile<'_> {
    /// Of the record's Certificates and these of whole domains; none of them: it has no choice. The outcome of the reconcile as long as the cluster hasn't
    /// told which there are: a listener could lose the one that it has.
    pub(super) async fn valid_certificates(
        &self,
        owner: Owner,
        of_domains: &[ObjectRef],
        before: &[NewCondition],
    ) -> Result<ValidCertificates, Outcome> {
        if of_domains.is_empty() {
            return Ok(ValidCertificates::default());
        }
        self.watch(of_domains.iter()).await;
        if self.connection.cache.is_synced(CERTIFICATE.group, CERTIFICATE.kind) {
            return Ok(conditions::valid_certificates(&self.seen(owner, of_domains.iter())));
        }
        let message = "waits for the list of the cluster's Certificates, or a listener could lose the one that it has";
        let waits = NewCondition::not_met(APPLIED, "Waiting", message);
        Err(Outcome::with(before.to_vec()).then(waits).requeue_after(SOON))
    }
}
