//! Which certificates were issued, asked before listeners are rendered that may change from one to another.

use super::{APPLIED, Reconcile};
use causeway_records::{inventory::ObjectRef, status::NewCondition};
use causeway_render::{IssuedCertificates, conditions, k8s::cert_manager::CERTIFICATE, labels::Owner};
use causeway_store::queue::Outcome;
use std::time::Duration;

/// When to look again whether the cluster has told which Certificates it has.
const SOON: Duration = Duration::from_secs(2);

impl Reconcile<'_> {
    /// Of the record's Certificates and these of whole domains; without one of these there is no choice. None as long as the cluster hasn't told which
    /// there are: a listener could lose the one that it has.
    pub(super) async fn issued_certificates(
        &self,
        owner: Owner,
        of_domains: &[ObjectRef],
    ) -> Option<IssuedCertificates> {
        if of_domains.is_empty() {
            return Some(IssuedCertificates::default());
        }
        self.watch(of_domains.iter()).await;
        let is_told = self.connection.cache.is_synced(CERTIFICATE.group, CERTIFICATE.kind);
        is_told.then(|| conditions::issued_certificates(&self.seen(owner, of_domains.iter())))
    }
}

/// Ends a reconcile that waits for that.
pub(super) fn wait_for_certificates(before: Vec<NewCondition>) -> Outcome {
    let message = "waits for the list of the cluster's Certificates, or a listener could lose the one that it has";
    Outcome::with(before).then(NewCondition::not_met(APPLIED, "Waiting", message)).requeue_after(SOON)
}
