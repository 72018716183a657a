//! The watch of one kind: lists, watches, and starts over with back-off when either fails.
//!
//! Own code around kube's `watcher` because its own back-off resumes a watch silently: nobody could say from when to when the cache was
//! not up to date, and nothing could hurry an attempt when the definition of the kind has just been applied.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use causeway_records::inventory::ObjectRef;
use futures::StreamExt;
use kube::{
    Api,
    api::DynamicObject,
    runtime::watcher::{self, Event},
};
use tokio::time::{Instant, timeout_at};

use super::{CachedObject, Wake, WatchedKind, kind::KindCache, pace::Pace};
use crate::{
    Cluster, ClusterError, UnreachableCause,
    backoff::Backoff,
    bounds::{LIST_WITHIN, PAGE},
};

/// A watch request ends and is renewed after this time, so a connection that died silently is noticed soon after it.
pub(crate) const WINDOW: Duration = Duration::from_secs(120);
/// Between attempts of a watch that fails.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
/// However often somebody hurries a watch.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);

/// It runs until its task is aborted.
pub(super) struct KindWatch {
    pub(super) cluster: Cluster,
    pub(super) selector: String,
    pub(super) field_manager: String,
    /// Its kind is watched; its name means nothing.
    pub(super) object: ObjectRef,
    pub(super) wake: Wake,
    /// See [`super::ObjectCache::lost_since`].
    pub(super) lost: Arc<Mutex<Option<Instant>>>,
    /// Of all kinds of the cluster.
    pub(super) pace: Arc<Pace>,
    pub(super) kind: Arc<WatchedKind>,
}

impl KindWatch {
    pub(super) async fn run(self) {
        let mut failures = 0;
        loop {
            let begun = Instant::now();
            let error = self.follow().await;
            if matches!(error, ClusterError::Unreachable { .. }) {
                *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            }
            let Ok(()) = self.try_update(|cache| Ok::<_, Infallible>(cache.fail(error)));
            if begun.elapsed() > WINDOW {
                failures = 0;
            }
            let pause = BACKOFF.delay(failures);
            failures = failures.saturating_add(1);
            tokio::time::sleep(SHORTEST_PAUSE).await;
            let _ = tokio::time::timeout(pause.saturating_sub(SHORTEST_PAUSE), self.kind.nudge.notified()).await;
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
        let config = watcher::Config::default().labels(&self.selector).timeout(window).page_size(PAGE);
        let mut events = Box::pin(watcher::watcher(api, config));
        let end = Instant::now() + LIST_WITHIN;
        let mut is_listed = false;
        loop {
            let next = if is_listed {
                self.pace.next_event().await;
                events.next().await
            } else {
                match timeout_at(end, events.next()).await {
                    Ok(next) => next,
                    Err(_) => return self.listed_too_slowly(),
                }
            };
            match next {
                Some(Ok(event)) => {
                    is_listed |= matches!(event, Event::InitDone);
                    if let Err(too_much) = self.handle(event) {
                        return ClusterError::unwatched(&self.object, too_much);
                    }
                }
                // Any failure begins anew with a list: see above.
                Some(Err(error)) => return self.failure(&error).await,
                None => return ClusterError::unreachable(UnreachableCause::ConnectionFailed, "the watch ended"),
            }
        }
    }

    fn listed_too_slowly(&self) -> ClusterError {
        let what = format!("its list of kind {} does not end within {} s", self.object.kind, LIST_WITHIN.as_secs());
        ClusterError::unreachable(UnreachableCause::Timeout, what)
    }

    async fn failure(&self, error: &watcher::Error) -> ClusterError {
        let error = match error {
            watcher::Error::InitialListFailed(error)
            | watcher::Error::WatchStartFailed(error)
            | watcher::Error::WatchFailed(error) => error,
            other => return ClusterError::unreachable(UnreachableCause::ServerError, other.to_string()),
        };
        match error {
            // The definition was deleted, or no longer has this version.
            kube::Error::Api(status) if status.code == 404 => {
                self.cluster.discovery().forget().await;
                ClusterError::not_served(&self.object)
            }
            kube::Error::Api(status) if status.code == 403 => {
                let reason = format!(
                    "{}; grant list and watch of this kind, in all namespaces, to Causeway's user in this cluster",
                    status.message
                );
                ClusterError::unwatched(&self.object, reason)
            }
            // The server of this kind's group may be down alone.
            answered @ kube::Error::Api(_) => {
                self.cluster.attributed(&self.object, ClusterError::from_client(answered)).await
            }
            other => match ClusterError::from_client(other) {
                // What is sent of this kind is too much; others may be small.
                ClusterError::Unreachable { cause: UnreachableCause::OverLimit, message, .. } => {
                    let reason = format!(
                        "in the list of its kind {message}; look at the largest objects of kind {}",
                        self.object.kind
                    );
                    ClusterError::unwatched(&self.object, reason)
                }
                error => error,
            },
        }
    }

    /// # Errors
    /// The cluster holds more than is kept of it: the sentence says so.
    fn handle(&self, event: Event<DynamicObject>) -> Result<(), String> {
        let reduce = |object| CachedObject::from_object(&self.object, object, &self.field_manager);
        self.try_update(|cache| {
            match event {
                Event::Init => cache.begin(),
                Event::InitApply(object) => cache.arrive(reduce(object))?,
                Event::InitDone => return Ok(cache.complete()),
                Event::Apply(object) => return cache.put(reduce(object)),
                Event::Delete(object) => return Ok(cache.remove(&reduce(object))),
            }
            Ok(Vec::new())
        })
    }

    /// Changes the cache, then wakes the owners whom the change concerns, outside of the lock.
    fn try_update<E>(&self, change: impl FnOnce(&mut KindCache) -> Result<Vec<Arc<str>>, E>) -> Result<(), E> {
        let (owners, synced) = {
            let mut cache = self.kind.cache();
            (change(&mut cache)?, cache.is_synced())
        };
        self.kind.changed.send_replace(());
        self.kind.synced.send_if_modified(|known| std::mem::replace(known, synced) != synced);
        for owner in owners {
            (self.wake)(&owner);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ObjectCache, fake, samples::config_map};
    use axum::{Json, routing::get};
    use serde_json::json;

    /// There may be nothing in the list: who was told nothing before has to look again, or waits for ever.
    #[tokio::test]
    async fn who_reads_before_the_list_is_complete_is_woken_by_it() {
        let may_answer = Arc::new(tokio::sync::Semaphore::new(0));
        let list = {
            let may_answer = may_answer.clone();
            async move || {
                may_answer.acquire().await.unwrap().forget();
                Json(json!({
                    "kind": "ConfigMapList", "apiVersion": "v1", "metadata": {"resourceVersion": "7"}, "items": [],
                }))
            }
        };
        let cluster = fake::cluster(fake::core_kinds().route("/api/v1/configmaps", get(list))).await;
        let (woken, mut wakes) = tokio::sync::mpsc::unbounded_channel();
        let cache = ObjectCache::new(cluster, "cp1", move |owner| woken.send(owner.to_owned()).unwrap());
        cache.ensure_watched(&config_map("web"));
        assert!(cache.get_for("x-1", &config_map("web")).is_none());
        may_answer.add_permits(1);
        assert_eq!(tokio::time::timeout(LIST_WITHIN, wakes.recv()).await.unwrap().unwrap(), "x-1");
        assert!(cache.is_synced("", "ConfigMap"));
    }

    /// Each page comes in time, so that no limit of a single answer ends it.
    #[tokio::test(start_paused = true)]
    async fn a_list_whose_pages_trickle_is_given_up() {
        let page = async || {
            tokio::time::sleep(Duration::from_secs(5)).await;
            Json(json!({
                "kind": "ConfigMapList", "apiVersion": "v1", "metadata": {"resourceVersion": "7", "continue": "more"}, "items": [],
            }))
        };
        let cluster = fake::cluster(fake::core_kinds().route("/api/v1/configmaps", get(page))).await;
        let cache = ObjectCache::new(cluster, "cp1", |_| ());
        cache.ensure_watched(&config_map("web"));
        let given_up = async {
            loop {
                if let Some(error) = cache.unsynced().into_iter().find_map(|kind| kind.error) {
                    return error;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let error = tokio::time::timeout(2 * LIST_WITHIN, given_up).await.expect("it is listed for ever");
        assert!(matches!(error, ClusterError::Unreachable { cause: UnreachableCause::Timeout, .. }), "{error}");
        assert!(error.to_string().contains("kind ConfigMap does not end within 180 s"), "{error}");
    }
}
