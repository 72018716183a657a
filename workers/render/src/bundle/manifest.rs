//! `bundle.toml`: what a bundle says about itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::version::Version;

/// The contents of `bundle.toml`. `make bundles` writes it; it is not edited by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleManifest {
    /// Name of the support service: `cert-manager`.
    pub service: String,
    /// The release that the objects were taken from.
    pub version: Version,
    /// The modules all of it was read from, each with its checksum.
    pub source: String,
    /// Every image that the objects name or that their controller starts later, whole: `quay.io/jetstack/…:v1.21.2`.
    pub images: Vec<String>,
    /// Names of the CRDs it holds.
    #[serde(default)]
    pub definitions: Vec<String>,
    /// Names of its Deployments: it is installed when all of them are available.
    #[serde(default)]
    pub deployments: Vec<String>,
    /// What is known about the service, whatever its version.
    #[serde(flatten)]
    pub traits: Traits,
    /// The files, in the order in which their objects are applied.
    pub file: Vec<FileSum>,
}

/// What is known about a service, whatever its version. Written by hand in the service's recipe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traits {
    /// The namespace it is installed in by default; None when all of its objects are cluster-scoped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Other support services that must be there first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// Kinds whose objects stay in the cluster when the service is uninstalled, since others may have come to use them.
    #[serde(default)]
    pub keep: Vec<String>,
    /// It may be installed several times in a cluster, each time under another name (external-dns: once per AWS account).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub several: bool,
    /// The most replicas its Deployments may have; None when they elect a leader and any number goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_replicas: Option<u32>,
    /// The ServiceAccount whose pods call AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_service_account: Option<String>,
    /// Deployments that detect the CRDs of [`Traits::needs`] only when they start, and are restarted when those CRDs change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restart: Vec<String>,
    /// How an installation of somebody else is recognised, and which versions Causeway works with.
    pub adoption: AdoptionCriteria,
}

/// How an installation of somebody else is recognised, and which versions Causeway works with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptionCriteria {
    /// The oldest version that Causeway works with. A newer major version than the bundle's is refused as well.
    pub oldest: Version,
    /// The CRDs whose objects Causeway writes, each with the API version that it writes.
    #[serde(default)]
    pub required: BTreeMap<String, String>,
    /// The CRDs' annotation that holds the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_annotation: Option<String>,
    /// The CRDs' or Deployments' label that holds the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_label: Option<String>,
    /// How the path of the controller's images ends, without tag: `cert-manager-controller`. Registry mirrors keep that part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// Labels that a Deployment of the controller carries, whatever its image is called; empty when none can be relied on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Labels of Deployments that use the controller's image and are not the controller: the proxies that a gateway controller makes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub not_labels: BTreeMap<String, String>,
}

/// One file of a bundle, with the checksum that reading it requires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSum {
    /// Path inside the bundle.
    pub path: String,
    /// Lower-case hexadecimal SHA-256 of its bytes.
    pub sha256: String,
}
