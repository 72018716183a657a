//! Service accounts that `causeway cluster add` makes for workers.

use base64::{Engine, engine::general_purpose::STANDARD};
use causeway_rig::{ClusterEndpoints, Endpoints};
use causeway_testkit::{
    Kubectl, api, bundle,
    kinds::{CLUSTER_ROLE, CLUSTER_ROLE_BINDING, NAMESPACE, ROLE, SECRET},
    kube_client,
    objects::kube_client_of,
    unique_name,
};
use kube::api::{DeleteParams, Patch, PatchParams};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{fs, path::PathBuf};

use crate::Cli;

/// The cluster's kubeconfig with another user in it.
fn kubeconfig(cli: &Cli, cluster: &ClusterEndpoints, name: &str, user: &Value) -> PathBuf {
    let text = fs::read_to_string(&cluster.admin.kubeconfig).unwrap();
    let mut config: Value = serde_yaml_ng::from_str(&text).unwrap();
    config["users"][0]["user"] = user.clone();
    cli.file(name, &config.to_string())
}

/// A user as those of EKS, GKE and AKS: a program prints the credentials.
fn signs_in_by_a_program(cli: &Cli, cluster: &ClusterEndpoints) -> PathBuf {
    let credentials = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": {"clientCertificateData": cluster.admin.certificate, "clientKeyData": cluster.admin.key},
    });
    let printed = cli.file("credentials.json", &credentials.to_string());
    let exec = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "command": "cat", "args": [printed], "interactiveMode": "Never",
    });
    kubeconfig(cli, cluster, "program.yaml", &json!({"exec": exec}))
}

/// Every role of every support service.
fn roles() -> Vec<Value> {
    let mut roles = vec![];
    for prefix in ["cert-manager-", "envoy-gateway-", "external-dns-", "gateway-api-"] {
        for file in fs::read_dir(bundle(prefix).unwrap()).unwrap().map(|entry| entry.unwrap().path()) {
            if file.extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            let text = fs::read_to_string(file).unwrap();
            let documents = serde_yaml_ng::Deserializer::from_str(&text).map(|one| Value::deserialize(one).unwrap());
            roles.extend(documents.filter(|one| one["kind"] == "ClusterRole" || one["kind"] == "Role"));
        }
    }
    roles
}

#[tokio::test]
async fn a_service_account_has_the_rights_that_support_services_need_and_no_more() {
    let (platform, cli) = crate::api("cli_access").await;
    let cluster = &Endpoints::from_env().unwrap().clusters[0];
    let file = signs_in_by_a_program(&cli, cluster);
    let file = file.to_str().unwrap();
    let refused = cli.run(&["cluster", "add", "far", "--kubeconfig", file]).await;
    assert!(refused.code == 2 && refused.err.contains("causeway cluster add NAME --service-account"), "{refused:?}");

    let name = unique_name("access");
    let account = format!("--service-account={name}/{name}");
    cli.done(&["cluster", "add", "far", "--kubeconfig", file, &account]).await;
    let again = cli.done(&["cluster", "add", "far", "--kubeconfig", file, &account]).await;
    assert!(!again.contains("created"), "{again}");

    let admin = kube_client(cluster).await.unwrap();
    let secret = api(&admin, SECRET, Some(&name)).get(&format!("{name}-token")).await.unwrap();
    let token = secret.data["data"]["token"].as_str().unwrap();
    let token = String::from_utf8(STANDARD.decode(token).unwrap()).unwrap();
    let robot = kubeconfig(&cli, cluster, "robot.yaml", &json!({"token": token}));
    let robot = kube_client_of(&robot).await.unwrap();
    // Kubernetes lets nobody make a role with more rights than their own: so a dry run tells of every right that is missing.
    let (dry, mut tried) = (PatchParams::apply("access").dry_run(), 0);
    for mut role in roles() {
        let of_namespace = role["kind"] == "Role";
        role["metadata"] = json!({"name": name});
        let kinds = if of_namespace { api(&robot, ROLE, Some(&name)) } else { api(&robot, CLUSTER_ROLE, None) };
        let done = kinds.patch(&name, &dry.clone().force(), &Patch::Apply(&role)).await;
        done.unwrap_or_else(|error| panic!("{role}: {error}"));
        tried += 1;
    }
    assert!(tried > 15, "{tried}");
    let all = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "everything"},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
    });
    let more = api(&robot, CLUSTER_ROLE, None).patch("everything", &dry, &Patch::Apply(&all)).await;
    assert!(more.unwrap_err().to_string().contains("attempting to grant RBAC permissions not currently held"));

    let printed = cli.done(&["cluster", "access", &account]).await;
    assert!(printed.contains("kind: ClusterRole\n") && printed.contains(&format!("name: {name}-token")), "{printed}");
    let bound = cli.done(&["cluster", "access", &account, "--cluster-role", "cluster-admin"]).await;
    assert!(!bound.contains("rules:") && bound.contains("name: cluster-admin"), "{bound}");

    let gone = DeleteParams::default();
    api(&admin, CLUSTER_ROLE_BINDING, None).delete(&name, &gone).await.unwrap();
    api(&admin, CLUSTER_ROLE, None).delete(&name, &gone).await.unwrap();
    api(&admin, NAMESPACE, None).delete(&name, &gone).await.unwrap();
    platform.stop().await;
}

#[tokio::test]
async fn rights_that_are_missing_are_named_before_anything_is_stored() {
    let (platform, cli) = crate::api("cli_rights").await;
    let endpoints = Endpoints::from_env().unwrap();
    let cluster = &endpoints.clusters[0];
    let (kubectl, name) = (Kubectl::new(&endpoints, cluster).unwrap(), unique_name("rights"));
    kubectl.run(&["create", "namespace", &name]).await.unwrap();
    let allowed = ["--verb=get,list,watch", "--resource=secrets,pods,deployments.apps"];
    kubectl.run(&[&["create", "clusterrole", &name], &allowed[..]].concat()).await.unwrap();
    kubectl.run(&["create", "serviceaccount", "poor", "-n", &name]).await.unwrap();
    let bound = [format!("--clusterrole={name}"), format!("--serviceaccount={name}:poor")];
    kubectl.run(&["create", "clusterrolebinding", &name, &bound[0], &bound[1]]).await.unwrap();
    let token = kubectl.run(&["create", "token", "poor", "-n", &name]).await.unwrap();
    let token = String::from_utf8(token).unwrap();
    let poor = kubeconfig(&cli, cluster, "poor.yaml", &json!({"token": token.trim()}));
    let poor = poor.to_str().unwrap();
    // A binding counts after a moment.
    let checked = causeway_testkit::eventually("what was granted isn't missing", async || {
        let ran = cli.run(&["cluster", "check", "--kubeconfig", poor, "-o", "json"]).await;
        let told: Value = serde_json::from_str(&ran.out).unwrap();
        let of = |resource: &str| {
            let missing = told["Missing"].as_array().unwrap().iter();
            missing.filter(|one| one["Resource"] == resource).map(|one| one["Verbs"].clone()).collect::<Vec<_>>()
        };
        let writes = json!(["create", "delete", "deletecollection", "patch", "update"]);
        if (of("pods"), of("secrets")) == (vec![writes.clone()], vec![writes]) {
            Ok((ran.code, told))
        } else {
            Err(told)
        }
    })
    .await;
    assert_eq!((checked.0, &checked.1["Allowed"]), (1, &json!(false)));
    assert!(checked.1["Asked"].as_u64().unwrap() > 150, "{}", checked.1);
    let shown = cli.run(&["cluster", "check", "--kubeconfig", poor]).await;
    assert!(
        shown.out.contains("✗ the credentials lack") && shown.out.contains("*.gateway.networking.k8s.io"),
        "{shown:?}"
    );

    let refused = cli.run(&["cluster", "add", "poor", "--kubeconfig", poor]).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    for part in ["secrets", "create, delete, deletecollection, patch, update", "nothing was stored", "--unchecked"] {
        assert!(refused.err.contains(part), "`{part}`: {refused:?}");
    }
    let stored = cli.run(&["get", "kubernetes-runtime-instance", "poor"]).await;
    assert_eq!(stored.code, 3, "{stored:?}");
    let told = cli.run(&["cluster", "add", "poor", "--kubeconfig", poor, "-o", "json"]).await;
    let told: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!((&told["Reason"], told["Details"] == checked.1["Missing"]), (&json!("MissingRights"), true), "{told}");
    cli.done(&["cluster", "add", "poor", "--kubeconfig", poor, "--unchecked"]).await;

    // The service account's own role has everything; one of somebody else's is asked for what it lacks.
    let admin = cluster.admin.kubeconfig.to_str().unwrap();
    let account = format!("--service-account={name}/{name}-robot");
    let absent = cli.run(&["cluster", "check", "--kubeconfig", admin, &account]).await;
    assert!(absent.code == 3 && absent.err.contains("causeway cluster add NAME --service-account="), "{absent:?}");
    cli.done(&["cluster", "add", "robot", "--kubeconfig", admin, &account]).await;
    let all = cli.done(&["cluster", "check", "--kubeconfig", admin, &account]).await;
    assert!(all.contains("✓ the credentials have all"), "{all}");
    let other = format!("--service-account={name}/{name}-other");
    let refused = cli.run(&["cluster", "add", "other", "--kubeconfig", admin, &other, "--cluster-role", &name]).await;
    assert!(refused.code == 1 && refused.err.contains("nothing was stored"), "{refused:?}");

    for kind in ["clusterrolebinding", "clusterrole"] {
        for of in [name.clone(), format!("{name}-robot"), format!("{name}-other")] {
            kubectl.run(&["delete", kind, &of, "--ignore-not-found"]).await.unwrap();
        }
    }
    kubectl.run(&["delete", "namespace", &name, "--wait=false"]).await.unwrap();
    platform.stop().await;
}
