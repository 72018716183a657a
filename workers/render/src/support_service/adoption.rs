//! Adoption: whether Causeway installs and upgrades a support service in a cluster, or uses an installation of somebody else as it is.

use std::collections::BTreeMap;

use causeway_records::{inventory::ObjectRef, nouns::Service};
use serde_json::Value;

use super::BUNDLE;
use crate::bundle::{Bundle, Version, object_ref};
use crate::labels::{CONTROL_PLANE, OWNER, Owner};

/// Where a cert-manager looks for the Secrets of ClusterIssuers that nothing tells otherwise.
const UNTOLD_CLUSTER_RESOURCE_NAMESPACE: &str = "kube-system";

/// The parts of a support service that were found in a cluster: what [`survey`] decides on.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// CRDs; those that the bundle does not hold are ignored.
    pub definitions: Vec<Definition>,
    /// Deployments in any namespace; those that are not a controller of the service are ignored.
    pub controllers: Vec<Controller>,
}

/// A CustomResourceDefinition in the cluster.
#[derive(Clone, Debug)]
pub struct Definition {
    /// `metadata.name`: plural and group of the kind it defines.
    pub name: String,
    /// `metadata.labels`; Causeway's own say which record made the object.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`; some projects write their version there.
    pub annotations: BTreeMap<String, String>,
    /// API versions that the API server serves, such as `v1`.
    pub served: Vec<String>,
}

/// A Deployment in the cluster, which may be the service's controller.
#[derive(Clone, Debug)]
pub struct Controller {
    /// Namespace and name, for messages.
    pub at: ObjectRef,
    /// `metadata.labels`; Causeway's own say which record made the object.
    pub labels: BTreeMap<String, String>,
    /// The images of its containers, with tag or digest.
    pub images: Vec<String>,
    /// Where it looks for the Secrets of ClusterIssuers, if it is told so: cert-manager's controller is.
    pub cluster_resource_namespace: Option<String>,
}

/// How one support service in one cluster is to be treated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Adoption {
    /// No part of it was found: install everything.
    Absent,
    /// This record installed it, perhaps not to the end: go on.
    Ours {
        /// Names the parts of another installation that were found as well; None if there are none.
        warning: Option<String>,
    },
    /// Somebody else installed it: use it, change nothing, delete nothing.
    Foreign {
        /// Version of the installation; None if nothing shows it.
        version: Option<Version>,
        /// Whether Causeway works with this version.
        compatible: bool,
        /// Names what was found and, if it is not compatible, the next thing to do.
        why: String,
        /// Where it looks for the Secrets of ClusterIssuers; None: it is not cert-manager.
        cluster_resource_namespace: Option<String>,
    },
    /// Only its CRDs were found, and this record did not make them: install the rest and leave the CRDs alone.
    ForeignDefinitions {
        /// Version of the CRDs; None if nothing shows it.
        version: Option<Version>,
        /// Whether the bundle's version of the service works with them.
        compatible: bool,
        /// As in [`Adoption::Foreign`].
        why: String,
    },
    /// This record installed a newer version than the one wanted now. CRDs never go back: stored objects could become unreadable.
    Downgrade {
        /// Highest version that an annotation of this record's CRDs names.
        installed: Version,
        /// Version of the bundle.
        wanted: Version,
    },
}

/// Decides how the service is to be treated. Objects of another control plane count as foreign, and so do those of another record of this one:
/// only the record that made an object may change it.
pub fn survey(bundle: &Bundle, control_plane: &str, id: i64, facts: &Facts) -> Adoption {
    let owner = Owner { kind: causeway_records::Kind::SupportServiceInstance, id }.to_string();
    let is_own = |labels: &BTreeMap<String, String>| {
        labels.get(CONTROL_PLANE).map(String::as_str) == Some(control_plane) && labels.get(OWNER) == Some(&owner)
    };
    let traits = &bundle.manifest.traits;
    let known = facts.definitions.iter().filter(|found| bundle.manifest.definitions.contains(&found.name));
    let (own_definitions, definitions): (Vec<_>, Vec<_>) = known.partition(|found| is_own(&found.labels));
    let matching = facts.controllers.iter().filter(|found| is_controller(bundle, found));
    let (own_controllers, mut controllers): (Vec<_>, Vec<_>) = matching.partition(|found| is_own(&found.labels));
    if traits.several {
        // Installations beside each other do not interfere: each has its own owner id and its own zones.
        controllers.clear();
    }

    if !own_definitions.is_empty() || !own_controllers.is_empty() {
        let installed = own_definitions.iter().filter_map(|found| installed_version(bundle, found)).max();
        return match installed {
            Some(installed) if installed > bundle.manifest.version => {
                Adoption::Downgrade { installed, wanted: bundle.manifest.version.clone() }
            }
            // Several external-dns share the CRDs of the first record that installed them.
            _ if own_definitions.is_empty() && !definitions.is_empty() => foreign_definitions(bundle, &definitions),
            _ => Adoption::Ours { warning: warning(bundle, &definitions, &controllers) },
        };
    }
    if !controllers.is_empty() || (!definitions.is_empty() && bundle.manifest.deployments.is_empty()) {
        let (version, compatible, why) = judge(bundle, &definitions, &controllers);
        let of_cert_manager = controllers.first().filter(|_| bundle.manifest.service == Service::CertManager.as_str());
        let cluster_resource_namespace = of_cert_manager.map(|found| {
            found.cluster_resource_namespace.as_deref().unwrap_or(UNTOLD_CLUSTER_RESOURCE_NAMESPACE).to_owned()
        });
        let why = match &cluster_resource_namespace {
            Some(namespace) if compatible => format!("{why}; Secrets of ClusterIssuers are kept in {namespace}"),
            _ => why,
        };
        return Adoption::Foreign { version, compatible, why, cluster_resource_namespace };
    }
    if definitions.is_empty() { Adoption::Absent } else { foreign_definitions(bundle, &definitions) }
}

fn foreign_definitions(bundle: &Bundle, definitions: &[&Definition]) -> Adoption {
    let (version, compatible, why) = judge(bundle, definitions, &[]);
    Adoption::ForeignDefinitions { version, compatible, why }
}

/// Version, whether it is compatible, and why.
fn judge(bundle: &Bundle, definitions: &[&Definition], controllers: &[&Controller]) -> (Option<Version>, bool, String) {
    let service = &bundle.manifest.service;
    let adoption = &bundle.manifest.traits.adoption;
    let version = version(bundle, definitions, controllers);
    let shown = version.as_ref().map_or(service.clone(), |version| format!("{service} {version}"));
    let place = match (controllers.first(), definitions.first()) {
        (Some(controller), _) => controller.at.to_string(),
        (None, Some(definition)) => format!("CustomResourceDefinition {}", definition.name),
        (None, None) => String::new(),
    };
    let found = format!("{shown} was not installed by this instance ({place})");

    let unserved = adoption
        .required
        .iter()
        .find(|(name, wanted)| !definitions.iter().any(|found| found.name == **name && found.served.contains(wanted)));
    if let Some((name, wanted)) = unserved {
        return (version, false, format!("{found}, and it does not serve {name} at {wanted}: upgrade it"));
    }
    let oldest = &adoption.oldest;
    let verdict = match &version {
        // CRDs without a controller and without a word about their version: what they serve has just been checked.
        None if controllers.is_empty() => Ok(()),
        None => Err(format!("its version cannot be told: set its version as label or image tag, at least {oldest}")),
        Some(version) if version < oldest => {
            Err(format!("it is older than {oldest}, the oldest that works here: upgrade it"))
        }
        Some(version) if version.major() > bundle.manifest.version.major() => {
            Err(format!("it is newer than what this release of Causeway knows ({})", bundle.manifest.version))
        }
        Some(_) => Ok(()),
    };
    match verdict {
        Err(problem) => (version, false, format!("{found}, and {problem}")),
        Ok(()) => {
            let lacks: Vec<_> = bundle.manifest.definitions.iter().map(String::as_str).collect();
            let lacks: Vec<_> = lacks.into_iter().filter(|name| !definitions.iter().any(|d| d.name == *name)).collect();
            let lacks = if lacks.is_empty() { String::new() } else { format!("; it lacks {}", lacks.join(", ")) };
            (version, true, format!("{found}; it is used as it is{lacks}"))
        }
    }
}

/// The version of an installation: from its controller's image tag or label, else the lowest that its CRDs name.
fn version(bundle: &Bundle, definitions: &[&Definition], controllers: &[&Controller]) -> Option<Version> {
    let adoption = &bundle.manifest.traits.adoption;
    let label = |labels: &BTreeMap<String, String>| labels.get(adoption.version_label.as_ref()?)?.parse().ok();
    let tag = |found: &Controller| {
        let image = found.images.iter().find(|image| adoption.images.iter().any(|end| ends_with(image, end)))?;
        split_image(image).1?.parse().ok()
    };
    let annotation = |found: &Definition| found.annotations.get(adoption.version_annotation.as_ref()?)?.parse().ok();
    let of_controllers = controllers.iter().filter_map(|found| tag(found).or_else(|| label(&found.labels))).min();
    let of_definitions =
        || definitions.iter().filter_map(|found| annotation(found).or_else(|| label(&found.labels))).min();
    of_controllers.or_else(of_definitions)
}

/// The version that the [`BUNDLE`] annotation names.
fn installed_version(bundle: &Bundle, found: &Definition) -> Option<Version> {
    let origin = found.annotations.get(BUNDLE)?;
    origin.strip_prefix(&bundle.manifest.service)?.strip_prefix('-')?.parse().ok()
}

fn warning(bundle: &Bundle, definitions: &[&Definition], controllers: &[&Controller]) -> Option<String> {
    let names = controllers.iter().map(|found| found.at.to_string());
    let names = names.chain(definitions.iter().map(|found| format!("CustomResourceDefinition {}", found.name)));
    let names: Vec<_> = names.collect();
    let service = &bundle.manifest.service;
    (!names.is_empty()).then(|| format!("{service} stands beside parts of another installation: {}", names.join(", ")))
}

/// Whether a Deployment is the service's controller, by its labels or by its image.
fn is_controller(bundle: &Bundle, found: &Controller) -> bool {
    let adoption = &bundle.manifest.traits.adoption;
    let has = |labels: &BTreeMap<String, String>| {
        !labels.is_empty() && labels.iter().all(|(key, value)| found.labels.get(key) == Some(value))
    };
    let by_image = || found.images.iter().any(|image| adoption.images.iter().any(|end| ends_with(image, end)));
    !has(&adoption.not_labels) && (has(&adoption.labels) || by_image())
}

/// Whether an image's path ends with the given parts.
fn ends_with(image: &str, end: &str) -> bool {
    let path = split_image(image).0;
    path == end || path.strip_suffix(end).is_some_and(|rest| rest.ends_with('/'))
}

/// Path and tag of an image; a digest is dropped.
fn split_image(image: &str) -> (&str, Option<&str>) {
    let image = image.split('@').next().unwrap_or(image);
    match image.rsplit_once(':') {
        // A colon before the last slash belongs to the registry's port.
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
        _ => (image, None),
    }
}

impl Definition {
    /// From a CRD as the API server returns it; None when it has no name.
    pub fn read(object: &Value) -> Option<Self> {
        let versions = object.pointer("/spec/versions").and_then(Value::as_array).into_iter().flatten();
        Some(Self {
            name: object.pointer("/metadata/name")?.as_str()?.to_owned(),
            labels: texts(object.pointer("/metadata/labels")),
            annotations: texts(object.pointer("/metadata/annotations")),
            served: versions
                .filter(|v| v["served"] == true)
                .filter_map(|v| v["name"].as_str())
                .map(str::to_owned)
                .collect(),
        })
    }
}

impl Controller {
    /// From a Deployment as the API server returns it, with `apiVersion` and `kind` (which lists leave out of their items).
    pub fn read(object: &Value) -> Option<Self> {
        let containers = object.pointer("/spec/template/spec/containers").and_then(Value::as_array);
        let containers = containers.map(Vec::as_slice).unwrap_or_default();
        let at = object_ref(object)?;
        let own = at.namespace.as_deref().unwrap_or_default();
        Some(Self {
            labels: texts(object.pointer("/metadata/labels")),
            images: containers.iter().filter_map(|c| c["image"].as_str()).map(str::to_owned).collect(),
            cluster_resource_namespace: containers.iter().find_map(|c| cluster_resource_namespace(c, own)),
            at,
        })
    }
}

/// What the arguments of a container of cert-manager say about its cluster resource namespace. `own`: the Deployment's namespace, which also stands
/// for what can't be told from here: the field of a pod, or a file of settings.
fn cluster_resource_namespace(container: &Value, own: &str) -> Option<String> {
    let texts = |key: &str| container[key].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut words = texts("command").chain(texts("args"));
    let mut has_settings = false;
    while let Some(word) = words.next() {
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        match name.trim_start_matches('-') {
            "cluster-resource-namespace" => return Some(expanded(value.or_else(|| words.next())?, container, own)),
            "config" => has_settings = true,
            _ => {}
        }
    }
    has_settings.then(|| own.to_owned())
}

/// An argument as the pod's container gets it: `$(NAME)` is a variable of its environment.
fn expanded(argument: &str, container: &Value, own: &str) -> String {
    let Some(name) = argument.strip_prefix("$(").and_then(|rest| rest.strip_suffix(')')) else {
        return argument.to_owned();
    };
    let variables = container["env"].as_array().into_iter().flatten();
    let value = variables.filter(|variable| variable["name"] == name).find_map(|variable| variable["value"].as_str());
    value.unwrap_or(own).to_owned()
}

fn texts(value: Option<&Value>) -> BTreeMap<String, String> {
    let fields = value.and_then(Value::as_object).into_iter().flatten();
    fields.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}
