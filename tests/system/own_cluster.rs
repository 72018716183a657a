//! Workers reach the cluster that they run in as themselves, where they may.

use std::{fs, path::Path};

use causeway_rig::{ClusterEndpoints, Endpoints};
use causeway_testkit::{
    ControlPlane, INSTALLED, Kubectl, SOON, Setup, add_gateway, add_workload, api, condition, eventually, harness,
    id_of, kinds::NAMESPACE, objects::kube_client_of, unique_name,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The rights that the chart gives to its workers.
const RIGHTS: &str = include_str!("../../deploy/chart/rights.yaml");

/// A service account as a pod has one: a folder with the authority and a token.
struct Account<'a> {
    kubectl: Kubectl,
    cluster: &'a ClusterEndpoints,
    name: String,
    folder: TempDir,
}

impl<'a> Account<'a> {
    async fn new(endpoints: &'a Endpoints) -> Self {
        let (cluster, name) = (endpoints.cluster(), unique_name("own"));
        let (kubectl, folder) = (Kubectl::new(endpoints, cluster).unwrap(), TempDir::new().unwrap());
        let rules: Value = serde_yaml_ng::from_str(RIGHTS).unwrap();
        let metadata = json!({"name": name});
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": name}],
        });
        let objects = json!({"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata},
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": name}},
            {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules},
            binding,
        ]});
        let file = folder.path().join("objects.json");
        fs::write(&file, objects.to_string()).unwrap();
        kubectl.run(&["apply", "-f", &file.display().to_string()]).await.unwrap();
        fs::write(folder.path().join("ca.crt"), &cluster.ca).unwrap();
        Self { kubectl, cluster, name, folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts another token into the folder, which is worth nothing once this Secret is gone.
    async fn issue(&self, secret: &str) {
        let namespace = self.name.as_str();
        self.kubectl.run(&["create", "secret", "generic", secret, "-n", namespace]).await.unwrap();
        let bound = ["--bound-object-kind", "Secret", "--bound-object-name", secret];
        let token = self.kubectl.run(&[&["create", "token", namespace, "-n", namespace], &bound[..]].concat()).await;
        // As a kubelet does it: nobody ever sees half of one.
        fs::write(self.path().join("next"), token.unwrap().trim_ascii()).unwrap();
        fs::rename(self.path().join("next"), self.path().join("token")).unwrap();
    }

    /// Returns when the API server takes the token of this Secret no more.
    async fn revoke(&self, secret: &str, token: &str) {
        self.kubectl.run(&["delete", "secret", secret, "-n", &self.name]).await.unwrap();
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "own",
            "clusters": [{"name": "own", "cluster": {"server": self.cluster.server, "certificate-authority": "ca.crt"}}],
            "contexts": [{"name": "own", "context": {"cluster": "own", "user": "own"}}],
            "users": [{"name": "own", "user": {"token": token}}],
        });
        let file = self.path().join("kubeconfig");
        fs::write(&file, config.to_string()).unwrap();
        let namespaces = api(&kube_client_of(&file).await.unwrap(), NAMESPACE, None);
        eventually("the token is worth nothing", async || match namespaces.get("kube-system").await {
            Err(kube::Error::Api(status)) if status.code == 401 => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
    }

    fn token(&self) -> String {
        fs::read_to_string(self.path().join("token")).unwrap()
    }

    /// What a worker finds in a pod.
    fn environment(&self) -> Vec<(String, String)> {
        let (_, address) = self.cluster.server.split_once("://").unwrap();
        let (host, port) = address.rsplit_once(':').unwrap();
        let variables = [
            ("CAUSEWAY_OWN_CLUSTER", "true"),
            ("CAUSEWAY_SERVICE_ACCOUNT", self.path().to_str().unwrap()),
            ("KUBERNETES_SERVICE_HOST", host),
            ("KUBERNETES_SERVICE_PORT", port.trim_end_matches('/')),
        ];
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }

    async fn remove(&self) {
        for kind in ["clusterrolebinding", "clusterrole", "namespace"] {
            self.kubectl.run(&["delete", kind, &self.name, "--wait=false"]).await.unwrap();
        }
    }
}

#[tokio::test]
async fn workers_bring_a_gateway_into_their_own_cluster_with_a_token_that_changes_only_where_they_may() {
    // Its support services are there already, and stay when this control plane goes.
    harness().await;
    let endpoints = Endpoints::from_env().unwrap();
    let account = Account::new(&endpoints).await;
    account.issue("first").await;
    let mut platform = ControlPlane::start(&endpoints, Setup::for_test("own")).await.unwrap();
    let (client, name) = (platform.client(), account.name.as_str());
    let of = json!({"Name": name, "InfraProvider": "kind"});
    let of = id_of(&client.create("kubernetes-runtime-definitions", &of).await.unwrap()).unwrap();
    let runtime = json!({
        "Name": name, "Location": "Local", "KubernetesRuntimeDefinitionID": of, "ThreeportControlPlaneHost": true,
    });
    let runtime = id_of(&client.create("kubernetes-runtime-instances", &runtime).await.unwrap()).unwrap();
    let says = |reason: &'static str| {
        move |record: &Value| condition(record, "ClusterReachable").is_some_and(|one| one["Reason"] == reason)
    };
    let refused =
        client.until("kubernetes-runtime-instances", runtime, SOON, says("OwnClusterNotAllowed")).await.unwrap();
    let message = condition(&refused, "ClusterReachable").unwrap()["Message"].as_str().unwrap().to_owned();
    assert!(message.contains("--own-cluster"), "{message}");

    platform.end_worker(0).await;
    platform.add_worker_with(&account.environment()).await.unwrap();
    client.until_ready("kubernetes-runtime-instances", runtime, SOON).await.unwrap();
    let workload = add_workload(&client, runtime, name).await.unwrap();
    let ports = json!({"HttpPorts": [{"Port": 80}]});
    let gateway = add_gateway(&client, runtime, name, workload, ports).await.unwrap();
    client.until_ready("gateway-instances", gateway, INSTALLED).await.unwrap();

    // The token changes, and the one before is worth nothing any more: it goes on, within the minute after which a token is read again.
    let before = account.token();
    account.issue("second").await;
    account.revoke("first", &before).await;
    client.delete_and_wait("gateway-instances", gateway, INSTALLED).await.unwrap();
    client.delete_and_wait("workload-instances", workload, INSTALLED).await.unwrap();
    client.delete_and_wait("kubernetes-runtime-instances", runtime, INSTALLED).await.unwrap();
    platform.stop().await;
    account.remove().await;
}
