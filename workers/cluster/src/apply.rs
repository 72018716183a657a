//! Applies a plan: reads each object where it must, decides, writes, and says what became of it.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use causeway_failpoints::{OBJECT_STANDS, failpoint};
use causeway_records::inventory::{InventoryEntry, ObjectRef};
use causeway_render::plan::{Object, Plan};
use futures::{StreamExt, stream};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    Cluster, ClusterError, FieldOwner, Lookup, ObjectCache, ObjectChange, WriteOutcome,
    exclusive::created,
    handover::needs_preparation,
    live::LiveObject,
    ownership::{Step, decide},
    rest::Written,
    shared_lists::{has_shared_list, with_additions},
    state::ObjectState,
    wave::{Wave, is_crd},
};

/// Objects of one wave that are worked on at the same time.
pub(super) const CONCURRENCY: usize = 8;
/// Attempts for an object that somebody else changes between our read and our write, before other records get their turn.
const TRIES: usize = 5;
/// From the apply of a custom resource definition until its kind must be served.
const ESTABLISHING: Duration = Duration::from_secs(20);
/// Between two checks whether a kind is served now.
const POLL: Duration = Duration::from_millis(500);

/// What the objects of one call of [`Cluster::apply`] share.
struct ApplyRun<'a> {
    owner: &'a FieldOwner,
    entries: HashMap<&'a ObjectRef, &'a InventoryEntry>,
    cache: &'a ObjectCache,
    /// How long a kind may take to appear: long only if this very plan brings definitions.
    patience: Duration,
    /// Set by a failure that concerns everything.
    stop: AtomicBool,
}

impl ApplyRun<'_> {
    /// Whether this very manifest was applied before.
    fn is_applied(&self, object: &Object) -> bool {
        let entry = self.entries.get(&object.at);
        entry.is_some_and(|entry| entry.uid.is_some() && entry.desired_hash.as_ref() == Some(&object.desired_hash()))
    }

    /// The error, which stops everything if it concerns everything.
    fn stopped_by(&self, error: ClusterError) -> ClusterError {
        if error.stops_everything() {
            self.stop.store(true, Ordering::Relaxed);
        }
        error
    }
}

impl Cluster {
    /// Applies the objects of a plan, wave after wave; those of one wave in any order. `inventory` is what was stored before.
    ///
    /// A foreign object is never changed, and nothing is requested for an object that the cache shows as we left it. One that is to be
    /// created or changed is written to in the state of the cache, and read only when the API server says that its state is different.
    /// A failure of one object lets all others go on but those that [need](Wave::needs) it.
    pub async fn apply(
        &self,
        owner: &FieldOwner,
        plan: &Plan,
        inventory: &[InventoryEntry],
        cache: &ObjectCache,
    ) -> WriteOutcome {
        let brings_kinds = plan.objects.iter().any(|object| is_crd(&object.at));
        let run = ApplyRun {
            owner,
            entries: inventory.iter().map(|entry| (&entry.object, entry)).collect(),
            cache,
            patience: if brings_kinds { ESTABLISHING } else { Duration::ZERO },
            stop: AtomicBool::new(false),
        };
        let mut outcome = WriteOutcome::default();
        let mut done = HashMap::new();
        let mut failed = Vec::new();
        for wave in Wave::ALL {
            if failed.iter().any(|earlier| wave.needs(*earlier)) {
                continue;
            }
            // Futures first, then the stream: a closure inside the stream's type would keep the whole from being Send.
            let objects = plan.objects.iter().filter(|object| Wave::for_object(&object.at) == wave);
            let applying: Vec<_> = objects.map(|object| self.apply_named(&run, object)).collect();
            let mut results = stream::iter(applying).buffered(CONCURRENCY);
            while let Some((at, result)) = results.next().await {
                match result {
                    Some(Ok((entry, change))) => {
                        outcome.changes.push((at.clone(), change.bounded()));
                        done.insert(at, entry);
                    }
                    Some(Err(error)) => {
                        failed.push(wave);
                        outcome.errors.push(error);
                    }
                    None => {}
                }
            }
        }
        outcome.inventory = plan
            .objects
            .iter()
            .map(|object| {
                let known = || run.entries.get(&object.at).map(|entry| (*entry).clone());
                let entry = done.remove(&object.at).or_else(known);
                let entry = entry.unwrap_or_else(|| InventoryEntry::intended(object.at.clone()));
                InventoryEntry { keep: object.keep, going: false, found: false, ..entry }
            })
            .collect();
        outcome
    }

    /// A person asks for these objects: none of them rests any more, because of a failure or because it is contested.
    pub fn retry_now<'o>(&self, objects: impl Iterator<Item = &'o ObjectRef> + Clone) {
        self.backoff.forget(objects.clone());
        self.corrections.forget(objects);
    }

    /// Applies another manifest to an object of ours, if it still is as in the cache: its controller then gets an event about it.
    pub async fn touch(
        &self,
        owner: &FieldOwner,
        at: &ObjectRef,
        body: &Value,
        cache: &ObjectCache,
    ) -> Result<(), ClusterError> {
        let Some(seen) = cache.get(at) else { return Ok(()) };
        self.server_side_apply(owner, at, &ObjectState::from_cached(&seen).bind(body)).await.map(|_| ())
    }

    async fn apply_named<'o>(
        &self,
        run: &ApplyRun<'_>,
        object: &'o Object,
    ) -> (&'o ObjectRef, Option<Result<(InventoryEntry, ObjectChange), ClusterError>>) {
        (&object.at, self.apply_object(run, object).await)
    }

    /// None if another object's failure came first and left no point in trying.
    async fn apply_object(
        &self,
        run: &ApplyRun<'_>,
        object: &Object,
    ) -> Option<Result<(InventoryEntry, ObjectChange), ClusterError>> {
        if run.stop.load(Ordering::Relaxed) {
            return None;
        }
        let entry = run.entries.get(&object.at).copied();
        let desired_hash = object.desired_hash();
        match self.settled(run.cache, object, entry, &desired_hash).await {
            Ok(None) => {}
            Ok(Some(settled)) => return Some(Ok(settled)),
            Err(error) => return Some(Err(run.stopped_by(error))),
        }
        Some(self.write_object(run, object, &desired_hash).await.map_err(|error| run.stopped_by(error)))
    }

    async fn write_object(
        &self,
        run: &ApplyRun<'_>,
        object: &Object,
        desired_hash: &str,
    ) -> Result<(InventoryEntry, ObjectChange), ClusterError> {
        let at = &object.at;
        let entry = run.entries.get(at).copied();
        // With the manifest of last time, whatever is changed now is put right.
        let is_correction = run.is_applied(object);
        let attempt = self.backoff.begin(at, desired_hash);
        let contested = match is_correction && self.corrections.is_contested(at, desired_hash) {
            true => self.field_conflicts(at, run.owner, &object.body).await,
            false => vec![],
        };
        let applied = self.apply_with_retries(run, object, entry).await;
        attempt.end(&applied);
        let (live, change) = applied?;
        if is_correction && change != ObjectChange::Unchanged {
            self.corrections.count(at, desired_hash, change == ObjectChange::Created, contested);
        }
        let entry = InventoryEntry {
            uid: Some(live.uid().to_owned()),
            desired_hash: Some(desired_hash.to_owned()),
            live_hash: Some(live.hash(&run.owner.field_manager())),
            ..InventoryEntry::intended(at.clone())
        };
        Ok((entry, change))
    }

    /// Reads, decides and writes, anew each time somebody else changed the object in between, at most [`TRIES`] times.
    async fn apply_with_retries(
        &self,
        run: &ApplyRun<'_>,
        object: &Object,
        entry: Option<&InventoryEntry>,
    ) -> Result<(LiveObject, ObjectChange), ClusterError> {
        let at = &object.at;
        if !run.owner.owns_body(&object.body) {
            let reason = "its manifest lacks the labels of its owner, so it could not be told from a foreign object; this is a defect";
            return Err(ClusterError::refused(at, reason));
        }
        let deadline = Instant::now() + run.patience;
        // What is prepared or completed has to be read first.
        let must_read = if run.is_applied(object) { has_shared_list(object) } else { needs_preparation(object) };
        let mut assumed = ObjectState::assumed(run.cache, at, entry).filter(|_| !must_read);
        let mut tries = 0;
        while tries < TRIES {
            let (state, body) = match assumed.take() {
                Some(state) => (state, Cow::Borrowed(&object.body)),
                None => match self.read_and_decide(run, object, entry).await? {
                    Some(found) => found,
                    None => {
                        wait_for_kind(at, deadline).await?;
                        continue;
                    }
                },
            };
            let written = self.server_side_apply(run.owner, at, &state.bind(&body)).await?;
            failpoint(&OBJECT_STANDS);
            match (written, &state) {
                (Written::Created(live), ObjectState::Absent) => return Ok(created(object, live)),
                (Written::Stored(live), ObjectState::Present { resource_version, .. }) => {
                    if let Some(done) = self.remove_foreign(run.owner, object, resource_version, live).await? {
                        return Ok(done);
                    }
                    tries += 1;
                }
                (Written::NotServed, _) => wait_for_kind(at, deadline).await?,
                (Written::Immutable(fields), _) => {
                    self.replace_ended(run.owner, at, entry, &fields).await?;
                    tries += 1;
                }
                // A 200 where nothing was, a 201 where something was, or not as it was: read it and decide anew.
                _ => tries += 1,
            }
        }
        Err(ClusterError::refused(at, "it changed each time between reading and writing; it is tried again by itself"))
    }

    /// Reads the object and decides whether it may be written to, and what. None if the cluster knows no such kind.
    async fn read_and_decide<'o>(
        &self,
        run: &ApplyRun<'_>,
        object: &'o Object,
        entry: Option<&InventoryEntry>,
    ) -> Result<Option<(ObjectState, Cow<'o, Value>)>, ClusterError> {
        let (owner, at) = (run.owner, &object.at);
        let live = match self.get(at).await? {
            Lookup::Found(live) => Some(live),
            Lookup::Absent => None,
            Lookup::NotServed => return Ok(None),
        };
        match (decide(owner, live.as_ref(), entry, object.take_over), live) {
            (Step::Update, Some(live)) if run.is_applied(object) => {
                Ok(Some((ObjectState::from_live(&live), Cow::Owned(with_additions(object, &live)))))
            }
            (Step::Update, Some(live)) => {
                let live = self.prepare(owner, object, live).await?;
                Ok(Some((ObjectState::from_live(&live), Cow::Borrowed(&object.body))))
            }
            (Step::Create | Step::Update, _) => Ok(Some((ObjectState::Absent, Cow::Borrowed(&object.body)))),
            (Step::Wait(why), _) => Err(ClusterError::refused(at, why)),
            (Step::Leave(who), _) => Err(ClusterError::conflict(at, who)),
        }
    }
}

/// Waits a moment for the kind, or fails when its time is up.
async fn wait_for_kind(at: &ObjectRef, deadline: Instant) -> Result<(), ClusterError> {
    if Instant::now() >= deadline {
        return Err(ClusterError::not_served(at));
    }
    tokio::time::sleep(POLL).await;
    Ok(())
}
