//! The pods that run as processes, and what of a pod decides how.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use k8s_openapi::{api::core::v1::Pod, apimachinery::pkg::util::intstr::IntOrString};
use kube::ResourceExt;

/// The running processes by the uid of their pod.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pods(Arc<Mutex<HashMap<String, Running>>>);

/// The process of a pod.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) namespace: String,
    pub(super) labels: BTreeMap<String, String>,
    /// Numbers of the container's named ports.
    pub(super) names: BTreeMap<String, u16>,
    pub(super) sockets: BTreeMap<u16, PathBuf>,
}

impl Pods {
    /// The socket that leads to this port of one of the pods which have all these labels.
    pub(crate) fn socket(
        &self,
        namespace: &str,
        selector: &BTreeMap<String, String>,
        port: &IntOrString,
    ) -> Option<PathBuf> {
        let pods = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let chosen = |pod: &&Running| {
            pod.namespace == namespace && selector.iter().all(|(name, value)| pod.labels.get(name) == Some(value))
        };
        pods.values().filter(chosen).find_map(|pod| {
            let number = match port {
                IntOrString::Int(number) => u16::try_from(*number).ok()?,
                IntOrString::String(name) => *pod.names.get(name)?,
            };
            pod.sockets.get(&number).cloned()
        })
    }

    pub(super) fn insert(&self, uid: String, pod: Running) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(uid, pod);
    }

    pub(super) fn remove(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

pub(super) fn is_bound(pod: &Pod) -> bool {
    pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some())
}

/// Whether it shall end by itself, as the pod of a Job.
pub(super) fn is_job(pod: &Pod) -> bool {
    pod.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref()).is_some_and(|policy| policy != "Always")
}

/// Namespace and name of what made the pod. A Deployment's pods are owned by ReplicaSets with its name and a hash.
pub(super) fn workload_name(pod: &Pod) -> String {
    let owner = pod.owner_references().first().map_or_else(|| pod.name_any(), |owner| owner.name.clone());
    let hash = pod.labels().get("pod-template-hash").map(|hash| format!("-{hash}"));
    let name = hash.and_then(|hash| owner.strip_suffix(&hash).map(str::to_owned)).unwrap_or(owner);
    format!("{}/{name}", pod.namespace().unwrap_or_default())
}
