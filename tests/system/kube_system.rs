//! A cluster that lets nobody write to kube-system, as hardened and managed ones do.

use causeway_rig::Endpoints;
use causeway_testkit::{
    ControlPlane, SOON, Setup, add_workload_of, api, condition, config_map, eventually, id_of, is_true,
    kinds::CONFIG_MAP,
    kube_client, object_name,
    objects::{becomes, object},
};
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};

use crate::changes::token;

const POLICY: (&str, &str, &str) = ("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy");
const BINDING: (&str, &str, &str) = ("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicyBinding");

/// What forbids a user to write ConfigMaps in kube-system.
fn policy(name: &str, user: &str) -> [Value; 2] {
    let constraint = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["configmaps"],
            }]},
            "matchConditions": [{
                "name": "one-user", "expression": format!("request.userInfo.username == '{user}'"),
            }],
            "validations": [{
                "expression": "request.namespace != 'kube-system'", "reason": "Forbidden",
                "message": "kube-system is managed by the provider of this cluster",
            }],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"]},
    });
    [constraint, binding]
}

#[tokio::test]
async fn a_cluster_that_forbids_writes_in_kube_system_works_and_says_that_the_restore_guard_is_off() {
    let endpoints = Endpoints::from_env().unwrap();
    let cluster = &endpoints.clusters[1];
    let kube = kube_client(cluster).await.unwrap();
    let name = format!("managed-{}", std::process::id());
    let (token, user) = token(cluster, &name).await;
    let [constraint, binding] = policy(&name, &user);
    api(&kube, POLICY, None).create(&PostParams::default(), &object(constraint)).await.unwrap();
    api(&kube, BINDING, None).create(&PostParams::default(), &object(binding)).await.unwrap();
    // The API server takes a moment to heed a policy.
    let mut config = kube::Config::new(cluster.server.parse().unwrap());
    config.accept_invalid_certs = true;
    config.auth_info.token = Some(token.clone().into());
    let as_user = kube::Client::try_from(config).unwrap();
    let probe = object(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}));
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    eventually("the policy is in force", async || {
        let made = api(&as_user, CONFIG_MAP, Some("kube-system")).create(&dry, &probe).await;
        made.is_err().then_some(()).ok_or("it is not")
    })
    .await;

    let platform = ControlPlane::start(&endpoints, Setup::for_test("kube_system")).await.unwrap();
    let client = platform.client();
    let of = json!({"Name": name, "InfraProvider": "kind"});
    let of = id_of(&client.create("kubernetes-runtime-definitions", &of).await.unwrap()).unwrap();
    let body = json!({
        "Name": name, "Location": "Local", "KubernetesRuntimeDefinitionID": of, "APIEndpoint": cluster.server,
        "CACertificate": cluster.ca, "ConnectionToken": token,
    });
    let runtime = id_of(&client.create("kubernetes-runtime-instances", &body).await.unwrap()).unwrap();
    let is_off = |record: &Value| condition(record, "RestoreGuarded").is_some_and(|found| found["Status"] == "False");
    let record = client.until("kubernetes-runtime-instances", runtime, SOON, is_off).await.unwrap();
    assert!(is_true(&record, "ClusterReachable"));
    let message = condition(&record, "RestoreGuarded").unwrap()["Message"].as_str().unwrap();
    for part in ["kube-system", "managed by the provider", "get, create, patch and delete of ConfigMaps"] {
        assert!(message.contains(part), "`{message}` does not say `{part}`");
    }
    // Everything else works, and changes there are no news about the guard.
    let workload = add_workload_of(&client, runtime, &name, &config_map("settings", "1")).await.unwrap();
    client.until_ready("workload-instances", workload, SOON).await.unwrap();
    let maps = api(&kube, CONFIG_MAP, Some(&object_name(&name, workload)));
    let definitions = client.list("workload-definitions", &format!("name={name}")).await.unwrap();
    let change = json!({"YAMLDocument": config_map("settings", "2")});
    client.patch("workload-definitions", id_of(&definitions[0]).unwrap(), &change).await.unwrap();
    becomes(&maps, "settings", "the change is there", |map| map.data["data"]["key"] == "2").await;
    let log = platform.workers()[0].log().unwrap();
    assert_eq!(log.matches("the restore guard is off").count(), 1, "it is logged once");

    // Once the right is there, the next look at the runtime finds it.
    api(&kube, BINDING, None).delete(&name, &DeleteParams::default()).await.unwrap();
    eventually("the policy is lifted", async || {
        api(&as_user, CONFIG_MAP, Some("kube-system")).create(&dry, &probe).await.map(|_| ()).map_err(|e| e.to_string())
    })
    .await;
    client.patch("kubernetes-runtime-instances", runtime, &json!({"Reconciled": false})).await.unwrap();
    client.until_ready("kubernetes-runtime-instances", runtime, SOON).await.unwrap();
    api(&kube, POLICY, None).delete(&name, &DeleteParams::default()).await.unwrap();
    platform.stop().await;
}
