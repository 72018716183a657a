//! An admission webhook that takes connections and never answers.

use std::net::Ipv4Addr;

use anyhow::Result;
use causeway_testkit::{api, objects::apply};
use kube::api::DeleteParams;
use serde_json::json;
use tokio::{io::AsyncReadExt, net::TcpListener};

use crate::{harness::ADMIN, lane::Lane};

const CONFIGURATION: (&str, &str, &str) = ("admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration");

/// Where such a webhook listens, until this process ends.
pub(crate) async fn listen() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // Reads to the end of the connection: the caller gives up first.
            tokio::spawn(async move { while stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {} });
        }
    });
    Ok(port)
}

impl Lane {
    /// Every write of ours to ConfigMaps and Services waits for it from now on.
    pub(crate) async fn add_webhook(&self, cluster: u8, seconds: u8, refuses: bool) -> Result<()> {
        let rule = json!({
            "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps", "services"], "operations": ["CREATE", "UPDATE", "DELETE"],
        });
        let webhook = json!({
            "name": "silent.model.example", "admissionReviewVersions": ["v1"], "sideEffects": "None", "timeoutSeconds": seconds,
            "failurePolicy": if refuses { "Fail" } else { "Ignore" }, "rules": [rule],
            "matchConditions": [{"name": "ours", "expression": format!("request.userInfo.username == '{}'", self.user)}],
            "clientConfig": {"url": format!("https://127.0.0.1:{}/", self.silent)},
        });
        let configuration = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": self.webhook()}, "webhooks": [webhook],
        });
        apply(&self.ways[usize::from(cluster)].cluster.kube, ADMIN, &configuration).await
    }

    pub(crate) async fn remove_webhook(&self, cluster: u8) -> Result<()> {
        let configurations = api(&self.ways[usize::from(cluster)].cluster.kube, CONFIGURATION, None);
        match configurations.delete(&self.webhook(), &DeleteParams::default()).await {
            // Two of them have the same name; the first that ends takes it away.
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            done => Ok(done.map(drop)?),
        }
    }

    fn webhook(&self) -> String {
        format!("silent-{}", self.identity)
    }
}
