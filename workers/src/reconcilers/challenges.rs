//! What authorities say about the certificates of a gateway. No watch tells of it, so it is read while a certificate isn't valid.

use super::Reconcile;
use causeway_render::{conditions::certificates_in_the_making, observed::Seen};
use std::collections::BTreeSet;

impl Reconcile<'_> {
    /// Adds the Challenges beside the Certificates that are not valid. Returns whether there is such a Certificate.
    pub(super) async fn see_challenges(&self, seen: &mut Seen) -> bool {
        let namespaces: BTreeSet<String> =
            certificates_in_the_making(seen).filter_map(|certificate| certificate.namespace.clone()).collect();
        for namespace in &namespaces {
            match self.connection.cluster.challenges(namespace).await {
                Ok(challenges) => {
                    seen.extend(challenges.into_iter().map(|challenge| (challenge.at.clone(), challenge)))
                }
                // They are good to have, and nothing depends on them: a user who may not read them loses nothing else.
                Err(error) => tracing::debug!(%error, namespace, "the challenges of certificates are not read"),
            }
        }
        !namespaces.is_empty()
    }
}
