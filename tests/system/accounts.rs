//! The keys of an AWS account are in the clusters that its owner named, and in no other. What workers are in AWS is used where their operator said so.

use std::collections::BTreeMap;

use causeway_records::inputs::{HostRecord, Published, PublishedZone};
use causeway_render::support_service::dns_owner;
use causeway_rig::Endpoints;
use causeway_testkit::{
    ApiClient, ControlPlane, DOMAIN, INSTALLED, SOON, Setup, add_domain_name, add_runtime, add_workload_of, condition,
    config_map, eventually, harness, id_of,
    kinds::SECRET,
    unique_name,
    zone::{create_zone, put_record, records_of},
};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection, types::Json};

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

/// A domain without an account, whose records the workers write themselves, and which has published one hostname. It answers the ids of definition and
/// instance, and of the zone.
async fn published_without_an_account(
    platform: &ControlPlane,
    endpoints: &Endpoints,
    name: &str,
) -> (i64, i64, String) {
    let client = platform.client();
    let runtime = add_runtime(&client, &endpoints.clusters[1], name).await.unwrap();
    let workload = add_workload_of(&client, runtime, name, &config_map("settings", "1")).await.unwrap();
    let domain = format!("{name}.example");
    let zone = create_zone(endpoints, &domain).await.unwrap();
    let definition = json!({
        "Name": name, "Domain": domain, "Zone": "Public", "AdminEmail": "ops@test.example", "TTL": 1,
        "IssuerKind": "SelfSigned", "DnsDriver": "route53",
    });
    let definition = id_of(&client.create("domain-name-definitions", &definition).await.unwrap()).unwrap();
    let instance = json!({
        "Name": name, "KubernetesRuntimeInstanceID": runtime, "DomainNameDefinitionID": definition,
        "WorkloadInstanceID": workload,
    });
    let instance = id_of(&client.create("domain-name-instances", &instance).await.unwrap()).unwrap();

    let host = format!("www.{domain}");
    let owner = dns_owner(&platform.identity().await.unwrap(), runtime);
    let heritage = format!("\"heritage=external-dns,external-dns/owner={owner}\"");
    put_record(endpoints, &zone, &host, "A", "192.0.2.1").await.unwrap();
    put_record(endpoints, &zone, &format!("_edns-a.{host}"), "TXT", &heritage).await.unwrap();
    let in_zone = PublishedZone { id: zone.clone(), name: domain, ..PublishedZone::default() };
    let record = HostRecord { present: true, ttl: 1, zone: Some(in_zone), ..HostRecord::default() };
    let published = Published { hosts: BTreeMap::from([(host, record)]), ..Published::default() };
    let mut database = PgConnection::connect(&platform.database_url()).await.unwrap();
    sqlx::query("UPDATE reconciliations SET published_state = $1 WHERE kind = 'DomainNameInstance' AND id = $2")
        .bind(Json(published))
        .bind(instance)
        .execute(&mut database)
        .await
        .unwrap();
    (definition, instance, zone)
}

/// A cluster of EKS whose account has no keys.
async fn add_eks(client: &ApiClient, name: &str) -> i64 {
    let account =
        json!({"Name": name, "AccountID": "123456789012", "DefaultRegion": "eu-central-1", "AllRuntimes": true});
    client.create("aws-accounts", &account).await.unwrap();
    let of = json!({"Name": format!("{name}-eks"), "InfraProvider": "eks", "InfraProviderAccountName": name});
    let of = id_of(&client.create("kubernetes-runtime-definitions", &of).await.unwrap()).unwrap();
    let runtime = json!({
        "Name": format!("{name}-eks"), "Location": "Local", "KubernetesRuntimeDefinitionID": of,
        "APIEndpoint": "https://127.0.0.1:1", "EKSClusterName": "shop",
    });
    id_of(&client.create("kubernetes-runtime-instances", &runtime).await.unwrap()).unwrap()
}

/// Otherwise whoever writes a domain without an account uses the identity of the machine.
#[tokio::test]
async fn workers_are_themselves_in_aws_only_where_their_operator_said_so() {
    let (endpoints, bundles) = (Endpoints::from_env().unwrap(), tempfile::tempdir().unwrap());
    let bundles = Some(bundles.path().to_owned());
    let setup = Setup { workers: 0, ambient_aws: false, bundles, ..Setup::for_test("ambient") };
    let mut platform = ControlPlane::start(&endpoints, setup).await.unwrap();
    let (client, name) = (platform.client(), unique_name("ambient"));
    let (definition, instance, zone) = published_without_an_account(&platform, &endpoints, &name).await;
    let eks = add_eks(&client, &name).await;
    let records = async || records_of(&endpoints, &zone).await.unwrap();
    assert_eq!(records().await.len(), 2);

    // They have keys in their environment.
    platform.add_worker().await.unwrap();
    let fails = |record: &Value, step: &str, reason: &str| {
        condition(record, step).is_some_and(|one| {
            let says = one["Message"].as_str().is_some_and(|message| message.contains("--ambient-aws"));
            one["Status"] == "False" && one["Reason"] == reason && says
        })
    };
    let of_domain = |record: &Value| fails(record, "DnsPublished", "NoCredentials");
    client.until("domain-name-instances", instance, SOON, of_domain).await.unwrap();
    let of_cluster = |record: &Value| fails(record, "ClusterReachable", "NoAwsCredentials");
    client.until("kubernetes-runtime-instances", eks, SOON, of_cluster).await.unwrap();
    assert_eq!(records().await.len(), 2, "nothing was done in the zone");

    // The same with the operator's word: what no gateway has any more leaves the zone.
    platform.end_worker(0).await;
    let word = [("CAUSEWAY_AMBIENT_AWS".to_owned(), "true".to_owned())];
    platform.add_worker_with(&word).await.unwrap();
    client.patch("domain-name-definitions", definition, &json!({"TTL": 2})).await.unwrap();
    eventually("the records leave the zone", async || {
        let left = records().await;
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
    client.patch("kubernetes-runtime-instances", eks, &json!({"Reconciled": false})).await.unwrap();
    client.until("kubernetes-runtime-instances", eks, SOON, |record| !of_cluster(record)).await.unwrap();
    platform.stop().await;
}
