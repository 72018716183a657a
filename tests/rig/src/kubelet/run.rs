//! The life of one pod: started with what it needs, watched, started again, stopped.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use k8s_openapi::{api::core::v1::Pod, jiff::Timestamp};
use kube::{Client, ResourceExt};
use nix::sys::signal::Signal;
use tokio::{
    sync::OwnedMutexGuard,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Reached,
    health::Health,
    image,
    pods::{Pods, workload_name},
    probe::{Prober, Probes},
    restart::{BackOff, End, Past, RestartPolicy},
    status::PodStatus,
};
use crate::{
    network::PodNetwork,
    process::{Process, code_of},
    tools::Tools,
};

/// A sandbox that is asked to end kills its program after three seconds, and has ended by then.
const STOP_WITHIN: Duration = Duration::from_secs(20);
/// A container that ends before the others start gets this long.
const FIRST_WITHIN: Duration = Duration::from_secs(60);
/// Between two checks of a program that isn't ready yet. A kubelet asks less often, and begins after a delay that the pod names:
/// no test wants to wait for that.
const CHECK_EVERY: Duration = Duration::from_millis(100);

/// What all pods of a cluster share.
pub(super) struct Node {
    pub(super) client: Client,
    pub(super) tools: Tools,
    pub(super) logs: PathBuf,
    pub(super) dir: PathBuf,
    /// The rig's binary, which starts the sandboxes.
    pub(super) own: PathBuf,
    pub(super) api_port: u16,
    pub(super) reached: Reached,
    pub(super) reaches: BTreeMap<u16, PathBuf>,
    pub(super) network: PodNetwork,
    pub(super) pods: Pods,
    /// Numbers the folders of pods: their names would be too long for the path of a socket.
    pub(super) started: AtomicUsize,
    /// Numbers the cables: one for each start of each pod.
    pub(super) cables: AtomicUsize,
    pub(super) workloads: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Node {
    /// Runs a pod until it goes, or has done what it was for.
    pub(super) async fn run(self: Arc<Self>, pod: Pod, gone: CancellationToken) {
        let Some(_turn) = self.turn(&pod, &gone).await else { return };
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let (mut back_off, mut past) = (BackOff::default(), Past::default());
        loop {
            let pause = match self.run_once(&pod, number, &past, &gone).await {
                Ok(None) => return,
                Ok(Some(end)) => {
                    if let Some(phase) = RestartPolicy::of(&pod).last_phase(&end) {
                        self.say(&pod, self.status(&pod, &past).over(phase, &end).await);
                        return;
                    }
                    let pause = back_off.pause(end.ran());
                    past.last = Some(end);
                    self.say(&pod, self.status(&pod, &past).waits().await);
                    past.restarts += 1;
                    pause
                }
                Err(error) => {
                    tracing::debug!(pod = pod.name_any(), %error, "a pod waits");
                    back_off.pause(Duration::ZERO)
                }
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = gone.cancelled() => return,
            }
        }
    }

    /// Waits until the pod may run. One that waits for its predecessor is ready, as a controller is that has not been elected:
    /// its Deployment would otherwise never take the predecessor away. `None`: it has gone before.
    async fn turn(&self, pod: &Pod, gone: &CancellationToken) -> Option<Option<OwnedMutexGuard<()>>> {
        if image::known(pod).is_some_and(|(_, image)| image.replicated) {
            return Some(None);
        }
        let workload = self.workload(pod);
        if let Ok(turn) = Arc::clone(&workload).try_lock_owned() {
            return Some(Some(turn));
        }
        self.say(pod, self.status(pod, &Past::default()).running(true, Timestamp::now()).await);
        tokio::select! {
            turn = workload.lock_owned() => Some(Some(turn)),
            () = gone.cancelled() => None,
        }
    }

    /// Starts the program and waits for its end. `None`: the pod has gone.
    async fn run_once(&self, pod: &Pod, number: usize, past: &Past, gone: &CancellationToken) -> Result<Option<End>> {
        let Some((container, image)) = image::known(pod) else { return Ok(None) };
        for (first, image) in image::before(pod) {
            let (process, _) = self.start(pod, first, image, number).await?;
            let started = Timestamp::now();
            let late = tokio::select! {
                ended = timeout(FIRST_WITHIN, process.wait()) => ended.is_err(),
                () = gone.cancelled() => true,
            };
            let end = ended(&process, late, started).await;
            if gone.is_cancelled() {
                return Ok(None);
            }
            if late || end.code != 0 {
                tracing::info!(pod = pod.name_any(), container = first.name, "failed\n{}", process.log_end());
                // One that was late has failed, too, with whatever code it ended then.
                return Ok(Some(End { code: end.code.max(1), ..end }));
            }
        }
        let (process, running) = self.start(pod, container, image, number).await?;
        let probes = Probes::of(container, &running.names);
        let (started, prober) = (Timestamp::now(), Prober::new(&self.network, running.address, probes));
        let uid = pod.uid().unwrap_or_default();
        self.pods.insert(uid.clone(), running);
        let killed = tokio::select! {
            _ = process.wait() => false,
            () = gone.cancelled() => true,
            () = prober.until_dead() => true,
            never = self.keep_ready(pod, &prober, past, started) => never,
        };
        let end = ended(&process, killed, started).await;
        self.pods.remove(&uid);
        if gone.is_cancelled() {
            return Ok(None);
        }
        if killed {
            tracing::info!(pod = pod.name_any(), "failed its probes and was ended\n{}", process.log_end());
        } else if RestartPolicy::of(pod).last_phase(&end) != Some("Succeeded") {
            tracing::info!(pod = pod.name_any(), code = end.code, "ended\n{}", process.log_end());
        }
        Ok(Some(end))
    }

    /// Says of a pod whose program runs whether it is ready, until it is dropped.
    async fn keep_ready<T>(&self, pod: &Pod, prober: &Prober<'_>, past: &Past, started: Timestamp) -> T {
        let probe = &prober.probes.readiness;
        let (mut said, mut health) = (None, Health::new(probe.failures, prober.age()));
        loop {
            let is_ready = said == Some(true);
            let asked = prober.age();
            health.add(prober.ask(probe, if is_ready { probe.patience() } else { probe.within }).await, asked);
            let ready = health.is_ready();
            if said != Some(ready) {
                let written = self.status(pod, past).running(ready, started).await;
                said = written.is_ok().then_some(ready);
                self.say(pod, written);
            }
            sleep(if said == Some(true) { probe.every } else { CHECK_EVERY }).await;
        }
    }

    fn status<'a>(&'a self, pod: &'a Pod, past: &'a Past) -> PodStatus<'a> {
        PodStatus { client: &self.client, pod, past }
    }

    /// A pod that has gone meanwhile has no status.
    fn say(&self, pod: &Pod, written: Result<()>) {
        if let Err(error) = written {
            tracing::debug!(pod = pod.name_any(), %error, "the status of a pod can't be written");
        }
    }

    /// The lock that the pods of one workload share.
    fn workload(&self, pod: &Pod) -> Arc<tokio::sync::Mutex<()>> {
        let mut workloads = self.workloads.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(workloads.entry(workload_name(pod)).or_default())
    }
}

/// How a program ended that was started then. One that is to be killed is ended now; any other has ended.
async fn ended(process: &Process, killed: bool, started: Timestamp) -> End {
    if killed {
        process.stop(Signal::SIGTERM, STOP_WITHIN).await;
    }
    let code = process.wait().await.map_or(1, code_of);
    End { code, killed, started, finished: Timestamp::now() }
}
