//! Records that wait for a kind which the cluster doesn't serve yet: they are woken when it does, for no object of theirs can tell.
//!
//! While somebody waits, custom resource definitions and API services are watched, by metadata. A change of one is a reason to look at discovery,
//! which follows some moments later; so is time alone, where watching is forbidden.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::ready,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use causeway_records::inventory::ObjectRef;
use futures::{Stream, StreamExt, stream};
use kube::{
    Api,
    api::DynamicObject,
    core::{ApiResource, GroupVersionKind, PartialObjectMeta},
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};
use tokio::{sync::Notify, time::Instant};

use super::Wake;
use crate::{Cluster, bounds::PAGE};

/// From a change of a definition to the first look, and between looks after it.
const SOON: Duration = Duration::from_secs(1);
/// How many looks a change is worth: discovery follows within some of them.
const LOOKS: u32 = 10;
/// Between looks that nothing gives a reason for.
const SELDOM: Duration = Duration::from_secs(60);

/// Owners, each with the objects whose kinds it waits for.
#[derive(Default)]
pub(super) struct WaitingOwners {
    owners: Mutex<BTreeMap<Arc<str>, BTreeSet<ObjectRef>>>,
    added: Notify,
}

impl WaitingOwners {
    fn owners(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, BTreeSet<ObjectRef>>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What an owner waits for from now on, in place of what it waited for. Whether anybody waits.
    pub(super) fn set(&self, owner: &str, kinds: BTreeSet<ObjectRef>) -> bool {
        let mut owners = self.owners();
        if kinds.is_empty() {
            owners.remove(owner);
        } else {
            owners.insert(Arc::from(owner), kinds);
            self.added.notify_one();
        }
        !owners.is_empty()
    }

    /// Takes out the owners for whom one kind is served now.
    fn take(&self, is_served: impl Fn(&ObjectRef) -> bool) -> Vec<Arc<str>> {
        let mut owners = self.owners();
        let (served, waiting): (BTreeMap<_, _>, _) =
            std::mem::take(&mut *owners).into_iter().partition(|(_, kinds)| kinds.iter().any(&is_served));
        *owners = waiting;
        served.into_keys().collect()
    }

    fn is_empty(&self) -> bool {
        self.owners().is_empty()
    }
}

/// Wakes whoever waits for a kind, until its task is aborted.
pub(super) async fn follow(cluster: Cluster, waiting: Arc<WaitingOwners>, wake: Wake) {
    loop {
        while waiting.is_empty() {
            waiting.added.notified().await;
        }
        let mut changes = Box::pin(changes(&cluster));
        let (mut next_look, mut looks) = (Instant::now() + SOON, 0_u32);
        while !waiting.is_empty() {
            tokio::select! {
                Some(()) = changes.next() => {
                    looks = LOOKS;
                    next_look = next_look.min(Instant::now() + SOON);
                }
                () = waiting.added.notified() => next_look = next_look.min(Instant::now() + SOON),
                () = tokio::time::sleep_until(next_look) => {
                    // An error says nothing about any kind: the next look will.
                    if let Ok(served) = cluster.discovery().fresh().await {
                        waiting.take(|at| served.serves_exactly(at)).iter().for_each(|owner| wake(owner));
                    }
                    next_look = Instant::now() + if looks > 0 { SOON } else { SELDOM };
                    looks = looks.saturating_sub(1);
                }
            }
        }
    }
}

/// Something for each change of a definition, and for the end of each first list.
fn changes(cluster: &Cluster) -> impl Stream<Item = ()> + Send + use<> {
    let kinds = [("apiextensions.k8s.io", "CustomResourceDefinition"), ("apiregistration.k8s.io", "APIService")];
    let watches = kinds.map(|(group, kind)| {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
        let api: Api<PartialObjectMeta<DynamicObject>> = Api::all_with(cluster.client().clone(), &resource);
        let events = watcher(api, watcher::Config::default().page_size(PAGE)).default_backoff();
        Box::pin(events.filter_map(|event| ready(tells(&event).then_some(()))))
    });
    stream::select_all(watches)
}

fn tells<K>(event: &watcher::Result<Event<K>>) -> bool {
    matches!(event, Ok(Event::InitDone | Event::Apply(_) | Event::Delete(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(version: &str) -> ObjectRef {
        ObjectRef {
            group: "example.org".into(),
            version: version.into(),
            kind: "Widget".into(),
            namespace: None,
            name: "w".into(),
        }
    }

    #[test]
    fn an_owner_waits_until_one_of_its_kinds_is_served() {
        let waiting = WaitingOwners::default();
        assert!(!waiting.set("x-1", BTreeSet::new()));
        assert!(waiting.set("x-1", [kind("v1")].into()) && waiting.set("x-2", [kind("v2")].into()));
        let v1_is_served = |at: &ObjectRef| at.version == "v1";
        assert_eq!(waiting.take(v1_is_served), [Arc::from("x-1")]);
        assert!(waiting.take(v1_is_served).is_empty(), "it is woken once");
        assert!(!waiting.set("x-2", BTreeSet::new()), "it wants nothing of the kind any more");
    }
}
