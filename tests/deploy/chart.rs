//! What the chart renders to, with each file of `values/`.

use serde_json::{Value, json};
use std::collections::BTreeSet;

use crate::{
    helm::{ALL, Helm, chart, containers, key, pods, values_of},
    root,
};

#[tokio::test]
async fn helm_finds_nothing_to_complain_about() {
    let (helm, chart) = (Helm::new(), chart());
    for values in ALL {
        helm.done(&["lint", "--strict", &chart, "--values", &values_of(values)]).await;
    }
}

/// Helm's `lookup`, `rand` and `now` would make another object with each rendering, and tools that compare renderings would never come to rest.
#[tokio::test]
async fn the_same_values_render_to_the_same_text() {
    let helm = Helm::new();
    for values in ALL {
        assert_eq!(helm.text(values, &[]).await, helm.text(values, &[]).await, "{values}");
    }
}

#[tokio::test]
async fn each_way_to_install_has_its_objects() {
    let helm = Helm::new();
    let always = [
        "Deployment edge-causeway-api",
        "Service edge-causeway-api",
        "ServiceAccount edge-causeway-api",
        "Deployment edge-causeway-workers",
        "Service edge-causeway-workers",
        "ServiceAccount edge-causeway-workers",
        "PodDisruptionBudget edge-causeway-api",
        "PodDisruptionBudget edge-causeway-workers",
        "NetworkPolicy edge-causeway-api",
        "NetworkPolicy edge-causeway-workers",
        "NetworkPolicy edge-causeway-first-secrets",
        "NetworkPolicy edge-causeway-migrate",
    ];
    let first = [
        "ServiceAccount edge-causeway-first-secrets",
        "Role edge-causeway-first-secrets",
        "RoleBinding edge-causeway-first-secrets",
        "Job edge-causeway-first-secrets-*",
    ];
    let migrate = "Job edge-causeway-migrate";
    let (tls, token) = ("Secret edge-causeway-tls", "Secret edge-causeway-first-token");
    let of_each: [(&str, Vec<&str>); 4] = [
        (
            "trial",
            [
                &first[..],
                &[
                    tls,
                    token,
                    "Secret edge-causeway-trial",
                    "Deployment edge-causeway-postgres",
                    "Service edge-causeway-postgres",
                    "Deployment edge-causeway-nats",
                    "Service edge-causeway-nats",
                    "NetworkPolicy edge-causeway-postgres",
                    "NetworkPolicy edge-causeway-nats",
                ],
            ]
            .concat(),
        ),
        (
            "production",
            vec![
                migrate,
                "HorizontalPodAutoscaler edge-causeway-api",
                "HorizontalPodAutoscaler edge-causeway-workers",
                "Ingress edge-causeway-api",
                "ConfigMap edge-causeway-dashboard",
            ],
        ),
        (
            "gateway",
            [
                &first[..],
                &[
                    token,
                    "Certificate edge-causeway-api",
                    "ClusterRole causeway-edge-causeway-workers",
                    "ClusterRoleBinding causeway-edge-causeway-workers",
                    "HTTPRoute edge-causeway-api",
                    "BackendTLSPolicy edge-causeway-api",
                    "ConfigMap causeway-authority",
                ],
            ]
            .concat(),
        ),
        (
            "monitored",
            [
                &first[..],
                &[
                    migrate,
                    tls,
                    token,
                    "ServiceMonitor edge-causeway-api",
                    "ServiceMonitor edge-causeway-workers",
                    "PrometheusRule edge-causeway",
                    "ConfigMap edge-causeway-dashboard",
                ],
            ]
            .concat(),
        ),
    ];
    for (values, more) in of_each {
        let found: BTreeSet<String> = helm
            .render(values, &[])
            .await
            .iter()
            .map(key)
            .map(|key| match key.rsplit_once('-') {
                Some((before, _)) if before.ends_with("Job edge-causeway-first-secrets") => format!("{before}-*"),
                _ => key,
            })
            .collect();
        let wanted: BTreeSet<String> = always.iter().chain(&more).map(|&key| key.to_owned()).collect();
        assert_eq!(found, wanted, "{values}");
    }
}

#[tokio::test]
async fn every_pod_is_locked_up() {
    let helm = Helm::new();
    let mut seen = 0;
    for values in ALL {
        let rendered = helm.render(values, &[]).await;
        for (owner, pod) in pods(&rendered) {
            let place = format!("{values}: {owner}");
            let security = &pod["securityContext"];
            assert_eq!(
                (&security["runAsNonRoot"], &security["seccompProfile"]["type"]),
                (&json!(true), &json!("RuntimeDefault")),
                "{place}"
            );
            assert_eq!(pod["enableServiceLinks"], false, "{place}");
            let may_ask =
                owner.contains("first-secrets") || (values == "gateway" && owner == "Deployment edge-causeway-workers");
            assert_eq!(pod["automountServiceAccountToken"], may_ask, "{place}");
            for container in containers(pod) {
                seen += 1;
                let expected = json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}});
                assert_eq!(container["securityContext"], expected, "{place}");
                let resources = &container["resources"];
                assert!(
                    resources["requests"]["cpu"].is_string() && resources["limits"]["memory"].is_string(),
                    "{place}: {resources}"
                );
                assert!(resources["limits"]["cpu"].is_null(), "{place}: a limit of processor time only makes it slow");
                // The API server merges two of one name when it applies, and Helm 4 is refused.
                let names: Vec<_> = container["env"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|one| one["name"].as_str().unwrap())
                    .collect();
                assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{place}: {names:?}");
                let image = container["image"].as_str().unwrap();
                let version = image
                    .rsplit_once(['@', ':'])
                    .is_some_and(|(_, version)| !version.is_empty() && version != "latest");
                assert!(version, "{place}: {image}");
            }
        }
    }
    assert!(seen > 20, "{seen} containers");
}

#[tokio::test]
async fn selectors_choose_the_pods_that_they_are_for() {
    let helm = Helm::new();
    for values in ALL {
        let rendered = helm.render(values, &[]).await;
        let pods: Vec<_> = rendered.iter().filter(|object| object["spec"]["template"]["spec"].is_object()).collect();
        for object in &rendered {
            let selector = match object["kind"].as_str().unwrap() {
                "Service" => &object["spec"]["selector"],
                "Deployment" | "PodDisruptionBudget" => &object["spec"]["selector"]["matchLabels"],
                "NetworkPolicy" => &object["spec"]["podSelector"]["matchLabels"],
                _ => continue,
            };
            let selector = selector.as_object().unwrap();
            let chosen = pods.iter().filter(|pod| {
                let labels = &pod["spec"]["template"]["metadata"]["labels"];
                selector.iter().all(|(name, value)| labels[name] == *value)
            });
            let chosen: Vec<String> = chosen.map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect();
            let name = object["metadata"]["name"].as_str().unwrap();
            // A policy for a Job may have none here.
            let absent =
                object["kind"] == "NetworkPolicy" && (name.ends_with("migrate") || name.ends_with("first-secrets"));
            assert!(chosen.len() == 1 || absent && chosen.is_empty(), "{values}: {} chooses {chosen:?}", key(object));
            assert!(chosen.iter().all(|pod| pod.starts_with(name)), "{values}: {} chooses {chosen:?}", key(object));
        }
    }
}

#[tokio::test]
async fn values_reach_their_places() {
    let helm = Helm::new();
    let rendered = helm.render("production", &[]).await;
    let object = |wanted: &str| rendered.iter().find(|object| key(object) == wanted).unwrap();
    let (api, workers) = (object("Deployment edge-causeway-api"), object("Deployment edge-causeway-workers"));
    assert!(api["spec"]["replicas"].is_null() && workers["spec"]["replicas"].is_null(), "an autoscaler has them");
    assert_eq!(api["metadata"]["labels"]["team"], "edge");
    let container = |deployment: &'static str| &object(deployment)["spec"]["template"]["spec"]["containers"][0];
    let (api, workers) = (container("Deployment edge-causeway-api"), container("Deployment edge-causeway-workers"));
    let digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    assert_eq!(api["image"], format!("registry.example.test/mirror/causeway-api@{digest}"));
    assert_eq!(workers["image"], "registry.example.test/mirror/causeway-workers:0.1.0");
    assert_eq!(api["args"], json!(["serve", "--max-connections-per-address=768"]));
    let variable = |container: &Value, name: &str| {
        let found = container["env"].as_array().unwrap().iter().find(|one| one["name"] == name);
        found.map(
            |one| if one["value"].is_null() { one["valueFrom"]["secretKeyRef"].clone() } else { one["value"].clone() },
        )
    };
    let secret = |name: &str, key: &str| Some(json!({"name": name, "key": key}));
    assert_eq!(variable(api, "DATABASE_URL"), secret("causeway-app", "uri"));
    assert_eq!(variable(workers, "ENCRYPTION_KEY"), secret("causeway-keys", "encryption-key"));
    assert_eq!(variable(workers, "NATS_URL"), secret("causeway-nats", "url"));
    for (deployment, container) in
        [("Deployment edge-causeway-api", api), ("Deployment edge-causeway-workers", workers)]
    {
        let volumes = object(deployment)["spec"]["template"]["spec"]["volumes"].as_array().unwrap();
        // A key of a Secret is the file that a variable names.
        for (name, volume, secret, item) in [
            (
                "NATS_CREDS",
                "nats-credentials",
                "causeway-nats-user",
                json!({"key": "nats.creds", "path": "nats.creds"}),
            ),
            ("NATS_CA", "nats-ca", "causeway-nats-ca", json!({"key": "tls.crt", "path": "ca.crt"})),
        ] {
            let wanted = json!({"name": volume, "secret": {"secretName": secret, "items": [item]}});
            assert!(volumes.contains(&wanted), "{deployment}: {volumes:?}");
            let mounts = container["volumeMounts"].as_array().unwrap();
            let mount = mounts.iter().find(|mount| mount["name"] == volume).unwrap();
            let file = format!("{}/{}", mount["mountPath"].as_str().unwrap(), item["path"].as_str().unwrap());
            assert_eq!(variable(container, name), Some(json!(file)));
        }
    }
    assert_eq!(variable(api, "CAUSEWAY_AUTH"), Some(json!("tokens,mtls")));
    assert_eq!(variable(workers, "CAUSEWAY_AMBIENT_AWS"), Some(json!("true")));
    let migrate = &object("Job edge-causeway-migrate")["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(variable(migrate, "DATABASE_URL"), secret("causeway-owner", "uri"), "only the owner may change tables");
    assert_eq!(object("PodDisruptionBudget edge-causeway-api")["spec"]["minAvailable"], 1);
    let policy = object("NetworkPolicy edge-causeway-workers");
    assert_eq!(
        policy["spec"]["ingress"][0]["from"][0]["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"],
        "monitoring"
    );
}

/// Rights come from the list that `causeway cluster access` prints, too.
#[tokio::test]
async fn workers_have_rights_in_their_own_cluster_only_where_a_value_says_so() {
    let helm = Helm::new();
    let find = |rendered: &[Value], kind: &str| rendered.iter().find(|object| object["kind"] == kind).cloned();
    let rendered = helm.render("gateway", &[]).await;
    let rights = std::fs::read_to_string(root().join("deploy/chart/rights.yaml")).unwrap();
    let rights: Value = serde_yaml_ng::from_str(&rights).unwrap();
    let role = find(&rendered, "ClusterRole").unwrap();
    assert!(rights.as_array().unwrap().len() > 8 && role["rules"] == rights, "{role}");
    let binding = find(&rendered, "ClusterRoleBinding").unwrap();
    assert_eq!(binding["roleRef"]["name"], role["metadata"]["name"]);
    let account = json!([{"kind": "ServiceAccount", "name": "edge-causeway-workers", "namespace": "causeway"}]);
    assert_eq!(binding["subjects"], account);
    let workers = rendered.iter().find(|object| key(object) == "Deployment edge-causeway-workers").unwrap();
    let container = &workers["spec"]["template"]["spec"]["containers"][0];
    let allows = json!({"name": "CAUSEWAY_OWN_CLUSTER", "value": "true"});
    assert!(container["env"].as_array().unwrap().contains(&allows), "{container}");

    let own = helm.render("gateway", &["--set", "workers.ownCluster.clusterRole=cluster-admin"]).await;
    assert!(find(&own, "ClusterRole").is_none());
    assert_eq!(find(&own, "ClusterRoleBinding").unwrap()["roleRef"]["name"], "cluster-admin");
    let without = helm.render("gateway", &["--set", "workers.ownCluster.enabled=false"]).await;
    assert!(find(&without, "ClusterRole").is_none() && find(&without, "ClusterRoleBinding").is_none());
    assert!(!json!(without).to_string().contains("CAUSEWAY_OWN_CLUSTER"));
}

#[tokio::test]
async fn every_object_is_known_as_part_of_the_release() {
    let helm = Helm::new();
    for values in ALL {
        for object in helm.render(values, &[]).await {
            // Objects that the operator adds are left as they are.
            if key(&object) == "ConfigMap causeway-authority" {
                continue;
            }
            let labels = &object["metadata"]["labels"];
            let of_release =
                labels["app.kubernetes.io/instance"] == "edge" && labels["app.kubernetes.io/managed-by"] == "Helm";
            assert!(of_release && object["metadata"]["namespace"].is_null(), "{values}: {}", key(&object));
        }
    }
}

/// The names of the programs' versions: whoever releases raises all of them.
#[test]
fn the_chart_has_the_version_of_the_programs() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let chart: Value = serde_yaml_ng::from_str(&read("deploy/chart/Chart.yaml")).unwrap();
    let cargo: toml::Value = toml::from_str(&read("Cargo.toml")).unwrap();
    assert_eq!(chart["appVersion"].as_str(), cargo["workspace"]["package"]["version"].as_str());
}
