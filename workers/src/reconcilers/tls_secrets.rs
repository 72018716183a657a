//! Secrets with certificates that somebody has brought. No watch tells of them, so they are read with every reconcile, and again after a while.

use super::{Reconcile, requeue::requeue_after};
use causeway_records::{inventory::ObjectRef, status::NewCondition};
use causeway_render::observed::Seen;
use causeway_store::queue::Claimed;
use std::time::Duration;

/// When to look again at Secrets with which nothing is wrong: each may be replaced, and ends one day.
const STEADY: Duration = Duration::from_secs(300);

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

/// What of a record's listeners no watch tells of.
#[derive(Clone, Copy)]
pub(super) struct Unwatched {
    /// A certificate is in the making.
    pub(super) in_the_making: bool,
    /// A certificate is in a Secret that somebody has brought.
    pub(super) are_brought: bool,
    /// The ListenerSet of a shared gateway looks as well, and wakes this record when it sees other than it saw before.
    pub(super) is_looked_at: bool,
}

impl Unwatched {
    /// When to look again. While a brought certificate can't be used, the record looks by itself in any case: both read the Secret, at different times,
    /// and a ListenerSet that saw it before and after somebody replaced it has nothing to tell to who read it in between.
    pub(super) fn next_look(self, claimed: &Claimed, conditions: &[NewCondition]) -> Option<Duration> {
        let may_change = self.are_brought || self.in_the_making && !self.is_looked_at;
        let not_ready = requeue_after(claimed, conditions).filter(|_| may_change);
        not_ready.or((self.are_brought && !self.is_looked_at).then_some(STEADY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::Kind;
    use causeway_store::queue::claimed_for_tests;

    #[test]
    fn who_looks_again_at_certificates() {
        let claimed = claimed_for_tests(Kind::GatewayInstance, 7);
        let look = |in_the_making, are_brought, is_looked_at, is_ready| {
            let condition = match is_ready {
                true => NewCondition::met("CertificatesReady", "Ready", ""),
                false => NewCondition::not_met("CertificatesReady", "SecretNotFound", ""),
            };
            let unwatched = Unwatched { in_the_making, are_brought, is_looked_at };
            unwatched.next_look(&claimed, &[condition]).map(|wait| wait.as_secs())
        };
        assert_eq!([look(false, false, false, true), look(false, false, false, false)], [None, None], "watches tell");
        assert_eq!([look(true, false, false, false), look(true, false, true, false)], [Some(5), None]);
        assert_eq!([look(false, true, false, true), look(false, true, true, true)], [Some(300), None]);
        let read_while_it_was_replaced = [look(false, true, false, false), look(false, true, true, false)];
        assert_eq!(read_while_it_was_replaced, [Some(5), Some(5)]);
    }
}
