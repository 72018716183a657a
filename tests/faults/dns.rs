//! A worker that dies while it takes records out of a zone.

use std::collections::BTreeMap;

use causeway_failpoints::{DNS_DONE, DNS_NEXT};
use causeway_records::inputs::{HostRecord, Published};
use causeway_render::support_service::dns_owner;
use causeway_rig::platform::{create_zone, id_of, standing};
use causeway_tests::{SOON, eventually};
use serde_json::json;

use crate::ground::{Ground, maps};

/// Puts an address and the record that says whose it is into the zone, as external-dns does.
async fn publish(ground: &Ground, zone: &str, host: &str, owner: &str) {
    let change = |name: &str, kind: &str, value: &str| {
        format!(
            "<Change><Action>CREATE</Action><ResourceRecordSet><Name>{name}</Name><Type>{kind}</Type><TTL>1</TTL>\
             <ResourceRecords><ResourceRecord><Value>{value}</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change>"
        )
    };
    let heritage = format!("&quot;heritage=external-dns,external-dns/owner={owner}&quot;");
    let changes = [change(host, "A", "192.0.2.1"), change(&format!("_edns.a-{host}"), "TXT", &heritage)].concat();
    let body = format!(
        r#"<ChangeResourceRecordSetsRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><ChangeBatch><Changes>{changes}</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"#
    );
    let url = format!("{}/2013-04-01/hostedzone/{zone}/rrset", ground.endpoints.route53_url);
    let answer = reqwest::Client::new().post(url).body(body).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

#[tokio::test]
async fn a_worker_that_dies_while_it_deletes_dns_records() {
    let mut ground = Ground::start("dies_dns").await;
    let workload = ground.add("named", maps(&["a"], "1")).await;
    let domain = format!("{}.example", ground.identity);
    let zone = create_zone(&ground.endpoints, &domain).await.unwrap();
    let (ours, theirs) = (dns_owner(&ground.identity, ground.runtime), "somebody");
    publish(&ground, &zone, &format!("theirs.{domain}"), theirs).await;
    for (n, point) in [&DNS_NEXT, &DNS_DONE].into_iter().enumerate() {
        let host = format!("host-{n}.{domain}");
        let body = json!({
            "Name": format!("names-{n}"), "Domain": domain, "Zone": "Public", "AdminEmail": "ops@test.example", "TTL": 1,
            "IssuerKind": "SelfSigned",
        });
        let of = id_of(&ground.client.create("domain-name-definitions", &body).await.unwrap()).unwrap();
        let body = json!({
            "Name": format!("names-{n}"), "KubernetesRuntimeInstanceID": ground.runtime, "DomainNameDefinitionID": of,
            "WorkloadInstanceID": workload,
        });
        let id = id_of(&ground.client.create("domain-name-instances", &body).await.unwrap()).unwrap();
        // As if it had been published; the bare cluster has no external-dns that would do so.
        publish(&ground, &zone, &host, &ours).await;
        let record = HostRecord { present: true, message: String::new(), gone_since: None, ttl: 1 };
        let published = Published { hosts: BTreeMap::from([(host, record)]) };
        sqlx::query("UPDATE reconciliations SET projection = $1 WHERE kind = 'DomainNameInstance' AND id = $2")
            .bind(sqlx::types::Json(published))
            .bind(id)
            .execute(&mut ground.database().await)
            .await
            .unwrap();

        let newest = ground.platform.workers().len() - 1;
        ground.arm_to_die(newest, point.name, "1*return(kill)").await;
        ground.client.delete("domain-name-instances", id).await.unwrap();
        ground.until_dead(newest, point.moment).await;
        ground.platform.add_worker().await.unwrap();
        ground.client.until_gone("domain-name-instances", id, SOON).await.unwrap();
        eventually("nothing of ours is left in the zone, and all of theirs", async || {
            let left: Vec<_> =
                standing(&ground.endpoints, &zone).await.unwrap().into_keys().map(|(name, _)| name).collect();
            if left.len() == 2 && left.iter().all(|name| name.contains("theirs")) { Ok(()) } else { Err(left) }
        })
        .await;
    }
    ground.until_as_recorded().await;
    ground.stop().await;
}
