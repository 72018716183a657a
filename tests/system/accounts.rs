//! The keys of an AWS account are in the clusters that its owner named, and in no other.

use causeway_testkit::{DOMAIN, INSTALLED, add_domain_name, condition, eventually, harness, id_of, kinds::SECRET};
use serde_json::{Value, json};

use crate::fixture::{labelled, vanishes};

#[tokio::test]
async fn a_cluster_that_is_no_longer_named_loses_the_keys() {
    let harness = harness().await;
    let (client, name) = (&harness.client, harness.name("account"));
    let account = json!({
        "Name": name, "AccountID": "123456789012", "DefaultRegion": "us-east-1", "AccessKeyID": "AKIDTEST",
        "SecretAccessKey": "test", "KubernetesRuntimeInstanceIDs": [harness.runtime],
    });
    let account = id_of(&client.create("aws-accounts", &account).await.unwrap()).unwrap();
    let workload = harness.workload(&name).await.unwrap();
    let domain = json!({
        "Name": name, "Domain": format!("{name}.{DOMAIN}"), "Zone": "Public", "AdminEmail": "ops@test.example", "TTL": 1,
        "IssuerKind": "SelfSigned", "AwsAccountID": account,
    });
    let domain = id_of(&client.create("domain-name-definitions", &domain).await.unwrap()).unwrap();
    let published = add_domain_name(client, harness.runtime, &name, domain, workload).await.unwrap();
    let service = client.list("support-service-instances", &format!("awsaccountid={account}")).await.unwrap();
    let service = id_of(&service[0]).unwrap();
    client.until_ready("support-service-instances", service, INSTALLED).await.unwrap();
    let kube = harness.kube().await.unwrap();
    let secrets = async || labelled(&kube, SECRET, &format!("support-service-instance-{service}")).await;
    assert_eq!(secrets().await.len(), 1, "the keys are there");

    let allow = async |runtimes: Value| {
        let change = json!({"KubernetesRuntimeInstanceIDs": runtimes});
        client.patch("aws-accounts", account, &change).await.unwrap();
    };
    allow(json!([])).await;
    vanishes("the keys go", secrets).await;
    for (plural, id) in [("support-service-instances", service), ("domain-name-instances", published)] {
        eventually("it says why", async || {
            let record = client.get(plural, id).await.unwrap();
            let says = condition(&record, "Ready").is_some_and(|ready| {
                ready["Status"] == "False"
                    && ready["Message"].as_str().is_some_and(|why| why.contains("let itself be used"))
            });
            if says { Ok(()) } else { Err(format!("{record:#}")) }
        })
        .await;
    }
    allow(json!([harness.runtime])).await;
    client.until_ready("support-service-instances", service, INSTALLED).await.unwrap();
    assert_eq!(secrets().await.len(), 1, "they are back");
    client.delete_and_wait("domain-name-instances", published, INSTALLED).await.unwrap();
}
