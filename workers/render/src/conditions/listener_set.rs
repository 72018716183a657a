//! Conditions of a ListenerSet, and what it publishes of its listeners: to the shared gateway how many are ready, to itself what each listener's
//! users see, so that only users of a listener that changed are woken.

use super::{
    CERTIFICATES_READY, LISTENERS_READY, NotReady, count,
    gateway_status::{any_not_ready, certificate_not_ready},
    listener_status::{FaultyListener, ListenerFault},
    report_first,
};
use crate::{
    certificates::IssuedCertificates,
    listener_set::{brought_to, certificates_of, listener_set_ref, wildcards_of},
    names,
    observed::Seen,
    plan::hash,
};
use causeway_records::{
    inputs::{Blocker, ListenerSetInputs, ListenerSetState, Readiness},
    status::NewCondition,
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// What the set publishes. `seen` has the set and its certificates, `issued` the certificates over which it was rendered.
pub fn listener_set_state(inputs: &ListenerSetInputs, issued: &IssuedCertificates, seen: &Seen) -> ListenerSetState {
    let holder = listener_set_ref(inputs);
    let observed = seen.get(&holder);
    let own = certificates_of(inputs, issued).into_iter();
    let certificates: BTreeMap<_, _> =
        own.map(|(hostname, at)| (hostname, certificate_not_ready(hostname, &at, seen))).collect();
    let (mut users_see, mut faulty, mut brought) = (BTreeMap::new(), vec![], vec![]);
    for listener in &inputs.listeners {
        let name = names::listener(&listener.key);
        let fault = ListenerFault::find(&name, observed);
        let hostname = listener.key.hostname.as_deref().filter(|_| listener.key.protocol.ends_tls());
        let of_secret = hostname.zip(brought_to(inputs, listener)).map(|(name, at)| any_not_ready(name, &at, seen));
        let certificate = match &of_secret {
            Some(not_ready) => not_ready.as_ref(),
            None => hostname.and_then(|hostname| certificates.get(hostname)?.as_ref()),
        };
        let certificate = certificate.map(|not_ready| [&not_ready.reason, &not_ready.message]);
        users_see.insert(name, seen_by_users(fault, certificate));
        brought.extend(of_secret);
        faulty.extend(fault.map(|fault| FaultyListener { key: &listener.key, holder: &holder, fault, secret: None }));
    }
    let first = FaultyListener::most_important(&faulty).map(FaultyListener::describe);
    ListenerSetState {
        users_see,
        listeners: Readiness { number: inputs.listeners.len(), not_ready: faulty.len(), first: first.map(Into::into) },
        certificates: readiness(certificates.into_values().chain(brought)),
        wildcards: wildcards_of(inputs, issued),
    }
}

/// ListenersReady, CertificatesReady; nothing while it has no listener.
pub fn listener_set(state: &ListenerSetState) -> Vec<NewCondition> {
    let listeners = (state.listeners.number > 0).then(|| report(LISTENERS_READY, &state.listeners, "listener"));
    let certificates =
        (state.certificates.number > 0).then(|| report(CERTIFICATES_READY, &state.certificates, "certificate"));
    listeners.into_iter().chain(certificates).collect()
}

/// A text that changes whenever a condition of the listener's users may change.
fn seen_by_users(fault: Option<ListenerFault<'_>>, certificate: Option<[&String; 2]>) -> String {
    hash(&json!([fault, certificate]))
}

/// The gateway instances to wake: those that use a listener of which they see something else than before. Of a listener that is new in a set that was
/// there they have seen, by their own reconcile, that no controller has reported it.
pub fn users_to_wake(inputs: &ListenerSetInputs, before: &ListenerSetState, now: &ListenerSetState) -> BTreeSet<i64> {
    let unreported = (!before.users_see.is_empty()).then(|| seen_by_users(Some(ListenerFault::NotReported), None));
    let changed = inputs.listeners.iter().filter(|listener| {
        let name = names::listener(&listener.key);
        before.users_see.get(&name).or(unreported.as_ref()) != now.users_see.get(&name)
    });
    changed.flat_map(|listener| &listener.users).map(|user| user.gateway_instance_id).collect()
}

/// A condition over objects of which only their readiness is known.
pub(super) fn report(condition_type: &'static str, readiness: &Readiness, noun: &str) -> NewCondition {
    let first = readiness.first.clone().map(NotReady::from);
    report_first(condition_type, first, readiness.not_ready, count(readiness.number, noun))
}

/// Of several objects, each None if it is ready.
pub(super) fn readiness(objects: impl Iterator<Item = Option<NotReady>>) -> Readiness {
    objects.fold(Readiness::default(), |sum, object| {
        let not_ready = usize::from(object.is_some());
        plus(sum, Readiness { number: 1, not_ready, first: object.map(Into::into) })
    })
}

/// Of two groups of objects, the first of which is reported first.
pub(super) fn plus(one: Readiness, other: Readiness) -> Readiness {
    let first = match (one.first, other.first) {
        (Some(pending), Some(failed)) if pending.pending && !failed.pending => Some(failed),
        (first, second) => first.or(second),
    };
    Readiness { number: one.number + other.number, not_ready: one.not_ready + other.not_ready, first }
}

impl From<NotReady> for Blocker {
    fn from(NotReady { pending, reason, message }: NotReady) -> Self {
        Self { pending, reason, message }
    }
}

impl From<Blocker> for NotReady {
    fn from(Blocker { pending, reason, message }: Blocker) -> Self {
        Self { pending, reason, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_reported_before_what_is_pending() {
        let (pending, failed) = (NotReady::pending("later"), NotReady::failed("No", "never"));
        let sum = readiness([None, Some(pending.clone()), Some(failed.clone()), Some(pending)].into_iter());
        assert_eq!((sum.number, sum.not_ready, sum.first), (4, 3, Some(failed.into())));
    }
}
