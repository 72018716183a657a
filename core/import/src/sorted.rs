//! The objects of a stream by what is done with them.

use crate::{gateways::Namespaces, gloo, ingress::Services, source::Source, workloads::refusal};
use causeway_manifests::Manifest;
use serde_json::Value;
use std::{collections::HashMap, fmt};

/// Objects of Gateway API and of Gloo, and Ingresses, that are looked at together.
pub const MOST: usize = 1000;

const GATEWAY_API: &str = "gateway.networking.k8s.io";

/// A stream has more objects than are looked at together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    /// How many it has.
    pub count: usize,
}

impl fmt::Display for TooMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count } = self;
        write!(
            f,
            "holds {count} objects of Gateway API, of Gloo, and Ingresses; {MOST} are looked at together, so import one namespace after the other"
        )
    }
}

impl std::error::Error for TooMany {}

#[derive(Default)]
pub(crate) struct Sorted {
    pub(crate) gateways: Vec<Source>,
    pub(crate) listener_sets: Vec<Source>,
    /// Of all kinds.
    pub(crate) routes: Vec<Source>,
    pub(crate) grants: Vec<Source>,
    pub(crate) ingresses: Vec<Source>,
    pub(crate) gloo: gloo::Objects,
    pub(crate) services: Services,
    pub(crate) namespaces: Namespaces,
    /// The namespaces themselves.
    pub(crate) namespace_objects: Vec<Source>,
    /// Manifests that may be a part of a workload.
    pub(crate) carried: Vec<Source>,
    /// Objects that are reported as a whole.
    pub(crate) refused: Vec<Source>,
}

/// What an object is.
struct About {
    group: String,
    version: String,
    kind: String,
    /// Why it isn't applied at all.
    hook: Option<String>,
}

impl About {
    fn new(manifest: &Manifest) -> Self {
        let (group, version) = manifest.group_and_version();
        let hook = manifest.not_applied.as_ref();
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: manifest.kind().to_owned(),
            hook: hook
                .map(|hook| format!("isn't applied when a workload is installed: {} {}", hook.annotation, hook.hook)),
        }
    }
}

impl Sorted {
    /// `stay`: the objects are taken over.
    pub(crate) fn new(manifests: Vec<Manifest>, stay: bool) -> Result<Self, TooMany> {
        let mut last: HashMap<(String, String, String, String), usize> = HashMap::new();
        let identity = |manifest: &Manifest| {
            let text = |text: &str| text.to_owned();
            let namespace = manifest.namespace().unwrap_or("default");
            (text(manifest.group_and_version().0), text(manifest.kind()), text(namespace), text(manifest.name()))
        };
        for (number, manifest) in manifests.iter().enumerate() {
            last.insert(identity(manifest), number);
        }
        let mut sorted = Self::default();
        for (number, mut manifest) in manifests.into_iter().enumerate() {
            let is_last = last.get(&identity(&manifest)) == Some(&number);
            let about = About::new(&manifest);
            let mut source = Source::new(&mut manifest, number);
            source.stays = stay;
            if is_last {
                sorted.add(source, about);
            } else {
                source.refuse("stands in the stream once more further down, and that counts");
                sorted.refused.push(source);
            }
        }
        let lists = [&sorted.gateways, &sorted.listener_sets, &sorted.routes, &sorted.grants, &sorted.ingresses];
        let count = lists.iter().map(|list| list.len()).sum::<usize>() + sorted.gloo.len();
        if count > MOST { Err(TooMany { count }) } else { Ok(sorted) }
    }

    fn add(&mut self, mut source: Source, about: About) {
        let About { group, version, kind, hook } = about;
        if let Some(hook) = hook {
            source.refuse(&hook);
            self.refused.push(source);
            return;
        }
        match (group.as_str(), kind.as_str()) {
            (GATEWAY_API, "Gateway") => self.gateways.push(source),
            (GATEWAY_API, "ListenerSet") => self.listener_sets.push(source),
            (GATEWAY_API, "HTTPRoute" | "GRPCRoute" | "TLSRoute" | "TCPRoute" | "UDPRoute") => self.routes.push(source),
            (GATEWAY_API, "ReferenceGrant") => self.grants.push(source),
            // They are where they are.
            (GATEWAY_API, "GatewayClass") if source.stays => {}
            (GATEWAY_API, "GatewayClass") => {
                source.needed("", "a class belongs to its cluster, with the controller that serves it; gateway definitions only name it");
                self.refused.push(source);
            }
            ("networking.k8s.io", "Ingress") if version == "v1" => self.ingresses.push(source),
            ("networking.k8s.io" | "extensions", "Ingress") => {
                source.refuse("is of an old version; write it as networking.k8s.io/v1, as `kubectl convert` or `kubectl get` does");
                self.refused.push(source);
            }
            ("gateway.solo.io", "Gateway") => self.gloo.gateways.push(source),
            ("gateway.solo.io", "VirtualService") => self.gloo.virtual_services.push(source),
            ("gateway.solo.io", "RouteTable") => self.gloo.route_tables.push(source),
            ("gloo.solo.io", "Upstream") => self.gloo.upstreams.push(source),
            ("", "Namespace") => {
                let labels = source.seen("/metadata/labels").clone();
                self.namespaces.insert(source.object.name.clone(), labels);
                if !source.stays {
                    self.namespace_objects.push(source);
                }
            }
            (group, kind) => {
                if group.is_empty() && kind == "Service" {
                    let key = (source.object.namespace.clone(), source.object.name.clone());
                    self.services.insert(key, ports(source.seen("/spec/ports")));
                }
                match refusal(group, &source) {
                    _ if source.stays => self.carried.push(source),
                    None => self.carried.push(source),
                    Some(problem) => {
                        source.refuse(&problem);
                        self.refused.push(source);
                    }
                }
            }
        }
    }
}

fn ports(ports: &Value) -> Vec<(Option<String>, i64)> {
    let all = ports.as_array().into_iter().flatten();
    all.filter_map(|port| Some((port["name"].as_str().map(str::to_owned), port["port"].as_i64()?))).collect()
}
