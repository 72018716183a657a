//! The objects of ours in one cluster, kept up to date by watches.
//!
//! ```text
//! API server ──list, watch──▶ watch (one task per kind) ──▶ kind: what changed, and for whom ──▶ wake(owner)
//!                                                            │
//! reconciler ◀──────────── get, by_owner, is_synced ─────────┘
//! ```
//!
//! What comes in: lists and events of everything that carries the label of our control plane, reduced to a [`CachedObject`]. What may
//! fail: a watch, at any time; it starts over by itself, with back-off. Invariant: until a kind has been listed anew, the cache knows
//! nothing of it ([`ObjectCache::is_synced`]), so nobody decides on stale knowledge.

mod kind;
mod object;
mod objects;
mod pace;
mod served;
mod watch;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use causeway_records::inventory::{InventoryEntry, JobEnd, ObjectRef};
use causeway_render::labels::CONTROL_PLANE;
use tokio::{
    sync::{Notify, watch as signal},
    task::JoinSet,
    time::Instant,
};

pub(super) use self::watch::WINDOW;
use self::{kind::KindCache, objects::Memory, pace::Pace, served::WaitingOwners, watch::KindWatch};
pub use self::{object::CachedObject, objects::limit_cache};
use super::{Cluster, ClusterError, ownership::field_manager};

/// Group and kind, in any version.
type GroupKind = (String, String);
type Wake = Arc<dyn Fn(&str) + Send + Sync>;

/// The cache of one cluster. Clones share it; when the last clone is dropped, its watches end.
#[derive(Clone)]
pub struct ObjectCache {
    shared: Arc<Shared>,
}

struct Shared {
    cluster: Cluster,
    control_plane: String,
    wake: Wake,
    kinds: RwLock<HashMap<GroupKind, Arc<WatchedKind>>>,
    tasks: Mutex<JoinSet<()>>,
    /// When a watch lost the cluster last.
    lost: Arc<Mutex<Option<Instant>>>,
    memory: Memory,
    waiting: Arc<WaitingOwners>,
    /// Whether the task that wakes those is running.
    is_followed: AtomicBool,
    pace: Arc<Pace>,
}

/// One kind: shared by its watch, which writes, and all who read.
struct WatchedKind {
    cache: Mutex<KindCache>,
    /// Somebody has reason to think that an attempt would succeed now.
    nudge: Notify,
    synced: signal::Sender<bool>,
    /// Sent after each change of the cache.
    changed: signal::Sender<()>,
}

impl WatchedKind {
    fn cache(&self) -> MutexGuard<'_, KindCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Neither listed yet nor refused.
    fn is_listing(&self) -> bool {
        let cache = self.cache();
        !cache.is_synced() && cache.error().is_none()
    }
}

/// A kind that is not synced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsyncedKind {
    pub group: String,
    pub kind: String,
    /// `Unreachable` concerns the cluster, all others this kind. None while a list is under way.
    pub error: Option<ClusterError>,
}

impl ObjectCache {
    /// An empty cache; [`Self::ensure_watched`] begins to fill it.
    ///
    /// `wake` is called with an owner label's value whenever an object of that owner appeared, vanished, or changed its uid, its
    /// live hash or its status; after the first list once for each owner that has objects. It must not block.
    pub fn new(
        cluster: Cluster,
        control_plane: impl Into<String>,
        wake: impl Fn(&str) + Send + Sync + 'static,
    ) -> Self {
        let (kinds, tasks, lost, memory, waiting, is_followed, pace) = Default::default();
        Self {
            shared: Arc::new(Shared {
                cluster,
                control_plane: control_plane.into(),
                wake: Arc::new(wake),
                kinds,
                tasks,
                lost,
                memory,
                waiting,
                is_followed,
                pace,
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
        let kind = Arc::new(WatchedKind {
            cache: Mutex::new(KindCache::new(&self.shared.memory)),
            nudge: Notify::new(),
            synced: signal::Sender::new(false),
            changed: signal::Sender::new(()),
        });
        kinds.insert(name, kind.clone());
        let watch = KindWatch {
            cluster: self.shared.cluster.clone(),
            selector: format!("{CONTROL_PLANE}={}", self.shared.control_plane),
            field_manager: field_manager(&self.shared.control_plane),
            object: ObjectRef { namespace: None, name: "*".to_owned(), ..object.clone() },
            wake: self.shared.wake.clone(),
            lost: self.shared.lost.clone(),
            pace: self.shared.pace.clone(),
            kind,
        };
        self.shared.tasks.lock().unwrap_or_else(PoisonError::into_inner).spawn(watch.run());
    }

    /// From now on an owner waits for the kinds of these objects, in their versions, and for no others: it is woken when one is served.
    ///
    /// Must be called within a tokio runtime.
    pub fn wake_when_served(&self, owner: &str, objects: BTreeSet<ObjectRef>) {
        let shared = &self.shared;
        if shared.waiting.set(owner, objects) && !shared.is_followed.swap(true, Ordering::Relaxed) {
            let follow = served::follow(shared.cluster.clone(), shared.waiting.clone(), shared.wake.clone());
            shared.tasks.lock().unwrap_or_else(PoisonError::into_inner).spawn(follow);
        }
    }

    /// None if no object of ours has this name, or if its kind is not synced (see [`Self::is_synced`]).
    pub fn get(&self, at: &ObjectRef) -> Option<Arc<CachedObject>> {
        self.kind(&at.group, &at.kind)?.cache().get(at)
    }

    /// As [`Self::get`], for the reconcile of this owner, which is woken when a kind is synced of which it was told nothing.
    pub fn get_for(&self, owner: &str, at: &ObjectRef) -> Option<Arc<CachedObject>> {
        self.kind(&at.group, &at.kind)?.cache().get_for(owner, at)
    }

    /// How a Job of this uid ended that is gone.
    pub(crate) fn end_of_gone(&self, at: &ObjectRef, uid: &str) -> Option<JobEnd> {
        self.kind(&at.group, &at.kind)?.cache().end(uid)
    }

    /// All objects that carry this owner label, of the synced kinds. When another is synced of which it has objects, the owner is woken.
    pub fn by_owner(&self, owner: &str) -> Vec<Arc<CachedObject>> {
        let kinds = self.shared.kinds.read().unwrap_or_else(PoisonError::into_inner);
        kinds.values().flat_map(|kind| kind.cache().owned_by(owner)).collect()
    }

    /// Whether the cache knows every object of ours of this kind.
    pub fn is_synced(&self, group: &str, kind: &str) -> bool {
        self.kind(group, kind).is_some_and(|kind| kind.cache().is_synced())
    }

    /// The kinds that are watched and not synced, and why.
    pub fn unsynced(&self) -> Vec<UnsyncedKind> {
        let kinds = self.shared.kinds.read().unwrap_or_else(PoisonError::into_inner);
        let unsynced = kinds.iter().filter_map(|((group, kind), state)| {
            let cache = state.cache();
            let error = cache.error().cloned();
            (!cache.is_synced()).then(|| UnsyncedKind { group: group.clone(), kind: kind.clone(), error })
        });
        unsynced.collect()
    }

    /// Why nobody can see what becomes of this object, if its kind may not be listed, can't be, or has too much.
    pub fn unwatched(&self, at: &ObjectRef) -> Option<ClusterError> {
        match self.kind(&at.group, &at.kind)?.cache().error() {
            Some(ClusterError::Unwatched { reason, .. } | ClusterError::Unanswered { reason, .. }) => {
                Some(ClusterError::unwatched(at, reason.clone()))
            }
            _ => None,
        }
    }

    /// Whether a watch has lost the cluster since then: whoever answers now may be another one.
    pub fn lost_since(&self, then: std::time::Instant) -> bool {
        self.shared.lost.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|lost| lost.into_std() >= then)
    }

    /// Waits until every kind that is watched now is synced, at most until `deadline`. False if one is not.
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

    /// Waits until the kinds of these objects are listed, or can't be, at most until `deadline`. False if a list is still under way.
    pub async fn wait_listed<'o>(&self, objects: impl IntoIterator<Item = &'o ObjectRef>, deadline: Instant) -> bool {
        for object in objects {
            let Some(kind) = self.kind(&object.group, &object.kind) else { continue };
            let mut changed = kind.changed.subscribe();
            while kind.is_listing() {
                if !matches!(tokio::time::timeout_at(deadline, changed.changed()).await, Ok(Ok(()))) {
                    return false;
                }
            }
        }
        true
    }

    /// Waits until the cache shows these objects as we left them, at most until `deadline`. False if it doesn't show one so: the watch is
    /// slow, or somebody has changed the object meanwhile.
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

    fn kind(&self, group: &str, kind: &str) -> Option<Arc<WatchedKind>> {
        let kinds = self.shared.kinds.read().unwrap_or_else(PoisonError::into_inner);
        kinds.get(&(group.to_owned(), kind.to_owned())).cloned()
    }
}
