//! Watches what carries our label, kind by kind, and keeps the little of it that decisions need.
//!
//! One watch per kind, with the label selector of our control plane. A watch that fails starts over by itself, with back-off; until
//! it has listed everything anew, [`Watches::get`] knows nothing of its kind, so nobody decides on stale knowledge.

mod cache;
mod projection;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use backon::{BackoffBuilder, ExponentialBuilder};
use causeway_records::inventory::{InventoryEntry, ObjectRef};
use causeway_render::labels::CONTROL_PLANE;
use futures::StreamExt;
use kube::{
    Api,
    api::DynamicObject,
    runtime::watcher::{self, Event},
};
use tokio::{
    sync::{Notify, watch as signal},
    task::JoinSet,
    time::Instant,
};

use self::cache::Cache;
pub use self::projection::Projection;
use super::{Cause, Cluster, ClusterError, ownership::field_manager};

/// A watch request ends and is renewed after this time, so a connection that died silently is noticed soon after it.
pub(super) const WINDOW: Duration = Duration::from_secs(120);
/// Pauses between attempts of a watch that fails.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// A kind that is watched: group and kind.
type Name = (String, String);
type Wake = Arc<dyn Fn(&str) + Send + Sync>;

/// The watches on one cluster. Cheap to clone; when the last clone goes, they end.
#[derive(Clone)]
pub struct Watches {
    shared: Arc<Shared>,
}

struct Shared {
    cluster: Cluster,
    control_plane: String,
    wake: Wake,
    kinds: RwLock<HashMap<Name, Arc<Kind>>>,
    tasks: Mutex<JoinSet<()>>,
    /// When a watch lost the cluster last.
    lost: Arc<Mutex<Option<Instant>>>,
}

struct Kind {
    cache: Mutex<Cache>,
    /// Somebody has reason to think that an attempt would succeed now.
    nudge: Notify,
    synced: signal::Sender<bool>,
    /// Something in the cache is different.
    changed: signal::Sender<()>,
}

impl Kind {
    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A kind whose watch does not stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The kind's API group.
    pub group: String,
    /// The kind.
    pub kind: String,
    /// Why: `Unreachable` concerns the cluster, `Refused` this kind. None while a list is under way.
    pub error: Option<ClusterError>,
}

impl Watches {
    /// Prepares to watch; [`Self::ensure_watched`] begins.
    ///
    /// `wake` is called with an owner label's value whenever an object of that owner appeared, vanished, or changed its uid, its
    /// live hash or its status; after the first list once for each owner that has objects. It must not block.
    pub fn new(
        cluster: Cluster,
        control_plane: impl Into<String>,
        wake: impl Fn(&str) + Send + Sync + 'static,
    ) -> Self {
        let (kinds, tasks, lost) = Default::default();
        Self {
            shared: Arc::new(Shared {
                cluster,
                control_plane: control_plane.into(),
                wake: Arc::new(wake),
                kinds,
                tasks,
                lost,
            }),
        }
    }

    /// Begins to watch the kind of an object. For a kind whose watch is failing this hurries the next attempt: call it again when
    /// the kind's definition was applied.
    ///
    /// Must be called within a tokio runtime.
    pub fn ensure_watched(&self, object: &ObjectRef) {
        let name = (object.group.clone(), object.kind.clone());
        let mut kinds = self.shared.kinds.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(kind) = kinds.get(&name) {
            if !kind.cache().is_synced() {
                kind.nudge.notify_one();
            }
            return;
        }
        let kind = Arc::new(Kind {
            cache: Mutex::default(),
            nudge: Notify::new(),
            synced: signal::Sender::new(false),
            changed: signal::Sender::new(()),
        });
        kinds.insert(name, kind.clone());
        let task = Task {
            cluster: self.shared.cluster.clone(),
            selector: format!("{CONTROL_PLANE}={}", self.shared.control_plane),
            field_manager: field_manager(&self.shared.control_plane),
            object: ObjectRef { namespace: None, name: "*".to_owned(), ..object.clone() },
            wake: self.shared.wake.clone(),
            lost: self.shared.lost.clone(),
            kind,
        };
        self.shared.tasks.lock().unwrap_or_else(PoisonError::into_inner).spawn(task.run());
    }

    /// What stands in the cluster under this name; None if nothing does or the kind's watch does not stand (see [`Self::synced`]).
    pub fn get(&self, at: &ObjectRef) -> Option<Arc<Projection>> {
        self.kind(&at.group, &at.kind)?.cache().get(at)
    }

    /// All objects that carry this owner label, of the kinds whose watches stand.
    pub fn by_owner(&self, owner: &str) -> Vec<Arc<Projection>> {
        let kinds = self.shared.kinds.read().unwrap_or_else(PoisonError::into_inner);
        kinds.values().flat_map(|kind| kind.cache().by_owner(owner)).collect()
    }

    /// Whether the watch of this kind stands: it knows every object of ours.
    pub fn synced(&self, group: &str, kind: &str) -> bool {
        self.kind(group, kind).is_some_and(|kind| kind.cache().is_synced())
    }

    /// The kinds whose watches do not stand, and why.
    pub fn broken(&self) -> Vec<Broken> {
        let kinds = self.shared.kinds.read().unwrap_or_else(PoisonError::into_inner);
        let broken = kinds.iter().filter_map(|((group, kind), state)| {
            let cache = state.cache();
            let error = cache.error().cloned();
            (!cache.is_synced()).then(|| Broken { group: group.clone(), kind: kind.clone(), error })
        });
        broken.collect()
    }

    /// Whether a watch has lost the cluster since then: whoever answers now may be another one.
    pub fn lost_since(&self, then: std::time::Instant) -> bool {
        self.shared.lost.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|lost| lost.into_std() >= then)
    }

    /// Waits until every kind that is watched now has been listed, at most until `deadline`. False if one has not.
    pub async fn wait_synced(&self, deadline: Instant) -> bool {
        let kinds: Vec<_> = {
            let kinds = self.shared.kinds.read().unwrap_or_else(PoisonError::into_inner);
            kinds.values().map(|kind| kind.synced.subscribe()).collect()
        };
        for mut synced in kinds {
            if !matches!(tokio::time::timeout_at(deadline, synced.wait_for(|synced| *synced)).await, Ok(Ok(_))) {
                return false;
            }
        }
        true
    }

    /// Waits until these objects are seen as they were left, at most until `deadline`. False if one isn't: the watch is slow, or somebody has
    /// changed the object meanwhile.
    pub async fn wait_seen(&self, entries: impl IntoIterator<Item = &InventoryEntry>, deadline: Instant) -> bool {
        for entry in entries {
            let Some(kind) = self.kind(&entry.object.group, &entry.object.kind) else { return false };
            let mut changed = kind.changed.subscribe();
            while !self.get(&entry.object).is_some_and(|seen| seen.is_as_left(entry)) {
                if !matches!(tokio::time::timeout_at(deadline, changed.changed()).await, Ok(Ok(()))) {
                    return false;
                }
            }
        }
        true
    }

    fn kind(&self, group: &str, kind: &str) -> Option<Arc<Kind>> {
        let kinds = self.shared.kinds.read().unwrap_or_else(PoisonError::into_inner);
        kinds.get(&(group.to_owned(), kind.to_owned())).cloned()
    }
}

/// The watch of one kind, for ever.
struct Task {
    cluster: Cluster,
    selector: String,
    field_manager: String,
    /// All objects of the kind.
    object: ObjectRef,
    wake: Wake,
    lost: Arc<Mutex<Option<Instant>>>,
    kind: Arc<Kind>,
}

impl Task {
    async fn run(self) {
        let pauses = ExponentialBuilder::new()
            .with_min_delay(PAUSES.0)
            .with_max_delay(PAUSES.1)
            .with_jitter()
            .without_max_times();
        let mut pause = pauses.build();
        loop {
            let begun = Instant::now();
            let error = self.follow().await;
            if matches!(error, ClusterError::Unreachable { .. }) {
                *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            }
            self.update(|cache| {
                cache.fail(error);
                Vec::new()
            });
            if begun.elapsed() > WINDOW {
                pause = pauses.build();
            }
            let wait = pause.next().unwrap_or(PAUSES.1);
            // However often somebody hurries us, the shortest pause is kept.
            tokio::time::sleep(PAUSES.0.min(wait)).await;
            let _ = tokio::time::timeout(wait.saturating_sub(PAUSES.0), self.kind.nudge.notified()).await;
        }
    }

    /// Lists and watches until something fails, and says what.
    async fn follow(&self) -> ClusterError {
        let kind = match self.cluster.discovery().find(&self.object).await {
            Ok(Some(kind)) => kind,
            Ok(None) => return ClusterError::not_served(&self.object),
            Err(error) => return error,
        };
        let api: Api<DynamicObject> = Api::all_with(self.cluster.client().clone(), &kind.resource);
        let window = u32::try_from(WINDOW.as_secs()).unwrap_or(u32::MAX);
        let config = watcher::Config::default().labels(&self.selector).timeout(window);
        let mut events = Box::pin(watcher::watcher(api, config));
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => self.take(event),
                // Any failure begins anew with a list: resumed silently, the watch would not tell when it stands again.
                Err(error) => return self.failure(&error).await,
            }
        }
        ClusterError::unreachable(Cause::ConnectionFailed, "the watch ended")
    }

    async fn failure(&self, error: &watcher::Error) -> ClusterError {
        let error = match error {
            watcher::Error::InitialListFailed(error)
            | watcher::Error::WatchStartFailed(error)
            | watcher::Error::WatchFailed(error) => error,
            other => return ClusterError::unreachable(Cause::ServerError, other.to_string()),
        };
        match error {
            // The definition was deleted, or no longer has this version.
            kube::Error::Api(status) if status.code == 404 => {
                self.cluster.discovery().forget().await;
                ClusterError::not_served(&self.object)
            }
            kube::Error::Api(status) if status.code == 403 => {
                ClusterError::refused(&self.object, format!("{}; grant it", status.message))
            }
            other => ClusterError::of_client(other),
        }
    }

    fn take(&self, event: Event<DynamicObject>) {
        let project = |object| Projection::of(&self.object, object, &self.field_manager);
        match event {
            Event::Init => self.update(|cache| {
                cache.begin();
                Vec::new()
            }),
            Event::InitApply(object) => self.update(|cache| {
                cache.arrive(project(object));
                Vec::new()
            }),
            Event::InitDone => self.update(Cache::complete),
            Event::Apply(object) => self.update(|cache| cache.put(project(object))),
            Event::Delete(object) => self.update(|cache| cache.remove(&project(object))),
        }
    }

    /// Changes the cache, then tells whom it concerns, outside of the lock.
    fn update(&self, change: impl FnOnce(&mut Cache) -> Vec<Arc<str>>) {
        let (owners, synced) = {
            let mut cache = self.kind.cache();
            (change(&mut cache), cache.is_synced())
        };
        self.kind.changed.send_replace(());
        self.kind.synced.send_if_modified(|known| std::mem::replace(known, synced) != synced);
        for owner in owners {
            (self.wake)(&owner);
        }
    }
}
