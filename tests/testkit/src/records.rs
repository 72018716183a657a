//! Records that many tests make, and their names.

use anyhow::Result;
use causeway_rig::ClusterEndpoints;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{answer::id_of, client::ApiClient};

/// A name that no other test has.
#[must_use]
pub fn unique_name(what: &str) -> String {
    format!("{what}-{}", &Uuid::new_v4().simple().to_string()[..8])
}

/// The name of a record's objects in the cluster.
#[must_use]
pub fn object_name(name: &str, id: i64) -> String {
    format!("{name}-{id}")
}

/// Puts a cluster on record, reached as user `causeway`.
///
/// # Errors
/// When the API refuses.
pub async fn add_runtime(client: &ApiClient, cluster: &ClusterEndpoints, name: &str) -> Result<i64> {
    let of = json!({"Name": format!("{name}-definition"), "InfraProvider": "kind"});
    let of = id_of(&client.create("kubernetes-runtime-definitions", &of).await?)?;
    let body = json!({
        "Name": name, "Location": "Local", "KubernetesRuntimeDefinitionID": of, "APIEndpoint": cluster.server,
        "CACertificate": cluster.ca, "Certificate": cluster.causeway.certificate, "CertificateKey": cluster.causeway.key,
    });
    id_of(&client.create("kubernetes-runtime-instances", &body).await?)
}

/// Manifests of a Deployment and a Service `web` of ports 80 and 53 (UDP). Nothing answers there.
pub(crate) const WEB: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: example.invalid/web}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80}, {name: dns, port: 53, protocol: UDP}]}
";

/// A workload with a Service `web` of ports 80 and 53 (UDP), and its instance.
///
/// # Errors
/// When the API refuses.
pub async fn add_workload(client: &ApiClient, runtime: i64, name: &str) -> Result<i64> {
    add_workload_of(client, runtime, name, WEB).await
}

/// Manifests of a Deployment of two pods and a Service `web`, which answer every request on port 80 with this text, also as
/// TCP on port 8000; on port 53 to a datagram `echo TEXT` with the text.
#[must_use]
pub fn answering(text: &str) -> String {
    format!(
        "
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers:
        - name: web
          image: registry.k8s.io/e2e-test-images/agnhost:2.53
          args: [netexec, --http-port=8080, --udp-port=8081, '--http-override=/echo?msg={text}']
          readinessProbe: {{httpGet: {{path: /, port: 8080}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec:
  selector: {{app: web}}
  ports:
    - {{name: http, port: 80, targetPort: 8080}}
    - {{name: tcp, port: 8000, targetPort: 8080}}
    - {{name: dns, port: 53, targetPort: 8081, protocol: UDP}}
"
    )
}

/// A workload of these manifests, and its instance.
///
/// # Errors
/// When the API refuses.
pub async fn add_workload_of(client: &ApiClient, runtime: i64, name: &str, manifests: &str) -> Result<i64> {
    let of = json!({"Name": name, "YAMLDocument": manifests});
    let of = id_of(&client.create("workload-definitions", &of).await?)?;
    let body = json!({"Name": name, "KubernetesRuntimeInstanceID": runtime, "WorkloadDefinitionID": of});
    id_of(&client.create("workload-instances", &body).await?)
}

/// A gateway for a workload, with a definition of its own (`more` holds its ports and whatever else), and its instance.
///
/// # Errors
/// When the API refuses.
pub async fn add_gateway(client: &ApiClient, runtime: i64, name: &str, workload: i64, more: Value) -> Result<i64> {
    let mut of = json!({"Name": name});
    if let (Some(of), Value::Object(more)) = (of.as_object_mut(), more) {
        of.extend(more);
    }
    let of = id_of(&client.create("gateway-definitions", &of).await?)?;
    let body = json!({
        "Name": name, "KubernetesRuntimeInstanceID": runtime, "GatewayDefinitionID": of, "WorkloadInstanceID": workload,
    });
    id_of(&client.create("gateway-instances", &body).await?)
}

/// A domain name instance: the hostnames that a workload's gateways have under a domain are published.
///
/// # Errors
/// When the API refuses.
pub async fn add_domain_name(client: &ApiClient, runtime: i64, name: &str, domain: i64, workload: i64) -> Result<i64> {
    let body = json!({
        "Name": name, "KubernetesRuntimeInstanceID": runtime, "DomainNameDefinitionID": domain,
        "WorkloadInstanceID": workload,
    });
    id_of(&client.create("domain-name-instances", &body).await?)
}

/// The manifest of a ConfigMap with one key: a workload that needs no node.
#[must_use]
pub fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{key: {value:?}}}\n")
}
