//! The part of a kubelet that kwok leaves out: really running the controllers.
//!
//! kwok says of every pod that it runs. For pods of the few images whose programs the rig has, this makes it true: it starts
//! the program as a process with the pod's arguments, variables, volumes and service account, starts it again when it ends,
//! and stops it when the pod goes. Whoever installs a controller into the cluster thereby really gets it, with the
//! permissions that were installed with it.

mod image;
mod pods;
mod sandbox;
mod volumes;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::{
    Api, Client, ResourceExt,
    runtime::{WatchStreamExt, watcher, watcher::Event},
};
use nix::sys::signal::Signal;
use tokio::time::{sleep, timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use self::pods::Pods;
pub use self::sandbox::{COMMAND as SANDBOX_COMMAND, Sandbox};
use self::{
    image::Image,
    pods::{Running, is_bound, is_job, workload_name},
    volumes::Inputs,
};
use crate::{
    cluster::Cluster,
    process::{Process, workspace_program},
    relay,
    tools::Tools,
};

/// Waits between two starts of a program that keeps ending.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// A program that is asked to end gets this long.
const STOP_WITHIN: Duration = Duration::from_secs(3);
/// The pod of a Job is soon removed, since kwok completes it at once; the program may still be at work.
const JOB_WITHIN: Duration = Duration::from_secs(60);

/// Runs the controllers of one cluster.
#[derive(Debug)]
pub(crate) struct Kubelet {
    stop: CancellationToken,
    tasks: TaskTracker,
    pods: Pods,
}

impl Kubelet {
    /// Starts to watch the pods of a cluster. `route53_port` is where the AWS emulator listens.
    ///
    /// # Errors
    /// When the way out of the sandboxes can't be made.
    pub(crate) fn start(tools: &Tools, cluster: &Cluster, route53_port: u16) -> Result<Self> {
        let kubelet = Self { stop: CancellationToken::new(), tasks: TaskTracker::new(), pods: Pods::default() };
        let dir = cluster.dir.join("pods");
        fs::create_dir_all(&dir)?;
        // A copy, because a new build may replace the file while the rig runs.
        let own = dir.join("causeway-rig");
        fs::copy(workspace_program("causeway-rig")?, &own).context("can't copy the rig's binary")?;
        let mut reaches = BTreeMap::new();
        for port in [cluster.port, route53_port] {
            let socket = dir.join(format!("out-{port}.sock"));
            relay::from_socket(&socket, port)?;
            reaches.insert(port, socket);
        }
        let node = Arc::new(Node {
            client: cluster.client.clone(),
            tools: tools.clone(),
            logs: cluster.dir.join("logs"),
            dir,
            own,
            api_port: cluster.port,
            route53_port,
            reaches,
            pods: kubelet.pods.clone(),
            started: AtomicUsize::new(0),
            workloads: Mutex::default(),
        });
        kubelet.tasks.spawn(watch(node, kubelet.tasks.clone(), kubelet.stop.clone()));
        Ok(kubelet)
    }

    pub(crate) fn pods(&self) -> &Pods {
        &self.pods
    }

    /// Stops every process.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// What all pods of a cluster share.
struct Node {
    client: Client,
    tools: Tools,
    logs: PathBuf,
    dir: PathBuf,
    /// The rig's binary, which starts the sandboxes.
    own: PathBuf,
    api_port: u16,
    route53_port: u16,
    reaches: BTreeMap<u16, PathBuf>,
    pods: Pods,
    /// Numbers the folders of pods: their names would be too long for the path of a socket.
    started: AtomicUsize,
    workloads: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
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
                } else if is_bound(&pod) && image::known(&pod).is_some() && !known.contains_key(&uid) {
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

impl Node {
    /// Runs a pod until it goes.
    async fn run(self: Arc<Self>, pod: Pod, gone: CancellationToken) {
        let workload = self.workload(&pod);
        // Of several pods of one workload one works and the others wait: what leader election does in a real cluster,
        // without its wait for the lease of a predecessor that was killed.
        let _turn = tokio::select! {
            turn = workload.lock() => turn,
            () = gone.cancelled() => return,
        };
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let mut wait = FIRST_WAIT;
        loop {
            match self.run_once(&pod, number, &gone).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => tracing::debug!(pod = pod.name_any(), %error, "a pod waits"),
            }
            tokio::select! {
                () = sleep(wait) => {}
                () = gone.cancelled() => return,
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Starts the program and waits for its end. Returns whether the pod is done.
    async fn run_once(&self, pod: &Pod, number: usize, gone: &CancellationToken) -> Result<bool> {
        let Some((container, image)) = image::known(pod) else { return Ok(true) };
        let (process, running) = self.start(pod, container, image, number).await?;
        let uid = pod.uid().unwrap_or_default();
        self.pods.insert(uid.clone(), running);
        let ended = self.supervise(&process, is_job(pod), gone).await;
        self.pods.remove(&uid);
        if !ended {
            tracing::info!(pod = pod.name_any(), "ended and is started again\n{}", process.log_end());
        }
        Ok(ended)
    }

    /// Waits until the process ends or the pod goes. Returns whether that was right.
    async fn supervise(&self, process: &Process, job: bool, gone: &CancellationToken) -> bool {
        if job {
            let status = timeout(JOB_WITHIN, process.wait()).await.ok().flatten();
            process.stop(Signal::SIGKILL, STOP_WITHIN).await;
            return status.is_some_and(|status| status.success());
        }
        tokio::select! {
            _ = process.wait() => false,
            () = gone.cancelled() => {
                process.stop(Signal::SIGTERM, STOP_WITHIN).await;
                true
            }
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

        let ports = container.ports.iter().flatten().filter_map(|port| u16::try_from(port.container_port).ok());
        let sockets: BTreeMap<_, _> = ports.map(|port| (port, dir.join(format!("in-{port}.sock")))).collect();
        let sandbox = Sandbox {
            root,
            program: self.tools.program(image.program)?.to_owned(),
            arguments,
            variables,
            reaches: self.reaches.clone(),
            reached_by: sockets.clone(),
        };
        let process = sandbox.start(&pod.name_any(), &self.own, &dir.join("sandbox.json"), &self.logs).await?;
        let names = container.ports.iter().flatten();
        let names = names.filter_map(|port| Some((port.name.clone()?, u16::try_from(port.container_port).ok()?)));
        let running = Running {
            namespace: pod.namespace().unwrap_or_default(),
            labels: pod.labels().clone(),
            names: names.collect(),
            sockets,
        };
        Ok((process, running))
    }

    /// What a kubelet adds to the container's variables, and what makes AWS's client find the emulator.
    fn add_variables(&self, variables: &mut BTreeMap<String, String>, pod: &Pod, image: &Image) {
        let mut set = |name: &str, value: String| variables.insert(name.to_owned(), value);
        set("HOSTNAME", pod.name_any());
        set("KUBERNETES_SERVICE_HOST", "127.0.0.1".to_owned());
        set("KUBERNETES_SERVICE_PORT", self.api_port.to_string());
        if image.uses_aws {
            set("AWS_ENDPOINT_URL_ROUTE_53", format!("http://127.0.0.1:{}", self.route53_port));
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
