//! Upstreams: what destinations of routes lead to.

use super::{is_there, number, text};
use crate::{report::Loss, source::Source};
use std::collections::BTreeMap;

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) namespace: String,
    pub(super) service: String,
    pub(super) port: i64,
}

struct Upstream {
    source: Source,
    /// None: it stands for no Service.
    target: Option<Target>,
    is_used: bool,
}

/// All Upstreams among the objects, by namespace and name.
pub(super) struct Upstreams(BTreeMap<(String, String), Upstream>);

impl Upstreams {
    pub(super) fn new(sources: Vec<Source>) -> Self {
        let upstream = |mut source: Source| {
            let key = (source.object.namespace.clone(), source.object.name.clone());
            let target = target(&mut source);
            (key, Upstream { source, target, is_used: false })
        };
        Self(sources.into_iter().map(upstream).collect())
    }

    /// The Service that an Upstream stands for, or why none is known.
    pub(super) fn find(&mut self, named: &(String, String)) -> Result<Target, (Loss, String)> {
        let (namespace, name) = named;
        let Some(upstream) = self.0.get_mut(named) else {
            let problem = format!(
                "Upstream {namespace}/{name} isn't among the objects, so its Service isn't known; add it to the stream"
            );
            return Err((Loss::Needed, problem));
        };
        upstream.is_used = true;
        upstream.target.clone().ok_or_else(|| {
            let problem = format!("Upstream {namespace}/{name} stands for no Service: bring a Service that leads there among the manifests of the workload");
            (Loss::Unsupported, problem)
        })
    }

    /// The objects. Those that no route leads to are reported.
    pub(super) fn close(self) -> impl Iterator<Item = Source> {
        self.0.into_values().map(|mut upstream| {
            if !upstream.is_used {
                upstream.source.refuse("no route among the objects leads to it");
            }
            upstream.source
        })
    }
}

fn target(source: &mut Source) -> Option<Target> {
    const KUBE: &str = "/spec/kube";
    if !is_there(source, KUBE) {
        source.unsupported("/spec", "stands for what is no Service, and a backend is a Service of a workload");
        return None;
    }
    let own = source.object.namespace.clone();
    let service = text(source, "/spec/kube/serviceName")?;
    let namespace = text(source, "/spec/kube/serviceNamespace").filter(|namespace| !namespace.is_empty());
    let port = number(source, "/spec/kube/servicePort")?;
    Some(Target { namespace: namespace.unwrap_or(own), service, port })
}
