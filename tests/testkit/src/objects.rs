//! Objects of a cluster, of any kind, as the cluster's admin sees them.

use std::path::Path;

use anyhow::{Context, Result};
use causeway_rig::ClusterEndpoints;
use kube::{
    Api, Config,
    api::{DynamicObject, ListParams, Patch, PatchParams},
    config::{KubeConfigOptions, Kubeconfig},
    core::{ApiResource, GroupVersionKind},
    runtime::wait::await_condition,
};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::{
    kinds::Gvk,
    wait::{PAUSE, SOON},
};

/// A client of a cluster as its admin.
///
/// # Errors
/// When the kubeconfig can't be read.
pub async fn kube_client(cluster: &ClusterEndpoints) -> Result<kube::Client> {
    kube_client_of(&cluster.admin.kubeconfig).await
}

/// A client with connections of its own, as the user of a kubeconfig.
///
/// # Errors
/// When the file can't be read.
pub async fn kube_client_of(kubeconfig: &Path) -> Result<kube::Client> {
    // Another test may have chosen the provider already, and any will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(kube::Client::try_from(config)?)
}

/// Objects of any kind, in all namespaces, as plain JSON.
///
/// # Errors
/// When the API server refuses.
pub async fn objects(client: &kube::Client, gvk: Gvk<'_>, selector: &str) -> Result<Vec<Value>> {
    let list = api(client, gvk, None).list(&ListParams::default().labels(selector)).await?;
    list.items.into_iter().map(|object| serde_json::to_value(object).context("an object is no JSON")).collect()
}

/// Any kind of group, version and kind, in one namespace or in all.
#[must_use]
pub fn api(client: &kube::Client, gvk: Gvk<'_>, namespace: Option<&str>) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(gvk.0, gvk.1, gvk.2));
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}

/// An object from its manifest.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn object(manifest: Value) -> DynamicObject {
    serde_json::from_value(manifest).expect("the manifest is no object")
}

/// A value somewhere in an object; null if it isn't there.
#[must_use]
pub fn at<'a>(object: &'a DynamicObject, pointer: &str) -> &'a Value {
    object.data.pointer(pointer).unwrap_or(&Value::Null)
}

/// Applies an object by server-side apply under this field manager.
///
/// # Errors
/// When the manifest is no object, or the API server refuses.
pub async fn apply(client: &kube::Client, manager: &str, manifest: &Value) -> Result<()> {
    let text = |at: &str| manifest.pointer(at).and_then(Value::as_str);
    let (api_version, kind) = (text("/apiVersion").context("no apiVersion")?, text("/kind").context("no kind")?);
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    let name = text("/metadata/name").context("no name")?;
    let objects = api(client, (group, version, kind), text("/metadata/namespace"));
    objects.patch(name, &PatchParams::apply(manager).force(), &Patch::Apply(manifest)).await?;
    Ok(())
}

/// Watches an object until it is there and `wanted` says that it is as wanted, and returns it.
///
/// # Panics
/// After [`SOON`]; the message has the object as it is then.
pub async fn becomes(
    objects: &Api<DynamicObject>,
    name: &str,
    what: &str,
    wanted: impl Fn(&DynamicObject) -> bool,
) -> DynamicObject {
    let found = await_object(objects, name, what, |object| object.is_some_and(&wanted)).await;
    found.expect("an object that is as wanted is there")
}

/// Watches until there is no object of this name.
///
/// # Panics
/// As [`becomes`].
pub async fn goes(objects: &Api<DynamicObject>, name: &str, what: &str) {
    await_object(objects, name, what, |object| object.is_none()).await;
}

/// Watches an object until `wanted` says that it is as wanted, and returns it. None: there is none of this name.
///
/// # Panics
/// As [`becomes`].
pub async fn await_object(
    objects: &Api<DynamicObject>,
    name: &str,
    what: &str,
    wanted: impl Fn(Option<&DynamicObject>) -> bool,
) -> Option<DynamicObject> {
    let watch = async {
        loop {
            match await_condition(objects.clone(), name, &wanted).await {
                Ok(found) => return found,
                // The watch has ended early, for example with the API server: begin anew.
                Err(_) => sleep(PAUSE).await,
            }
        }
    };
    match timeout(SOON, watch).await {
        Ok(found) => found,
        Err(_) => panic!("not so after {SOON:?}: {what}; seen: {:#?}", objects.get_opt(name).await),
    }
}
