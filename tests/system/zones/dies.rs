//! A worker that dies while it writes records itself.

use causeway_failpoints::{DNS_DONE, DNS_NEXT};
use causeway_rig::Endpoints;
use causeway_testkit::{
    ControlPlane, INSTALLED, Setup, add_domain_name, add_gateway, add_runtime, add_workload, eventually, harness,
    id_of, unique_name,
    zone::{create_zone, moments, records_of},
};
use serde_json::json;

/// Before anything is sent to Route 53, and after it has taken the change and nobody has noted that.
#[tokio::test]
async fn a_worker_that_dies_while_it_writes_records_leaves_no_doubt_about_them() {
    // Its support services are there already, and stay when this control plane goes.
    harness().await;
    let endpoints = Endpoints::from_env().unwrap();
    let mut platform = ControlPlane::start(&endpoints, Setup::for_test("dies_writing")).await.unwrap();
    let (client, name) = (platform.client(), unique_name("dies"));
    let runtime = add_runtime(&client, endpoints.cluster(), "main").await.unwrap();
    let points = [&DNS_NEXT, &DNS_DONE];
    for (n, point) in points.into_iter().enumerate() {
        let (name, newest) = (format!("{name}-{n}"), platform.workers().len() - 1);
        let domain = format!("{name}.zones.example");
        let zone = create_zone(&endpoints, &domain).await.unwrap();
        let workload = add_workload(&client, runtime, &name).await.unwrap();
        let body = json!({
            "Name": name, "Domain": domain, "Zone": "Public", "AdminEmail": "ops@zones.example", "TTL": 1,
            "IssuerKind": "SelfSigned", "DnsDriver": "route53",
        });
        let domain_id = id_of(&client.create("domain-name-definitions", &body).await.unwrap()).unwrap();
        let more = json!({
            "DomainNameDefinitionID": domain_id, "SubDomain": "www", "Placement": "Dedicated", "HttpPorts": [{"Port": 80}],
        });
        let gateway = add_gateway(&client, runtime, &name, workload, more).await.unwrap();
        client.until_ready("gateway-instances", gateway, INSTALLED).await.unwrap();

        platform.arm_worker(newest, point.name, "1*return(kill)").await.unwrap();
        let published = add_domain_name(&client, runtime, &name, domain_id, workload).await.unwrap();
        eventually(&format!("the worker dies: {}", point.moment), async || {
            if platform.workers()[newest].is_running() { Err("it runs") } else { Ok(()) }
        })
        .await;
        platform.add_worker().await.unwrap();
        client.until_ready("domain-name-instances", published, INSTALLED).await.unwrap();
        let keys = [(format!("www.{domain}."), "A"), (format!("_edns-a.www.{domain}."), "TXT")];
        let keys = keys.map(|(name, record_type)| (name, record_type.to_owned()));
        let records = records_of(&endpoints, &zone).await.unwrap();
        assert!(records.len() == 2 && keys.iter().all(|key| records.contains_key(key)), "{records:#?}");
        // What stands is not written again.
        let all = moments(&endpoints, &zone).await.unwrap();
        let changes = all.iter().filter(|moment| !moment.records.is_empty()).count();
        assert_eq!(changes, 1, "so many requests changed the zone");

        client.delete_and_wait("domain-name-instances", published, INSTALLED).await.unwrap();
        assert!(records_of(&endpoints, &zone).await.unwrap().is_empty());
        client.delete_and_wait("gateway-instances", gateway, INSTALLED).await.unwrap();
        client.delete_and_wait("workload-instances", workload, INSTALLED).await.unwrap();
    }
    platform.stop().await;
}
