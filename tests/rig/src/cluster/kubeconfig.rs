//! Kubeconfigs, and the rig's own client.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use base64::{Engine, prelude::BASE64_STANDARD};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::json;

use crate::pki::{Credential, Pki};

pub(super) fn write_kubeconfig(
    dir: &Path,
    server: &str,
    pki: &Pki,
    user: &str,
    credential: &Credential,
) -> Result<PathBuf> {
    let path = dir.join(format!("{user}.kubeconfig"));
    let content = serde_json::to_string_pretty(&kubeconfig(server, &pki.ca(), credential))?;
    fs::write(&path, content).with_context(|| format!("can't write {}", path.display()))?;
    Ok(path)
}

pub(super) fn kubeconfig(server: &str, ca: &str, credential: &Credential) -> serde_json::Value {
    let encode = |pem: &str| BASE64_STANDARD.encode(pem);
    let cluster = json!({ "server": server, "certificate-authority-data": encode(ca) });
    let user = json!({
        "client-certificate-data": encode(&credential.certificate),
        "client-key-data": encode(&credential.key),
    });
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "rig", "cluster": cluster }],
        "users": [{ "name": "rig", "user": user }],
        "contexts": [{ "name": "rig", "context": { "cluster": "rig", "user": "rig" } }],
        "current-context": "rig",
    })
}

pub(super) async fn client(kubeconfig: serde_json::Value) -> Result<Client> {
    let kubeconfig: Kubeconfig = serde_json::from_value(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}
