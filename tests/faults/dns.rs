//! A worker that dies while it takes records out of a zone.

use std::collections::BTreeMap;

use causeway_failpoints::{DNS_DONE, DNS_NEXT};
use causeway_records::inputs::{HostRecord, Published, PublishedZone};
use causeway_render::support_service::dns_owner;
use causeway_testkit::{
    SOON, add_domain_name, eventually, id_of,
    zone::{create_zone, records_of},
};
use serde_json::json;

use crate::fixture::{Fixture, maps};

/// Puts an address and the record that says whose it is into the zone, as external-dns does.
async fn publish(fixture: &Fixture, zone: &str, host: &str, owner: &str) {
    let change = |name: &str, kind: &str, value: &str| {
        format!(
            "<Change><Action>CREATE</Action><ResourceRecordSet><Name>{name}</Name><Type>{kind}</Type><TTL>1</TTL>\
             <ResourceRecords><ResourceRecord><Value>{value}</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change>"
        )
    };
    let heritage = format!("&quot;heritage=external-dns,external-dns/owner={owner}&quot;");
    let changes = [change(host, "A", "192.0.2.1"), change(&format!("_edns-a.{host}"), "TXT", &heritage)].concat();
    let body = format!(
        r#"<ChangeResourceRecordSetsRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><ChangeBatch><Changes>{changes}</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"#
    );
    let url = format!("{}/2013-04-01/hostedzone/{zone}/rrset", fixture.endpoints.route53_url);
    let answer = reqwest::Client::new().post(url).body(body).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

/// A workload in a bare cluster, which has no external-dns, and a zone in which another owner has a record.
struct Zone {
    fixture: Fixture,
    workload: i64,
    id: String,
    domain: String,
}

impl Zone {
    async fn start(name: &str) -> Self {
        let mut fixture = Fixture::start(name).await;
        let workload = fixture.add("named", maps(&["a"], "1")).await;
        let domain = format!("{}.example", fixture.identity);
        let id = create_zone(&fixture.endpoints, &domain).await.unwrap();
        publish(&fixture, &id, &format!("theirs.{domain}"), "somebody").await;
        Self { fixture, workload, id, domain }
    }

    /// As external-dns does.
    async fn publish(&self, host: &str) {
        publish(&self.fixture, &self.id, host, &dns_owner(&self.fixture.identity, self.fixture.runtime)).await;
    }

    /// A domain name instance that has published this host.
    async fn with(&self, name: &str, host: &str) -> i64 {
        let client = &self.fixture.client;
        let body = json!({
            "Name": name, "Domain": self.domain, "Zone": "Public", "AdminEmail": "ops@test.example", "TTL": 1,
            "IssuerKind": "SelfSigned",
        });
        let of = id_of(&client.create("domain-name-definitions", &body).await.unwrap()).unwrap();
        let id = add_domain_name(client, self.fixture.runtime, name, of, self.workload).await.unwrap();
        self.publish(host).await;
        let zone = PublishedZone { id: self.id.clone(), name: self.domain.clone(), ..PublishedZone::default() };
        let record = HostRecord { present: true, ttl: 1, zone: Some(zone), ..HostRecord::default() };
        let published = Published { hosts: BTreeMap::from([(host.to_owned(), record)]), ..Published::default() };
        sqlx::query("UPDATE reconciliations SET published_state = $1 WHERE kind = 'DomainNameInstance' AND id = $2")
            .bind(sqlx::types::Json(published))
            .bind(id)
            .execute(&mut self.fixture.database().await)
            .await
            .unwrap();
        id
    }

    async fn until_only_theirs_is_left(&self) {
        eventually("nothing of ours is left in the zone, and all of theirs", async || {
            let left: Vec<_> = records_of(&self.fixture.endpoints, &self.id)
                .await
                .unwrap()
                .into_keys()
                .map(|(name, _)| name)
                .collect();
            if left.len() == 2 && left.iter().all(|name| name.contains("theirs")) { Ok(()) } else { Err(left) }
        })
        .await;
    }

    async fn stop(self) {
        self.fixture.until_as_recorded().await;
        self.fixture.stop().await;
    }
}

#[tokio::test]
async fn a_worker_that_dies_while_it_deletes_dns_records() {
    let mut zone = Zone::start("dies_dns").await;
    for (n, point) in [&DNS_NEXT, &DNS_DONE].into_iter().enumerate() {
        let id = zone.with(&format!("names-{n}"), &format!("host-{n}.{}", zone.domain)).await;
        let newest = zone.fixture.platform.workers().len() - 1;
        zone.fixture.arm_to_die(newest, point.name, "1*return(kill)").await;
        zone.fixture.client.delete("domain-name-instances", id).await.unwrap();
        zone.fixture.until_dead(newest, point.moment).await;
        zone.fixture.platform.add_worker().await.unwrap();
        zone.fixture.client.until_gone("domain-name-instances", id, SOON).await.unwrap();
        zone.until_only_theirs_is_left().await;
    }
    zone.stop().await;
}

#[tokio::test]
async fn records_that_external_dns_writes_after_their_deletion_go_too() {
    let zone = Zone::start("late_dns").await;
    let host = format!("late.{}", zone.domain);
    let id = zone.with("late", &host).await;
    zone.fixture.client.delete_and_wait("domain-name-instances", id, SOON).await.unwrap();
    zone.until_only_theirs_is_left().await;
    zone.publish(&host).await;
    zone.until_only_theirs_is_left().await;
    zone.stop().await;
}
