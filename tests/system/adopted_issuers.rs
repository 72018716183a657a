//! A cert-manager that an admin installed in another namespace: it looks for the Secrets of ClusterIssuers there.

use causeway_rig::Endpoints;
use causeway_testkit::{
    INSTALLED, add_workload, api, eventually, id_of,
    kinds::{CLUSTER_ISSUER, DEPLOYMENT, NAMESPACE, OWNER, SECRET},
    objects::{goes, object, objects},
};
use kube::ResourceExt;
use serde_json::json;

use crate::adoption::{Fixture, install};

/// Somebody's Envoy Gateway, which no gateway can do without. No pod runs here, and none has to.
async fn install_envoy_gateway(fixture: &Fixture, endpoints: &Endpoints) {
    install(endpoints, &fixture.cluster, "envoy-gateway-").await;
    let labels = json!({"control-plane": "envoy-gateway"});
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "envoy-gateway", "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "c", "image": "docker.io/envoyproxy/gateway:v1.9.1"}]},
            },
        },
    });
    let controllers = api(&fixture.kube, DEPLOYMENT, Some("security"));
    controllers.create(&Default::default(), &object(deployment)).await.unwrap();
}

/// Other tests install it themselves.
async fn remove_envoy_gateway(fixture: &Fixture) {
    let controllers = api(&fixture.kube, DEPLOYMENT, Some("security"));
    controllers.delete("envoy-gateway", &Default::default()).await.unwrap();
    goes(&controllers, "envoy-gateway", "the controller goes").await;
    for definition in fixture.of_group("gateway.envoyproxy.io").await {
        fixture.definitions().delete(&definition.name_any(), &Default::default()).await.unwrap();
        goes(&fixture.definitions(), &definition.name_any(), "the definition goes").await;
    }
}

/// The namespaces of a record's Secrets.
async fn keys(fixture: &Fixture, owner: &str) -> Vec<String> {
    let secrets = objects(&fixture.kube, SECRET, &format!("{OWNER}={owner}")).await.unwrap();
    secrets.iter().map(|secret| secret["metadata"]["namespace"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_keys_for_dns01_are_where_an_adopted_cert_manager_looks_for_them() {
    let fixture = Fixture::start("elsewhere").await;
    let endpoints = Endpoints::from_env().unwrap();
    let (client, name) = (&fixture.client, format!("elsewhere-{}", std::process::id()));
    let namespaces = api(&fixture.kube, NAMESPACE, None);
    if namespaces.get_opt("vault").await.unwrap().is_none() {
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "vault"}});
        namespaces.create(&Default::default(), &object(body)).await.unwrap();
    }
    // As its chart installs it.
    let told = ["--cluster-resource-namespace=$(POD_NAMESPACE)"];
    fixture.install_controller_in(&endpoints, "security", "v1.21.2", &told).await;
    install_envoy_gateway(&fixture, &endpoints).await;
    for service in ["gateway-api", "cert-manager", "envoy-gateway"] {
        let id = fixture.add(service).await;
        fixture.until_adopted(id).await;
    }
    let account = json!({
        "Name": name, "AccountID": "123456789012", "DefaultRegion": "us-east-1", "AccessKeyID": "AKIDTEST",
        "SecretAccessKey": "test", "KubernetesRuntimeInstanceIDs": [fixture.runtime],
    });
    let account = id_of(&client.create("aws-accounts", &account).await.unwrap()).unwrap();
    let domain = json!({
        "Name": name, "Domain": format!("{name}.example.test"), "Zone": "Public", "AdminEmail": "ops@test.example",
        "AwsAccountID": account,
    });
    let domain = id_of(&client.create("domain-name-definitions", &domain).await.unwrap()).unwrap();
    let workload = add_workload(client, fixture.runtime, &name).await.unwrap();
    let definition = json!({
        "Name": name, "DomainNameDefinitionID": domain, "GatewayClassName": "elsewhere", "Placement": "Dedicated",
        "HttpPorts": [{"Port": 443, "TLSEnabled": true}],
    });
    let definition = id_of(&client.create("gateway-definitions", &definition).await.unwrap()).unwrap();
    let instance = json!({
        "Name": name, "KubernetesRuntimeInstanceID": fixture.runtime, "GatewayDefinitionID": definition,
        "WorkloadInstanceID": workload,
    });
    let gateway = id_of(&client.create("gateway-instances", &instance).await.unwrap()).unwrap();
    let owner = format!("gateway-instance-{gateway}");
    let are_in = async |namespace: &str| {
        eventually("the keys are where cert-manager looks", async || {
            let found = keys(&fixture, &owner).await;
            if found == [namespace] { Ok(()) } else { Err((found, client.get("gateway-instances", gateway).await)) }
        })
        .await;
    };
    are_in("security").await;
    let issuers = eventually("the issuer uses them", async || {
        let found = objects(&fixture.kube, CLUSTER_ISSUER, &format!("{OWNER}={owner}")).await.unwrap();
        if found.is_empty() { Err(client.get("gateway-instances", gateway).await) } else { Ok(found) }
    })
    .await;
    let solver = &issuers[0]["spec"]["acme"]["solvers"][0]["dns01"]["route53"];
    assert_eq!(solver["secretAccessKeySecretRef"]["key"], "secret-access-key", "{solver}");

    // The admin moves them, and they follow.
    fixture.install_controller_in(&endpoints, "security", "v1.21.2", &["--cluster-resource-namespace=vault"]).await;
    let services = client.list("support-service-instances", "service=cert-manager").await.unwrap();
    fixture.look_again(id_of(&services[0]).unwrap()).await;
    are_in("vault").await;

    client.delete_and_wait("gateway-instances", gateway, INSTALLED).await.unwrap();
    assert!(keys(&fixture, &owner).await.is_empty());
    client.delete_and_wait("workload-instances", workload, INSTALLED).await.unwrap();
    fixture.delete_runtime().await;
    fixture.remove_controllers().await;
    remove_envoy_gateway(&fixture).await;
    fixture.stop().await;
}
