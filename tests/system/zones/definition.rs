//! The definition of DNSEndpoints goes, in a cluster of the test's own, where external-dns really runs.

use causeway_rig::Knobs;
use causeway_testkit::{
    INSTALLED, add_runtime, api, harness, id_of,
    kinds::{CUSTOM_RESOURCE_DEFINITION, DNS_ENDPOINT},
    kube_client,
    objects::{at, becomes, goes},
    unique_name, within,
    zone::{create_zone, moments, records_of},
};
use kube::api::{DeleteParams, DynamicObject, ListParams};
use serde_json::json;

use super::{
    BY_WORKERS, EXTERNAL_DNS,
    clusters::{THERE, other_cluster, side},
};

const DEFINITION: &str = "dnsendpoints.externaldns.k8s.io";

fn is_established(definition: &DynamicObject) -> bool {
    let conditions = at(definition, "/status/conditions").as_array().into_iter().flatten();
    definition.metadata.deletion_timestamp.is_none()
        && conditions.into_iter().any(|one| one["type"] == "Established" && one["status"] == "True")
}

/// All objects go with it. external-dns sees that, sees the definition come back without an object, and takes nothing out of the zone.
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
    client.until_ready("domain-name-instances", side.published, INSTALLED).await.unwrap();
    let (written, before) = (moments(endpoints, &zone).await.unwrap(), records_of(endpoints, &zone).await.unwrap());
    assert_eq!(before[&(format!("{host}."), "A".to_owned())], [THERE]);
    assert!(written.iter().all(|moment| moment.by != BY_WORKERS), "external-dns has written it");

    // Nobody brings anything back yet.
    let services = format!("kubernetesruntimeinstanceid={runtime}&service=external-dns");
    let service = id_of(&client.list("support-service-instances", &services).await.unwrap()[0]).unwrap();
    let pause = async |plural: &str, id: i64, paused: bool| {
        client.patch(plural, id, &json!({"InterruptReconciliation": paused})).await.unwrap();
    };
    pause("support-service-instances", service, true).await;
    pause("domain-name-instances", side.published, true).await;
    let kube = kube_client(own.endpoints()).await.unwrap();
    let definitions = api(&kube, CUSTOM_RESOURCE_DEFINITION, None);
    definitions.delete(DEFINITION, &DeleteParams::default()).await.unwrap();
    goes(&definitions, DEFINITION, "the definition is gone").await;
    // First the definition alone.
    pause("support-service-instances", service, false).await;
    becomes(&definitions, DEFINITION, "the definition is back", is_established).await;
    // external-dns reads the zone in each of its rounds.
    let rounds = async || {
        let calls = Knobs::new(endpoints).route53_calls(&zone).await.unwrap();
        calls.iter().filter(|(key, _)| *key != BY_WORKERS).map(|(_, count)| count).sum::<u64>()
    };
    let begun = rounds().await;
    within(INSTALLED, "external-dns has gone through some rounds", async || {
        let now = rounds().await;
        if now >= begun + 3 { Ok(()) } else { Err((begun, now)) }
    })
    .await;
    let objects = api(&kube, DNS_ENDPOINT, Some(side.gateway.0.as_str()));
    assert!(objects.list(&ListParams::default()).await.unwrap().items.is_empty(), "there was no object all the time");
    assert_eq!(records_of(endpoints, &zone).await.unwrap(), before);
    // Then the object.
    pause("domain-name-instances", side.published, false).await;
    within(INSTALLED, "there is an object for external-dns again", async || {
        let all = objects.list(&ListParams::default()).await.map_err(|error| error.to_string())?;
        if all.items.is_empty() { Err("there is none".to_owned()) } else { Ok(()) }
    })
    .await;
    client.until_ready("domain-name-instances", side.published, INSTALLED).await.unwrap();
    assert_eq!(moments(endpoints, &zone).await.unwrap().len(), written.len(), "nobody has changed the zone");

    client.delete_and_wait("domain-name-instances", side.published, INSTALLED).await.unwrap();
    assert!(records_of(endpoints, &zone).await.unwrap().is_empty());
    own.kill_apiserver().await;
    client.patch("kubernetes-runtime-instances", runtime, &json!({"ForceDelete": true})).await.unwrap();
    client.try_delete("kubernetes-runtime-instances", runtime).await.unwrap();
    own.stop().await;
}
