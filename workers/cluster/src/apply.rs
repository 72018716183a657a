//! Makes a plan true: looks at each object, decides, writes, and looks at what came of it.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use causeway_failpoints::{OBJECT_STANDS, reach};
use causeway_records::inventory::{InventoryEntry, ObjectRef};
use causeway_render::plan::{Object, Plan};
use futures::{StreamExt, stream};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    Change, Cluster, ClusterError, Lookup, Outcome, Projection, Watches, Writer,
    live::{Live, bound_to, first_difference, with_spec},
    ownership::{Step, decide},
    rest::Written,
};

/// Objects of one stage that are worked on at the same time.
pub(super) const CONCURRENCY: usize = 8;
/// Looks at an object that changes under our eyes before somebody else's turn comes.
const TRIES: usize = 5;
/// From the apply of a custom resource definition until its kind must be served.
const ESTABLISHING: Duration = Duration::from_secs(20);
/// Between two looks at whether a kind is served now.
const POLL: Duration = Duration::from_millis(500);
/// No object ever has this resourceVersion, for etcd's first write makes 2. A server-side apply that carries it can make an object
/// but never touch one: without it, an object that somebody makes between our look and our apply would get our labels.
const NEVER: &str = "1";

/// The order in which objects need each other; within a stage they don't.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Namespaces and custom resource definitions.
    Ground,
    /// Everything else that is cluster-scoped.
    Cluster,
    /// What stands in namespaces.
    Namespaced,
}

impl Stage {
    pub(super) const ALL: [Self; 3] = [Self::Ground, Self::Cluster, Self::Namespaced];

    pub(super) fn of(at: &ObjectRef) -> Self {
        if is_namespace(at) || is_crd(at) {
            Self::Ground
        } else if at.namespace.is_none() {
            Self::Cluster
        } else {
            Self::Namespaced
        }
    }
}

pub(super) fn is_namespace(at: &ObjectRef) -> bool {
    at.group.is_empty() && at.kind == "Namespace"
}

pub(super) fn is_crd(at: &ObjectRef) -> bool {
    at.group == "apiextensions.k8s.io" && at.kind == "CustomResourceDefinition"
}

/// One call of [`Cluster::apply`].
struct Pass<'a> {
    writer: &'a Writer,
    entries: HashMap<&'a ObjectRef, &'a InventoryEntry>,
    watches: &'a Watches,
    /// How long a kind may take to appear: long only if this very plan brings definitions.
    patience: Duration,
    /// Set by a failure that concerns everything.
    stop: AtomicBool,
}

/// The state of an object to which a write is bound: the API server refuses it for any other.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// It is not there.
    Absent,
    /// It is there, and ours.
    Present { uid: String, version: String },
}

impl State {
    fn of(live: &Live) -> Self {
        Self::Present { uid: live.uid().to_owned(), version: live.resource_version().to_owned() }
    }

    /// As the watch shows it.
    fn shown(seen: &Projection) -> Self {
        Self::Present { uid: seen.uid.clone(), version: seen.version.as_str().to_owned() }
    }

    /// What the watch knows without being asked, where that leaves nothing to decide. If it is not so any more, the write is refused, and
    /// then we look.
    fn believed(watches: &Watches, at: &ObjectRef, entry: Option<&InventoryEntry>) -> Option<Self> {
        if !watches.synced(&at.group, &at.kind) {
            return None;
        }
        match (watches.get(at), entry.and_then(|entry| entry.uid.as_deref())) {
            // Nothing of ours. Somebody else's would show neither; the write can't touch it.
            (None, None) => Some(Self::Absent),
            (Some(seen), Some(uid)) if seen.uid == uid && !seen.deleting => Some(Self::shown(&seen)),
            _ => None,
        }
    }

    fn bind(&self, body: &Value) -> Value {
        match self {
            Self::Absent => bound_to(body, None, NEVER),
            Self::Present { uid, version } => bound_to(body, Some(uid), version),
        }
    }
}

impl Cluster {
    /// Applies the objects of a plan, in stages; those of one stage in any order. `inventory` is what is remembered from before.
    ///
    /// A foreign object is never touched, and nothing is requested for an object that the watch shows as we left it. One that is to be made
    /// or changed is written to as the watch shows it, and read only when the API server says that it is different. A failure of
    /// one object lets the others of its stage go on and keeps the later stages waiting.
    pub async fn apply(
        &self,
        writer: &Writer,
        plan: &Plan,
        inventory: &[InventoryEntry],
        watches: &Watches,
    ) -> Outcome {
        let brings_kinds = plan.objects.iter().any(|object| is_crd(&object.at));
        let pass = Pass {
            writer,
            entries: inventory.iter().map(|entry| (&entry.object, entry)).collect(),
            watches,
            patience: if brings_kinds { ESTABLISHING } else { Duration::ZERO },
            stop: AtomicBool::new(false),
        };
        let mut outcome = Outcome::default();
        let mut done = HashMap::new();
        for stage in Stage::ALL {
            // Futures first, then the stream: a closure inside the stream's type would keep the whole from being Send.
            let objects = plan.objects.iter().filter(|object| Stage::of(&object.at) == stage);
            let applying: Vec<_> = objects.map(|object| self.apply_named(&pass, object)).collect();
            let mut results = stream::iter(applying).buffered(CONCURRENCY);
            while let Some((at, result)) = results.next().await {
                match result {
                    Some(Ok((entry, change))) => {
                        outcome.changes.push((at.clone(), change));
                        done.insert(at, entry);
                    }
                    Some(Err(error)) => outcome.errors.push(error),
                    None => {}
                }
            }
            if !outcome.errors.is_empty() {
                break;
            }
        }
        outcome.inventory = plan
            .objects
            .iter()
            .map(|object| {
                let known = || pass.entries.get(&object.at).map(|entry| (*entry).clone());
                let entry = done.remove(&object.at).or_else(known);
                let entry = entry.unwrap_or_else(|| InventoryEntry::intended(object.at.clone()));
                InventoryEntry { keep: object.keep, ..entry }
            })
            .collect();
        outcome
    }

    /// Applies another manifest to an object of ours, if it still is as the watch shows it. Whoever looks next finds it changed.
    pub async fn disturb(
        &self,
        writer: &Writer,
        at: &ObjectRef,
        body: &Value,
        watches: &Watches,
    ) -> Result<(), ClusterError> {
        let Some(seen) = watches.get(at) else { return Ok(()) };
        self.server_side_apply(writer, at, &State::shown(&seen).bind(body)).await.map(|_| ())
    }

    async fn apply_named<'o>(
        &self,
        pass: &Pass<'_>,
        object: &'o Object,
    ) -> (&'o ObjectRef, Option<Result<(InventoryEntry, Change), ClusterError>>) {
        (&object.at, self.apply_object(pass, object).await)
    }

    /// None if another object's failure came first and left no point in trying.
    async fn apply_object(
        &self,
        pass: &Pass<'_>,
        object: &Object,
    ) -> Option<Result<(InventoryEntry, Change), ClusterError>> {
        if pass.stop.load(Ordering::Relaxed) {
            return None;
        }
        let entry = pass.entries.get(&object.at).copied();
        let desired_hash = object.desired_hash();
        if let Some(entry) = entry
            && is_settled(entry, &desired_hash, pass.watches.get(&object.at).as_deref())
        {
            return Some(Ok((entry.clone(), Change::Skipped)));
        }
        let result = self.bring_about(pass, object, entry).await.map(|(live, change)| {
            let entry = InventoryEntry {
                object: object.at.clone(),
                uid: Some(live.uid().to_owned()),
                desired_hash: Some(desired_hash),
                live_hash: Some(live.hash(&pass.writer.field_manager())),
                keep: object.keep,
            };
            (entry, change)
        });
        if result.as_ref().is_err_and(ClusterError::stops_everything) {
            pass.stop.store(true, Ordering::Relaxed);
        }
        Some(result)
    }

    /// Looks, decides and writes, again and again while the object changes in between.
    async fn bring_about(
        &self,
        pass: &Pass<'_>,
        object: &Object,
        entry: Option<&InventoryEntry>,
    ) -> Result<(Live, Change), ClusterError> {
        let at = &object.at;
        if !pass.writer.owns_body(&object.body) {
            let reason = "its manifest lacks the labels of its owner, so it could not be told from a foreign object; this is a defect";
            return Err(ClusterError::refused(at, reason));
        }
        let deadline = Instant::now() + pass.patience;
        let mut believed = State::believed(pass.watches, at, entry);
        let mut tries = 0;
        while tries < TRIES {
            let state = match believed.take() {
                Some(state) => state,
                None => match self.look(pass.writer, at, entry).await? {
                    Some(state) => state,
                    None => {
                        wait_for_kind(at, deadline).await?;
                        continue;
                    }
                },
            };
            let written = self.server_side_apply(pass.writer, at, &state.bind(&object.body)).await?;
            reach(&OBJECT_STANDS);
            match (written, &state) {
                (Written::Created(live), State::Absent) => return Ok(created(object, live)),
                (Written::Stored(live), State::Present { version, .. }) => {
                    if let Some(done) = self.remove_foreign(pass.writer, object, version, live).await? {
                        return Ok(done);
                    }
                    tries += 1;
                }
                (Written::NotServed, _) => wait_for_kind(at, deadline).await?,
                // A 200 where nothing was, a 201 where something was, or not as it was: look again.
                _ => tries += 1,
            }
        }
        Err(ClusterError::refused(at, "it changed each time between reading and writing; it is tried again by itself"))
    }

    /// Reads the object and decides whether it may be written to. None if the cluster knows no such kind.
    async fn look(
        &self,
        writer: &Writer,
        at: &ObjectRef,
        entry: Option<&InventoryEntry>,
    ) -> Result<Option<State>, ClusterError> {
        let live = match self.get(at).await? {
            Lookup::Found(live) => Some(live),
            Lookup::Absent => None,
            Lookup::NotServed => return Ok(None),
        };
        match (decide(writer, live.as_ref(), entry), live) {
            (Step::Update, Some(live)) => Ok(Some(State::of(&live))),
            (Step::Create | Step::Update, _) => Ok(Some(State::Absent)),
            (Step::Wait(why), _) => Err(ClusterError::refused(at, why)),
            (Step::Leave(who), _) => Err(ClusterError::Conflict { object: Box::new(at.clone()), who }),
        }
    }

    /// After an apply: takes out of an exclusive spec, once, what is not ours. `before`: the resourceVersion that was applied to. None if
    /// the object changed meanwhile.
    async fn remove_foreign(
        &self,
        writer: &Writer,
        object: &Object,
        before: &str,
        live: Live,
    ) -> Result<Option<(Live, Change)>, ClusterError> {
        let changed = if before == live.resource_version() { Change::Unchanged } else { Change::Updated };
        let Some(spec) = object.body.get("spec").filter(|_| spec_difference(object, &live).is_some()) else {
            return Ok(Some((live, changed)));
        };
        match self.replace(writer, &object.at, &with_spec(&live, spec)).await? {
            Written::Stored(cleaned) => {
                let change = match spec_difference(object, &cleaned) {
                    Some(path) => Change::Differs(path),
                    None => Change::Cleaned,
                };
                Ok(Some((cleaned, change)))
            }
            Written::Created(_) | Written::Outdated | Written::NotServed => Ok(None),
        }
    }
}

/// Whether the object stands as we left it, so that nothing needs to be asked or sent.
pub fn is_settled(entry: &InventoryEntry, desired_hash: &str, seen: Option<&Projection>) -> bool {
    seen.is_some_and(|seen| entry.desired_hash.as_deref() == Some(desired_hash) && seen.is_as_left(entry))
}

/// Where the live spec of an exclusive object differs from ours.
fn spec_difference(object: &Object, live: &Live) -> Option<String> {
    let spec = object.body.get("spec").filter(|_| object.exclusive)?;
    first_difference(spec, &live.body()["spec"])
}

/// Nobody else had a say in a new object yet: what differs are defaults that the plan leaves out.
fn created(object: &Object, live: Live) -> (Live, Change) {
    if let Some(path) = spec_difference(object, &live) {
        tracing::warn!(object = %object.at, path, "the cluster stored another spec than it was sent");
    }
    (live, Change::Created)
}

/// Waits a moment for the kind, or fails when its time is up.
async fn wait_for_kind(at: &ObjectRef, deadline: Instant) -> Result<(), ClusterError> {
    if Instant::now() >= deadline {
        return Err(ClusterError::not_served(at));
    }
    tokio::time::sleep(POLL).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(group: &str, kind: &str, namespace: Option<&str>) -> ObjectRef {
        ObjectRef {
            group: group.into(),
            version: "v1".into(),
            kind: kind.into(),
            namespace: namespace.map(Into::into),
            name: "x".into(),
        }
    }

    #[test]
    fn what_others_stand_on_comes_first() {
        let order = [
            at("", "Namespace", None),
            at("rbac.authorization.k8s.io", "ClusterRole", None),
            at("", "ConfigMap", Some("shop")),
        ];
        assert!(order.iter().map(Stage::of).is_sorted());
        assert_eq!(Stage::of(&at("apiextensions.k8s.io", "CustomResourceDefinition", None)), Stage::Ground);
    }

    #[test]
    fn only_an_object_that_is_as_we_left_it_is_skipped() {
        let object = at("", "ConfigMap", Some("shop"));
        let entry = InventoryEntry {
            object: object.clone(),
            uid: Some("u1".into()),
            desired_hash: Some("want".into()),
            live_hash: Some("live".into()),
            keep: false,
        };
        let seen = Projection::for_tests(object, "u1", "live");
        assert!(is_settled(&entry, "want", Some(&seen)));
        assert!(!is_settled(&entry, "want more", Some(&seen)));
        assert!(!is_settled(&entry, "want", None));
        assert!(!is_settled(&InventoryEntry { uid: None, ..entry.clone() }, "want", Some(&seen)));
        assert!(!is_settled(&InventoryEntry { uid: Some("u2".into()), ..entry.clone() }, "want", Some(&seen)));
        assert!(!is_settled(&InventoryEntry { live_hash: Some("other".into()), ..entry.clone() }, "want", Some(&seen)));
        let mut dying = seen;
        dying.deleting = true;
        assert!(!is_settled(&entry, "want", Some(&dying)));
    }
}
