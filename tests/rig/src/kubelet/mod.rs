//! The part of a kubelet that kwok leaves out: really running pods.
//!
//! kwok says of pods that they run. Pods of the few images whose programs the rig has really do: this starts the program as a
//! process with the pod's address, arguments, variables, volumes and service account, says that the pod is Ready when the
//! program answers its readiness probe, ends it when it no longer answers its liveness probe, starts it again when it has ended,
//! and stops it when the pod goes. Whoever installs a controller into the cluster thereby really gets it, with the permissions
//! that were installed with it.

mod health;
mod image;
mod pods;
mod postgres;
mod probe;
mod restart;
mod run;
mod sandbox;
mod start;
mod status;
mod volumes;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    path::Path,
    sync::Arc,
};

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    runtime::{WatchStreamExt, watcher, watcher::Event},
};
use reqwest::Url;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::sandbox::{COMMAND as SANDBOX_COMMAND, Sandbox};
pub(crate) use self::{image::pattern as image_pattern, pods::Pods};
use self::{
    pods::{address, is_bound},
    run::Node,
};
use crate::{cluster::Cluster, endpoints::Endpoints, network::PodNetwork, relay, tools::Tools};

/// Runs the pods of one cluster.
#[derive(Debug)]
pub(crate) struct Kubelet {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Kubelet {
    /// Starts to watch the pods of a cluster, to run them in the network, and to tell which run. `own` is the rig's program.
    ///
    /// # Errors
    /// When the way out of the sandboxes can't be made.
    pub(crate) fn start(
        tools: &Tools,
        cluster: &Cluster,
        own: &Path,
        (network, pods): (PodNetwork, Pods),
        reached: Reached,
    ) -> Result<Self> {
        let kubelet = Self { stop: CancellationToken::new(), tasks: TaskTracker::new() };
        let dir = cluster.dir.join("pods");
        fs::create_dir_all(&dir)?;
        let mut reaches = BTreeMap::new();
        for port in [cluster.port, reached.route53, reached.acme, reached.postgres, reached.nats] {
            let socket = dir.join(format!("out-{port}.sock"));
            relay::from_socket(&socket, port)?;
            reaches.insert(port, socket);
        }
        let node = Arc::new(Node {
            client: cluster.client.clone(),
            tools: tools.clone(),
            logs: cluster.dir.join("logs"),
            dir,
            own: own.to_owned(),
            api_port: cluster.port,
            reached,
            reaches,
            network,
            pods,
            started: Default::default(),
            cables: Default::default(),
            workloads: Default::default(),
        });
        kubelet.tasks.spawn(watch(node, kubelet.tasks.clone(), kubelet.stop.clone()));
        Ok(kubelet)
    }

    /// Stops every process.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Ports of this machine's loopback that pods reach at the same ports of theirs, beside the API server's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reached {
    /// The emulator of AWS.
    pub(crate) route53: u16,
    /// The authority that hands out certificates.
    pub(crate) acme: u16,
    /// The database of a control plane that runs in pods.
    pub(crate) postgres: u16,
    /// And its NATS.
    pub(crate) nats: u16,
}

impl Reached {
    /// The same as pods of a rig that runs.
    ///
    /// # Errors
    /// When one of its addresses has no port.
    pub(crate) fn of(rig: &Endpoints) -> Result<Self> {
        let port = |url: &str| Url::parse(url)?.port().with_context(|| format!("{url} has no port"));
        Ok(Self {
            route53: port(&rig.route53_url)?,
            acme: port(&rig.acme.directory)?,
            postgres: port(&rig.postgres.url)?,
            nats: port(&rig.nats.url)?,
        })
    }
}

/// Starts a task for every pod whose program the rig has, and ends it with the pod.
async fn watch(node: Arc<Node>, tasks: TaskTracker, stop: CancellationToken) {
    let mut events =
        watcher(Api::<Pod>::all(node.client.clone()), watcher::Config::default()).default_backoff().boxed();
    let mut known: HashMap<String, CancellationToken> = HashMap::new();
    let mut listed = HashSet::new();
    loop {
        let event = tokio::select! {
            event = events.try_next() => event,
            () = stop.cancelled() => return,
        };
        match event {
            Ok(Some(Event::Init)) => listed.clear(),
            Ok(Some(Event::InitApply(pod) | Event::Apply(pod))) => {
                let uid = pod.uid().unwrap_or_default();
                listed.insert(uid.clone());
                if pod.metadata.deletion_timestamp.is_some() {
                    end(&mut known, &uid);
                } else if is_bound(&pod)
                    && address(&pod).is_some()
                    && image::known(&pod).is_some()
                    && !known.contains_key(&uid)
                {
                    let token = stop.child_token();
                    known.insert(uid, token.clone());
                    tasks.spawn(Arc::clone(&node).run(pod, token));
                }
            }
            Ok(Some(Event::Delete(pod))) => end(&mut known, &pod.uid().unwrap_or_default()),
            Ok(Some(Event::InitDone)) => {
                let gone: Vec<String> = known.keys().filter(|uid| !listed.contains(*uid)).cloned().collect();
                gone.iter().for_each(|uid| end(&mut known, uid));
            }
            Err(error) => tracing::debug!(%error, "the watch of pods is interrupted"),
            Ok(None) => return,
        }
    }
}

fn end(known: &mut HashMap<String, CancellationToken>, uid: &str) {
    if let Some(token) = known.remove(uid) {
        token.cancel();
    }
}
