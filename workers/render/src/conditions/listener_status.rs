//! The state of a single listener. It is judged without composing messages; a message is written for the one that a condition reports.

use super::{NotReady, controller_condition::ControllerCondition};
use crate::{
    listeners::{self, ListenerAt},
    observed::Observed,
};
use causeway_records::{inputs::ListenerKey, inventory::ObjectRef};
use serde::Serialize;
use serde_json::Value;

/// The conditions that must be True for a listener to work.
const REQUIRED: [&str; 3] = ["Accepted", "Programmed", "ResolvedRefs"];

/// Why a listener does not work, apart from the state of the Gateway as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub(super) enum ListenerFault<'a> {
    /// The Gateway or ListenerSet that holds it is not in the cluster yet.
    HolderMissing,
    /// The controller has written no status for it yet.
    NotReported,
    /// The Gateway does not accept its ListenerSet, whose status then has no entry for the listener.
    SetRefused(ControllerCondition<'a>),
    /// Another listener has its port or hostname.
    Conflicted(ControllerCondition<'a>),
    /// A required condition is False.
    ConditionFalse(ControllerCondition<'a>),
    /// The controller has not written this required condition yet.
    ConditionMissing(&'static str),
}

impl<'a> ListenerFault<'a> {
    /// Judges a listener of this name by the status of the Gateway or ListenerSet that holds it.
    pub(super) fn find(name: &str, holder: Option<&'a Observed>) -> Option<Self> {
        let Some(holder) = holder else { return Some(Self::HolderMissing) };
        let entries = holder.status.get("listeners");
        let Some(entry) = entries.and_then(|entries| find_entry(entries, name)) else {
            let accepted = ControllerCondition::find_current(holder, "Accepted");
            return Some(accepted.filter(|c| c.is_false()).map_or(Self::NotReported, Self::SetRefused));
        };
        let find =
            |condition_type| ControllerCondition::find_at(&entry["conditions"], condition_type, holder.generation);
        if let Some(conflict) = find("Conflicted").filter(ControllerCondition::is_true) {
            return Some(Self::Conflicted(conflict));
        }
        // The cause comes before its consequences. A listener whose certificate is missing may have no Accepted condition at all.
        let by_cause = ["ResolvedRefs", "Accepted", "Programmed"];
        let failed = by_cause.into_iter().filter_map(find).find(ControllerCondition::is_false);
        let missing = || REQUIRED.into_iter().find(|required| !find(required).is_some_and(|c| c.is_true()));
        failed.map(Self::ConditionFalse).or_else(|| missing().map(Self::ConditionMissing))
    }

    /// The listener may become ready by itself.
    fn is_pending(&self) -> bool {
        matches!(self, Self::HolderMissing | Self::NotReported | Self::ConditionMissing(_))
    }
}

/// A listener that does not work.
#[derive(Clone, Copy, Debug)]
pub(super) struct FaultyListener<'a> {
    /// What tells it from the other listeners of the Gateway.
    pub(super) key: &'a ListenerKey,
    /// The Gateway or ListenerSet that holds it.
    pub(super) holder: &'a ObjectRef,
    /// Why it does not work.
    pub(super) fault: ListenerFault<'a>,
    /// Namespace and name of the Secret with its certificate, if somebody else keeps it.
    pub(super) secret: Option<&'a str>,
}

impl<'a> FaultyListener<'a> {
    /// None if the listener works.
    pub(super) fn find(at: &'a ListenerAt, holder: Option<&'a Observed>) -> Option<Self> {
        let fault = ListenerFault::find(&at.name, holder)?;
        Some(Self { key: &at.key, holder: &at.holder, fault, secret: at.secret.as_deref() })
    }

    /// The one to report: the first that failed, or else the first that is pending.
    pub(super) fn most_important(all: &[Self]) -> Option<&Self> {
        all.iter().find(|listener| !listener.fault.is_pending()).or(all.first())
    }

    /// The fault as a message.
    pub(super) fn describe(&self) -> NotReady {
        let (holder, listener) = (self.holder, format!("the listener for {}", listeners::display(self.key)));
        match &self.fault {
            ListenerFault::HolderMissing => {
                NotReady::pending(format!("{holder}, which holds {listener}, is not seen in the cluster yet"))
            }
            ListenerFault::NotReported => {
                NotReady::pending(format!("the controller has not taken up {listener} of {holder} yet"))
            }
            ListenerFault::ConditionMissing(missing) => {
                NotReady::pending(format!("the controller has not said {missing} of {listener} of {holder} yet"))
            }
            ListenerFault::SetRefused(accepted) => {
                let next = match accepted.reason {
                    "NotAllowed" => {
                        "; the Gateway takes no ListenerSets there: see who has changed its allowedListeners"
                    }
                    _ => "",
                };
                NotReady::failed(accepted.reason, format!("{holder} is refused: {}{next}", accepted.explanation()))
            }
            ListenerFault::Conflicted(conflict) => {
                let next = "somebody else holds that port or hostname";
                let why = conflict.explanation();
                let message = format!("{listener} of {holder} conflicts with another one: {why}; {next}");
                NotReady::failed(conflict.reason, message)
            }
            ListenerFault::ConditionFalse(condition) => {
                let own = holder.namespace.as_deref().unwrap_or_default();
                let is_elsewhere = |secret: &str| secret.split_once('/').is_some_and(|(namespace, _)| namespace != own);
                let next = match (condition.reason, self.secret) {
                    ("InvalidCertificateRef", Some(secret)) => {
                        format!("; see that Secret {secret} is there, of type kubernetes.io/tls")
                    }
                    ("RefNotPermitted", Some(secret)) if is_elsewhere(secret) => {
                        format!(
                            "; see that a ReferenceGrant in the namespace of Secret {secret} lets Gateways of this one use it"
                        )
                    }
                    ("InvalidCertificateRef", None) => {
                        "; its certificate may still be on the way, see CertificatesReady".to_owned()
                    }
                    ("RefNotPermitted", _) => {
                        "; the Secret of its certificate is in another namespace: see who has changed the listener"
                            .to_owned()
                    }
                    _ => String::new(),
                };
                let message = format!("{listener} of {holder} does not work: {}{next}", condition.explanation());
                NotReady::failed(condition.reason, message)
            }
        }
    }
}

/// The entry of a listener in `status.listeners` of a Gateway or ListenerSet.
fn find_entry<'a>(entries: &'a Value, name: &str) -> Option<&'a Value> {
    entries.as_array()?.iter().find(|entry| entry["name"] == name)
}
