//! The definition of DNSEndpoints goes, in a cluster of the test's own. Its pods only seem to run, so the test writes what external-dns would.

use causeway_render::support_service::dns_owner;
use causeway_testkit::{
    INSTALLED, add_runtime, api, harness,
    kinds::{CONTROL_PLANE, CUSTOM_RESOURCE_DEFINITION, DNS_ENDPOINT},
    kube_client, unique_name, within,
    zone::{create_zone, moments, put_record, records_of},
};
use kube::{
    ResourceExt,
    api::{DeleteParams, ListParams},
};
use serde_json::json;

use super::{
    EXTERNAL_DNS,
    clusters::{THERE, other_cluster, side},
};

#[tokio::test]
async fn a_definition_of_what_external_dns_reads_that_somebody_deletes_takes_no_record_out_of_a_zone() {
    let harness = harness().await;
    let (client, endpoints, name) = (&harness.client, &harness.endpoints, unique_name("undefined"));
    let domain_name = format!("{name}.zones.example");
    let (zone, host) = (create_zone(endpoints, &domain_name).await.unwrap(), format!("www.{domain_name}"));
    let own = other_cluster(harness, &name, true).await;
    let runtime = add_runtime(client, own.endpoints(), &name).await.unwrap();
    let domain = json!({"Domain": domain_name, "DnsDriver": EXTERNAL_DNS});
    let side = side(harness, (own.endpoints(), runtime), &name, domain).await;
    // That of the records that the test writes.
    client.patch("domain-name-definitions", side.domain, &json!({"TTL": 60})).await.unwrap();

    let kube = kube_client(own.endpoints()).await.unwrap();
    let objects = api(&kube, DNS_ENDPOINT, Some(side.gateway.0.as_str()));
    let until_told = async |before: Option<String>| {
        within(INSTALLED, "there is an object for external-dns, and not the one before", async || {
            let all = objects.list(&ListParams::default()).await.map_err(|error| error.to_string())?;
            all.items.into_iter().find(|object| object.uid() != before).ok_or_else(|| "there is none".to_owned())
        })
        .await
    };
    let before = until_told(None).await;
    let owner = dns_owner(&before.labels()[CONTROL_PLANE], runtime);
    let text = format!("\"heritage=external-dns,external-dns/owner={owner}\"");
    put_record(endpoints, &zone, &format!("_edns-a.{host}"), "TXT", &text).await.unwrap();
    put_record(endpoints, &zone, &host, "A", THERE).await.unwrap();
    client.until_ready("domain-name-instances", side.published, INSTALLED).await.unwrap();
    let changes = moments(endpoints, &zone).await.unwrap().len();

    let definitions = api(&kube, CUSTOM_RESOURCE_DEFINITION, None);
    definitions.delete("dnsendpoints.externaldns.k8s.io", &DeleteParams::default()).await.unwrap();
    until_told(before.uid()).await;
    client.until_ready("domain-name-instances", side.published, INSTALLED).await.unwrap();
    assert_eq!(moments(endpoints, &zone).await.unwrap().len(), changes, "nobody has changed the zone");

    client.delete_and_wait("domain-name-instances", side.published, INSTALLED).await.unwrap();
    assert!(records_of(endpoints, &zone).await.unwrap().is_empty());
    own.kill_apiserver().await;
    client.patch("kubernetes-runtime-instances", runtime, &json!({"ForceDelete": true})).await.unwrap();
    client.try_delete("kubernetes-runtime-instances", runtime).await.unwrap();
    own.stop().await;
}
