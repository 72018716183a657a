//! The pods that run as processes, and what of a pod decides how.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::{Ipv4Addr, SocketAddrV4},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use k8s_openapi::{api::core::v1::Pod, apimachinery::pkg::util::intstr::IntOrString};
use kube::ResourceExt;
use tokio::sync::Notify;

/// The running processes by the uid of their pod.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pods {
    running: Arc<Mutex<HashMap<String, Running>>>,
    changed: Arc<Notify>,
}

/// The process of a pod.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) namespace: String,
    pub(super) labels: BTreeMap<String, String>,
    /// Numbers of the container's named ports.
    pub(super) names: BTreeMap<String, u16>,
    /// Its address in the network of pods.
    pub(super) address: Ipv4Addr,
}

impl Pods {
    /// Where one of the pods which have all these labels is reached at this port.
    pub(crate) fn find(
        &self,
        namespace: &str,
        selector: &BTreeMap<String, String>,
        port: &IntOrString,
    ) -> Option<SocketAddrV4> {
        let pods = self.lock();
        let chosen = |pod: &&Running| {
            pod.namespace == namespace && selector.iter().all(|(name, value)| pod.labels.get(name) == Some(value))
        };
        pods.values().filter(chosen).find_map(|pod| {
            let number = match port {
                IntOrString::Int(number) => u16::try_from(*number).ok()?,
                IntOrString::String(name) => *pod.names.get(name)?,
            };
            Some(SocketAddrV4::new(pod.address, number))
        })
    }

    /// The addresses of all.
    pub(crate) fn addresses(&self) -> BTreeSet<Ipv4Addr> {
        self.lock().values().map(|pod| pod.address).collect()
    }

    /// Notified when one was started or has ended.
    pub(crate) fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }

    pub(super) fn insert(&self, uid: String, pod: Running) {
        self.lock().insert(uid, pod);
        self.changed.notify_one();
    }

    pub(super) fn remove(&self, uid: &str) {
        self.lock().remove(uid);
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The address that the node gave it; `None` before it has.
pub(super) fn address(pod: &Pod) -> Option<Ipv4Addr> {
    pod.status.as_ref()?.pod_ip.as_deref()?.parse().ok()
}

pub(super) fn is_bound(pod: &Pod) -> bool {
    pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some())
}

/// Namespace and name of what made the pod. A Deployment's pods are owned by ReplicaSets with its name and a hash.
pub(super) fn workload_name(pod: &Pod) -> String {
    let owner = pod.owner_references().first().map_or_else(|| pod.name_any(), |owner| owner.name.clone());
    let hash = pod.labels().get("pod-template-hash").map(|hash| format!("-{hash}"));
    let name = hash.and_then(|hash| owner.strip_suffix(&hash).map(str::to_owned)).unwrap_or(owner);
    format!("{}/{name}", pod.namespace().unwrap_or_default())
}
