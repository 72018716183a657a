//! The life of one pod: started with what it needs, started again, stopped.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::{Client, ResourceExt};
use nix::sys::signal::Signal;
use tokio::{
    sync::OwnedMutexGuard,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Reached,
    image::{self, Image},
    pods::{Pods, Running, address, is_job, workload_name},
    probe::Probe,
    sandbox::{Place, Sandbox},
    status::PodStatus,
    volumes::{self, Inputs},
};
use crate::{
    network::PodNetwork,
    process::{Process, workspace_program},
    services::RESOLVER,
    tools::Tools,
};

/// Waits between two starts of a program that keeps ending.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The program whose image has more than the program.
const WORKERS: &str = "causeway-workers";
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
    /// Runs a pod until it goes.
    pub(super) async fn run(self: Arc<Self>, pod: Pod, gone: CancellationToken) {
        let Some(_turn) = self.turn(&pod, &gone).await else { return };
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let (mut wait, mut restarts) = (FIRST_WAIT, 0);
        loop {
            match self.run_once(&pod, number, restarts, &gone).await {
                Ok(true) => return,
                Ok(false) => {
                    restarts += 1;
                    self.say(&pod, self.status(&pod).ended(restarts).await);
                }
                Err(error) => tracing::debug!(pod = pod.name_any(), %error, "a pod waits"),
            }
            tokio::select! {
                () = sleep(wait) => {}
                () = gone.cancelled() => return,
            }
            wait = (wait * 2).min(LONGEST_WAIT);
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
        self.say(pod, self.status(pod).running(true, 0).await);
        tokio::select! {
            turn = workload.lock_owned() => Some(Some(turn)),
            () = gone.cancelled() => None,
        }
    }

    /// Starts the program and waits for its end. Returns whether the pod is done.
    async fn run_once(&self, pod: &Pod, number: usize, restarts: u32, gone: &CancellationToken) -> Result<bool> {
        let Some((container, image)) = image::known(pod) else { return Ok(true) };
        for (first, image) in image::before(pod) {
            let (process, _) = self.start(pod, first, image, number).await?;
            let status = tokio::select! {
                status = timeout(FIRST_WITHIN, process.wait()) => status.ok().flatten(),
                () = gone.cancelled() => None,
            };
            process.stop(Signal::SIGTERM, STOP_WITHIN).await;
            if gone.is_cancelled() {
                return Ok(true);
            }
            if !status.is_some_and(|status| status.success()) {
                tracing::info!(pod = pod.name_any(), container = first.name, "failed\n{}", process.log_end());
                return Ok(false);
            }
        }
        let (process, running) = self.start(pod, container, image, number).await?;
        let (uid, probe) = (pod.uid().unwrap_or_default(), Probe::of(container, &running.names));
        let address = running.address;
        self.pods.insert(uid.clone(), running);
        let job = is_job(pod);
        let done = tokio::select! {
            status = process.wait() => job && status.is_some_and(|status| status.success()),
            () = gone.cancelled() => {
                process.stop(Signal::SIGTERM, STOP_WITHIN).await;
                self.pods.remove(&uid);
                return Ok(true);
            }
            never = self.keep_ready(pod, &probe, address, restarts) => never,
        };
        self.pods.remove(&uid);
        if done {
            self.say(pod, self.status(pod).succeeded(restarts).await);
        } else {
            tracing::info!(pod = pod.name_any(), "ended and is started again\n{}", process.log_end());
        }
        Ok(done)
    }

    /// Says of a pod whose program runs whether it is ready, until it is dropped.
    async fn keep_ready<T>(&self, pod: &Pod, probe: &Probe, address: Ipv4Addr, restarts: u32) -> T {
        let (mut said, mut failed) = (None, 0);
        loop {
            let answers = probe.answers(&self.network, address).await;
            failed = if answers { 0 } else { failed + 1 };
            let ready = answers || (said == Some(true) && failed < probe.failures);
            if said != Some(ready) {
                let written = self.status(pod).running(ready, restarts).await;
                said = written.is_ok().then_some(ready);
                self.say(pod, written);
            }
            sleep(if said == Some(true) { probe.every } else { CHECK_EVERY }).await;
        }
    }

    fn status<'a>(&'a self, pod: &'a Pod) -> PodStatus<'a> {
        PodStatus { client: &self.client, pod }
    }

    /// A pod that has gone meanwhile has no status.
    fn say(&self, pod: &Pod, written: Result<()>) {
        if let Err(error) = written {
            tracing::debug!(pod = pod.name_any(), %error, "the status of a pod can't be written");
        }
    }

    async fn start(
        &self,
        pod: &Pod,
        container: &Container,
        image: &Image,
        number: usize,
    ) -> Result<(Process, Running)> {
        let dir = self.dir.join(number.to_string());
        let root = dir.join("root");
        fs::create_dir_all(&root)?;
        let inputs = Inputs { client: &self.client, pod, container };
        inputs.write_volumes(&root).await?;
        let mut variables = inputs.variables().await?;
        let arguments = image.arguments(container).iter().map(|text| volumes::expand(text, &variables)).collect();
        self.add_variables(&mut variables, pod, image);
        if image.program == WORKERS {
            bring_bundles(&root, &mut variables)?;
        }

        write_resolver(&root, &pod.namespace().unwrap_or_default())?;

        let address = address(pod).context("the pod has no address yet")?;
        let cable = format!("pod{}", self.cables.fetch_add(1, Ordering::Relaxed));
        let sandbox = Sandbox {
            root,
            program: self.program(image)?,
            needs_system: image.needs_system,
            arguments,
            variables,
            reaches: self.reaches.clone(),
            place: Place::new(pod.name_any(), address, cable, &self.network),
        };
        let process = sandbox.start(&self.own, &dir.join("sandbox.json"), &self.logs).await?;
        let names = container.ports.iter().flatten();
        let names = names.filter_map(|port| Some((port.name.clone()?, u16::try_from(port.container_port).ok()?)));
        let running = Running {
            namespace: pod.namespace().unwrap_or_default(),
            labels: pod.labels().clone(),
            names: names.collect(),
            address,
        };
        Ok((process, running))
    }

    fn program(&self, image: &Image) -> Result<PathBuf> {
        if image.own { workspace_program(image.program) } else { self.tools.program(image.program).map(Path::to_owned) }
    }

    /// What a kubelet adds to the container's variables, and what makes AWS's client find the emulator.
    fn add_variables(&self, variables: &mut BTreeMap<String, String>, pod: &Pod, image: &Image) {
        let mut set = |name: &str, value: String| variables.insert(name.to_owned(), value);
        set("HOSTNAME", pod.name_any());
        set("KUBERNETES_SERVICE_HOST", "127.0.0.1".to_owned());
        set("KUBERNETES_SERVICE_PORT", self.api_port.to_string());
        if image.uses_aws {
            set("AWS_ENDPOINT_URL_ROUTE_53", format!("http://127.0.0.1:{}", self.reached.route53));
            set("AWS_EC2_METADATA_DISABLED", "true".to_owned());
            for (name, value) in
                [("AWS_REGION", "us-east-1"), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")]
            {
                variables.entry(name.to_owned()).or_insert_with(|| value.to_owned());
            }
        }
    }

    /// The lock that the pods of one workload share.
    fn workload(&self, pod: &Pod) -> Arc<tokio::sync::Mutex<()>> {
        let mut workloads = self.workloads.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(workloads.entry(workload_name(pod)).or_default())
    }
}

/// Puts in what the image of the workers has beside the program: the bundles that `make bundles` makes.
fn bring_bundles(root: &Path, variables: &mut BTreeMap<String, String>) -> Result<()> {
    let bundles = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/bundles");
    let bundles = bundles.canonicalize().context("the bundles are not made yet; run `make bundles`")?;
    for folder in fs::read_dir(bundles)? {
        let folder = folder?;
        let target = root.join("bundles").join(folder.file_name());
        fs::create_dir_all(&target)?;
        for file in fs::read_dir(folder.path())? {
            let file = file?;
            fs::copy(file.path(), target.join(file.file_name()))?;
        }
    }
    variables.insert("CAUSEWAY_BUNDLES".to_owned(), "/bundles".to_owned());
    Ok(())
}

/// Lets the program find the cluster's DNS, with the suffixes that a kubelet gives it.
fn write_resolver(root: &Path, namespace: &str) -> Result<()> {
    let folder = root.join("etc");
    fs::create_dir_all(&folder)?;
    let text = format!(
        "nameserver {RESOLVER}\nsearch {namespace}.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n"
    );
    fs::write(folder.join("resolv.conf"), text).context("can't write resolv.conf")
}
