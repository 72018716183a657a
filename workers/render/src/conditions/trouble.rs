//! What keeps one listener from working. It is found without a word, for there may be thousands, and phrased for those who are told.

use super::{
    Obstacle, PENDING,
    status::{Says, condition, of},
};
use crate::{listeners::spoken, names, observed::Observed};
use causeway_records::{inputs::ListenerKey, inventory::ObjectRef};
use serde::Serialize;
use serde_json::Value;

/// What a listener's controller must say of it.
const GOOD: [&str; 3] = ["Accepted", "Programmed", "ResolvedRefs"];

/// What keeps a listener from working, whatever becomes of the Gateway as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub(super) enum Trouble<'a> {
    /// Its holder is not seen in the cluster yet.
    NotSeen,
    /// The controller has said nothing of it yet.
    NotTakenUp,
    /// The Gateway doesn't take its ListenerSet, whose status then has no entries.
    SetRefused(Says<'a>),
    /// Somebody else holds its port or hostname.
    Conflicts(Says<'a>),
    /// One of the conditions that it needs doesn't hold.
    Fails(Says<'a>),
    /// Of one of them the controller has said nothing yet.
    Unsaid(&'static str),
}

impl<'a> Trouble<'a> {
    /// Of a listener, by what was seen of its Gateway or ListenerSet.
    pub(super) fn of(key: &ListenerKey, holder: Option<&'a Observed>) -> Option<Self> {
        let Some(holder) = holder else { return Some(Self::NotSeen) };
        if holder.works {
            return None;
        }
        let entries = holder.status.get("listeners");
        let Some(entry) = entries.and_then(|entries| entry(entries, &names::listener(key))) else {
            let refused = of(holder, "Accepted").filter(|says| says.status == "False");
            return Some(refused.map_or(Self::NotTakenUp, Self::SetRefused));
        };
        let says = |kind| condition(&entry["conditions"], kind, holder.generation);
        if let Some(conflict) = says("Conflicted").filter(Says::holds) {
            return Some(Self::Conflicts(conflict));
        }
        // The cause comes before what follows from it. A listener whose certificate is missing may have no Accepted condition at all.
        let failing = || ["ResolvedRefs", "Accepted", "Programmed"].into_iter().filter_map(says);
        let failing = failing().find(|says| says.status == "False").map(Self::Fails);
        let unsaid = || GOOD.into_iter().find(|kind| !says(kind).is_some_and(|says| says.holds())).map(Self::Unsaid);
        failing.or_else(unsaid)
    }

    /// It may be gone by itself.
    fn is_unknown(&self) -> bool {
        matches!(self, Self::NotSeen | Self::NotTakenUp | Self::Unsaid(_))
    }
}

/// A listener that doesn't work.
#[derive(Clone, Copy, Debug)]
pub(super) struct Troubled<'a> {
    /// Which.
    pub(super) key: &'a ListenerKey,
    /// The Gateway or ListenerSet that holds it.
    pub(super) holder: &'a ObjectRef,
    /// Why.
    pub(super) trouble: Trouble<'a>,
}

impl Troubled<'_> {
    /// The one to tell of: the first that fails, or else the first of which nothing is known.
    pub(super) fn first(all: &[Self]) -> Option<&Self> {
        all.iter().find(|troubled| !troubled.trouble.is_unknown()).or(all.first())
    }

    /// The trouble in words.
    pub(super) fn obstacle(&self) -> Obstacle {
        let (holder, listener) = (self.holder, format!("the listener for {}", spoken(self.key)));
        let pending = |message| Obstacle::unknown(PENDING, message);
        match &self.trouble {
            Trouble::NotSeen => pending(format!("{holder}, which holds {listener}, is not seen in the cluster yet")),
            Trouble::NotTakenUp => pending(format!("the controller has not taken up {listener} of {holder} yet")),
            Trouble::Unsaid(kind) => {
                pending(format!("the controller has not said {kind} of {listener} of {holder} yet"))
            }
            Trouble::SetRefused(says) => {
                Obstacle::fails(says.reason, format!("{holder} is refused: {}", says.because()))
            }
            Trouble::Conflicts(says) => {
                let next = "somebody else holds that port or hostname";
                let message = format!("{listener} of {holder} conflicts with another one: {}; {next}", says.because());
                Obstacle::fails(says.reason, message)
            }
            Trouble::Fails(says) => {
                let next = match says.reason {
                    "InvalidCertificateRef" => "; its certificate may still be on the way, see CertificatesReady",
                    _ => "",
                };
                let message = format!("{listener} of {holder} does not work: {}{next}", says.because());
                Obstacle::fails(says.reason, message)
            }
        }
    }
}

/// Whether all listeners of a ListenerSet are as they should be.
pub(super) fn all_serve(set: &Value, generation: i64) -> bool {
    let Some(listeners) = set["spec"]["listeners"].as_array() else { return false };
    let entries = &set["status"]["listeners"];
    listeners.iter().all(|listener| {
        let entry = entry(entries, listener["name"].as_str().unwrap_or_default());
        entry.is_some_and(|entry| is_serving(entry, generation))
    })
}

fn is_serving(entry: &Value, generation: i64) -> bool {
    let holds = |kind| condition(&entry["conditions"], kind, generation).is_some_and(|says| says.holds());
    !holds("Conflicted") && GOOD.into_iter().all(holds)
}

/// What the controller says of one listener of a Gateway or ListenerSet.
fn entry<'a>(entries: &'a Value, name: &str) -> Option<&'a Value> {
    entries.as_array()?.iter().find(|entry| entry["name"] == name)
}
