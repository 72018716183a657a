//! A real API server takes every object that the chart renders to, field by field, in a namespace that Pod Security restricts.

use causeway_rig::{Endpoints, OwnCluster, tools::Tools};
use causeway_testkit::{Kubectl, PinnedModule, bundle, unique_name, within};
use serde_json::Value;
use std::{fs, path::PathBuf, time::Duration};
use tokio::sync::OnceCell;

use crate::{
    helm::{ALL, Helm, RELEASE, chart, key, values_of},
    root,
};

/// A cluster with a node whose pods do nothing, and with the kinds that the chart may use.
pub(crate) struct Site {
    pub(crate) cluster: OwnCluster,
    pub(crate) kubectl: Kubectl,
}

pub(crate) async fn site() -> &'static Site {
    static SITE: OnceCell<Site> = OnceCell::const_new();
    SITE.get_or_init(|| async {
        let endpoints = Endpoints::from_env().unwrap();
        let dir = endpoints.run_dir.join(unique_name("deploy"));
        let cluster = OwnCluster::start_with_node(&Tools::find().unwrap(), &dir).await.unwrap();
        let kubectl = Kubectl::new(&endpoints, cluster.endpoints()).unwrap();
        let definitions = ["gateway-api-", "cert-manager-"].map(|name| definitions(name, &dir));
        for definitions in definitions.into_iter().chain(of_prometheus().await) {
            let path = definitions.display().to_string();
            kubectl.run(&["apply", "--server-side", "-f", &path]).await.unwrap();
            kubectl.run(&["wait", "--for=condition=Established", "--timeout=60s", "-f", &path]).await.unwrap();
        }
        Site { cluster, kubectl }
    })
    .await
}

/// A file with the definitions of a bundle, without the rest of it.
fn definitions(name: &str, dir: &std::path::Path) -> PathBuf {
    let texts = fs::read_dir(bundle(name).unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let texts = texts.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let objects = texts.flat_map(|path| crate::helm::objects(&fs::read_to_string(path).unwrap()));
    let found: Vec<_> = objects.filter(|object| object["kind"] == "CustomResourceDefinition").collect();
    assert!(!found.is_empty(), "bundle {name} has no definitions");
    let path = dir.join(format!("{name}definitions.json"));
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": found});
    fs::write(&path, list.to_string()).unwrap();
    path
}

/// Files with the definitions of the Prometheus operator that the chart uses.
async fn of_prometheus() -> [PathBuf; 2] {
    let pins = root().join("tests/deploy/definitions");
    let module = PinnedModule::find(&pins, "github.com/prometheus-operator/prometheus-operator").await.unwrap();
    ["servicemonitors", "prometheusrules"]
        .map(|name| module.dir.join(format!("example/prometheus-operator-crd/monitoring.coreos.com_{name}.yaml")))
}

impl Site {
    /// A namespace in which no pod may do more than the strictest standard lets it.
    pub(crate) async fn restricted(&self, name: &str) -> String {
        let namespace = unique_name(name);
        self.kubectl.run(&["create", "namespace", &namespace]).await.unwrap();
        let level = "pod-security.kubernetes.io/enforce=restricted";
        self.kubectl.run(&["label", "namespace", &namespace, level]).await.unwrap();
        namespace
    }

    pub(crate) async fn json(&self, arguments: &[&str]) -> Value {
        let out = self.kubectl.run(&[arguments, &["-o", "json"]].concat()).await.unwrap();
        serde_json::from_slice(&out).unwrap()
    }
}

#[tokio::test]
async fn the_api_server_knows_every_field_and_lets_every_pod_in() {
    let site = site().await;
    let dir = tempfile::tempdir().unwrap();
    for values in ALL {
        let namespace = site.restricted(values).await;
        let rendered = Helm::new().render(values, &["--namespace", &namespace]).await;
        for object in &rendered {
            let file = dir.path().join("object.json");
            fs::write(&file, object.to_string()).unwrap();
            let file = file.display().to_string();
            let apply =
                ["apply", "-n", &namespace, "--server-side", "--validate=strict", "--dry-run=server", "-f", &file];
            // Pod Security refuses a Deployment's pods only once they are made, and warns of the Deployment before.
            let taken = site.kubectl.run(&apply).await;
            assert!(taken.is_ok(), "{values}: {}: {:?}", key(object), taken.err());
            if let Some(pod) = pod_of(object) {
                fs::write(&file, pod.to_string()).unwrap();
                let taken = site.kubectl.run(&apply).await;
                assert!(taken.is_ok(), "{values}: the pod of {}: {:?}", key(object), taken.err());
            }
        }
    }
    // The same check refuses what is wrong.
    let file = dir.path().join("wrong.json");
    let wrong = serde_json::json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "wrong"}, "spec": {"containers": [{"name": "a", "image": "a:1"}]}});
    fs::write(&file, wrong.to_string()).unwrap();
    let namespace = site.restricted("wrong").await;
    let refused = site
        .kubectl
        .run(&["apply", "-n", &namespace, "--server-side", "--dry-run=server", "-f", &file.display().to_string()])
        .await;
    assert!(format!("{:?}", refused.unwrap_err()).contains("violates PodSecurity"), "a pod without limits is refused");
    let wrong = serde_json::json!({
        "apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": {"name": "wrong"},
        "spec": {"selector": {}, "endpoints": [{"port": "metrics", "every": "30s"}]},
    });
    fs::write(&file, wrong.to_string()).unwrap();
    let file = file.display().to_string();
    let apply = ["apply", "-n", &namespace, "--server-side", "--validate=strict", "--dry-run=server", "-f", &file];
    let refused = format!("{:?}", site.kubectl.run(&apply).await.unwrap_err());
    assert!(refused.contains(".every"), "{refused}");
}

/// The pod that an object makes, alone.
fn pod_of(object: &Value) -> Option<Value> {
    let template = &object["spec"]["template"];
    let mut spec = template["spec"].as_object()?.clone();
    // Its accounts are part of the release.
    spec.remove("serviceAccountName");
    spec.insert("priorityClassName".into(), Value::Null);
    Some(serde_json::json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "alone"}, "spec": spec}))
}

/// kwok says of every pod that it is Ready: this is about the objects, the hooks and what Helm waits for.
#[tokio::test]
async fn a_release_is_installed_upgraded_rolled_back_and_leaves_nothing() {
    let site = site().await;
    let namespace = site.restricted("release").await;
    let helm = Helm::on(site.cluster.endpoints());
    let (chart, values) = (chart(), values_of("trial"));
    let on = |verb: &'static str, more: &[&'static str]| {
        let all = [&[verb, RELEASE, &chart, "-n", &namespace, "--values", &values, "--wait", "--timeout", "3m"], more]
            .concat();
        all.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let done =
        async |arguments: Vec<String>| helm.done(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let notes = done(on("install", &[])).await;
    assert!(notes.contains("causeway context add edge --server https://localhost:1323"), "{notes}");
    let deployment = async || site.json(&["get", "deployment", "edge-causeway-api", "-n", &namespace]).await;
    let first = deployment().await;
    assert_eq!((&first["spec"]["replicas"], &first["status"]["availableReplicas"]), (&2.into(), &2.into()));

    // The Job fills this Secret once; a later release must leave it as it is.
    let patch = r#"{"stringData": {"token": "kept"}}"#;
    site.kubectl.run(&["patch", "secret", "edge-causeway-first-token", "-n", &namespace, "-p", patch]).await.unwrap();
    done(on("upgrade", &["--set", "api.replicas=3", "--set", "image.tag=0.1.1"])).await;
    let second = deployment().await;
    assert_eq!((&second["spec"]["replicas"], &second["status"]["availableReplicas"]), (&3.into(), &3.into()));
    let image = &second["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(image, "causeway-api:0.1.1");
    let secret = site.json(&["get", "secret", "edge-causeway-first-token", "-n", &namespace]).await;
    assert_eq!(secret["data"]["token"], "a2VwdA==", "what was filled stays");

    let release = ["rollback", RELEASE, "1", "-n", &namespace, "--wait", "--timeout", "3m"];
    helm.done(&release).await;
    assert_eq!(deployment().await["spec"]["replicas"], 2);
    helm.done(&["uninstall", RELEASE, "-n", &namespace, "--wait", "--timeout", "3m"]).await;
    // Pods go when the garbage collector of the cluster has found that their owner is gone.
    within(Duration::from_secs(180), "nothing is left", async || match left_in(site, &namespace).await {
        left if left.is_empty() => Ok(()),
        left => Err(left),
    })
    .await;
}

/// What a namespace holds that is not of every namespace.
async fn left_in(site: &Site, namespace: &str) -> Vec<String> {
    let kinds = "deployments,replicasets,jobs,pods,services,secrets,configmaps,serviceaccounts,roles,rolebindings,networkpolicies,\
        poddisruptionbudgets,horizontalpodautoscalers,ingresses";
    let found = site.json(&["get", kinds, "-n", namespace]).await;
    let names = found["items"].as_array().unwrap().iter().map(key);
    names.filter(|key| !["ConfigMap kube-root-ca.crt", "ServiceAccount default"].contains(&key.as_str())).collect()
}
