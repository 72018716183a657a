//! What appears in the cluster, and when: through watches of the benchmark's own.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use futures::StreamExt;
use kube::{
    Api, Client,
    api::{DynamicObject, ListParams},
    core::{ApiResource, GroupVersionKind},
    runtime::watcher::{self, Event},
};
use serde_json::Value;
use tokio::{sync::broadcast, task::JoinSet, time::Instant};

/// How long one thing is waited for.
const PATIENCE: Duration = Duration::from_secs(120);
const GROUP: &str = "gateway.networking.k8s.io";
const KINDS: [&str; 4] = ["GatewayClass", "Gateway", "ListenerSet", "HTTPRoute"];

/// An object in the state in which it was seen.
#[derive(Clone, Debug)]
pub(crate) struct Sighting {
    /// When the watch reported it.
    pub(crate) at: Instant,
    /// The whole object.
    pub(crate) object: Arc<Value>,
}

/// Watches over the gateway objects of one control plane.
pub(crate) struct Sightings {
    events: broadcast::Sender<Sighting>,
    _watches: JoinSet<()>,
}

impl Sightings {
    /// Begins to watch, and returns when every kind is listed.
    ///
    /// # Errors
    /// When the API server doesn't answer.
    pub(crate) async fn start(kube: &Client, control_plane: &str) -> Result<Self> {
        let events = broadcast::Sender::new(100_000);
        let (mut watches, (listed, mut done)) = (JoinSet::new(), tokio::sync::mpsc::channel(KINDS.len()));
        for kind in KINDS {
            let (api, events, listed) = (api(kube, kind), events.clone(), listed.clone());
            let config = watcher::Config::default().labels(&selector(control_plane));
            watches.spawn(async move {
                let mut stream = Box::pin(watcher::watcher(api, config));
                while let Some(event) = stream.next().await {
                    match event {
                        Ok(Event::Apply(object)) => {
                            let object = Arc::new(serde_json::to_value(object).unwrap_or_default());
                            // Nobody may be waiting for anything just now.
                            let _ = events.send(Sighting { at: Instant::now(), object });
                        }
                        Ok(Event::InitDone) => drop(listed.send(()).await),
                        Ok(_) | Err(_) => {}
                    }
                }
            });
        }
        for _ in KINDS {
            tokio::time::timeout(PATIENCE, done.recv()).await.context("the watches do not stand")?;
        }
        Ok(Self { events, _watches: watches })
    }

    /// What is seen from now on.
    #[must_use]
    pub(crate) fn subscribe(&self) -> Waiting {
        Waiting(self.events.subscribe())
    }
}

/// A place in the stream of sightings.
pub(crate) struct Waiting(broadcast::Receiver<Sighting>);

impl Waiting {
    /// The next sighting of an object that is as wanted.
    ///
    /// # Errors
    /// When none comes.
    pub(crate) async fn next(&mut self, wanted: impl Fn(&Value) -> bool) -> Result<Sighting> {
        let found = async {
            loop {
                let sighting = self.0.recv().await?;
                if wanted(&sighting.object) {
                    return Ok(sighting);
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.context("an object was never seen")?
    }
}

/// All gateway objects of a control plane.
///
/// # Errors
/// When the API server doesn't answer.
pub(crate) async fn standing(kube: &Client, control_plane: &str) -> Result<Vec<Value>> {
    let mut all = vec![];
    for kind in KINDS {
        let params = ListParams::default().labels(&selector(control_plane));
        for mut object in api(kube, kind).list(&params).await?.items {
            // Items of a list come without their kind.
            object.types = Some(kube::api::TypeMeta { api_version: format!("{GROUP}/v1"), kind: kind.to_owned() });
            all.push(serde_json::to_value(object)?);
        }
    }
    Ok(all)
}

/// Whether an object is of this kind and belongs to this record.
#[must_use]
pub(crate) fn is_of(object: &Value, kind: &str, owner: &str) -> bool {
    object["kind"] == kind && object["metadata"]["labels"]["causeway.dev/owner"] == owner
}

/// Whether an object has a listener for this hostname.
#[must_use]
pub(crate) fn listens(object: &Value, hostname: &str) -> bool {
    object["spec"]["listeners"].as_array().into_iter().flatten().any(|listener| listener["hostname"] == hostname)
}

fn selector(control_plane: &str) -> String {
    format!("causeway.dev/control-plane={control_plane}")
}

fn api(kube: &Client, kind: &str) -> Api<DynamicObject> {
    Api::all_with(kube.clone(), &ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, "v1", kind)))
}
