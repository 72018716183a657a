//! How records go.

use causeway_testkit::unique_name;
use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::{
    chain::{Chain, PLURALS, RECONCILED},
    confirm_deleted, delete, get, id, made, patch, platform, post, put, read,
};

/// In Threeport a controller's PATCH of `DeletionConfirmed` lets the next DELETE take the row. Causeway's workers confirm by themselves, when
/// they have seen that the cluster holds nothing, and a client can't shorten that: the second DELETE stays a 409.
#[tokio::test]
async fn item_15_reconciled_records_go_in_two_steps() {
    let chain = Chain::new().await;
    // A workload stays while its grants do.
    delete("gateway-grants", chain.id("gateway-grants")).await.done(200);
    for (plural, kind) in PLURALS.iter().rev().filter(|(_, kind)| RECONCILED.contains(kind)) {
        let own = chain.id(plural);
        let scheduled = delete(plural, own).await.done(200);
        assert!(scheduled.record()["DeletionScheduled"].is_string() && scheduled.record()["Reconciled"] == false);
        assert!(scheduled.record().get("DeletedAt").is_none(), "{}", scheduled.text);
        assert!(read(plural, own).await.done(200).record()["DeletionScheduled"].is_string(), "{plural}");
        delete(plural, own).await.refused(409, &format!("object with ID {own} already being deleted"));
        let time = "2026-01-05T10:11:12Z";
        let acknowledged = json!({"DeletionAcknowledged": time, "DeletionConfirmed": time, "Reconciled": true});
        let stored = patch(plural, own, &acknowledged).await.done(200);
        assert_eq!(stored.record()["DeletionConfirmed"], time, "{plural}");
        delete(plural, own).await.refused(409, "already being deleted");
        if *kind == "KubernetesRuntimeInstance" {
            confirm_what_was_made_for(own).await;
        }
        confirm_deleted(kind, own).await;
        read(plural, own).await.refused(404, "record not found");
        patch(plural, own, &json!({"Reconciled": true})).await.refused(404, "record not found");
        put(plural, own, &chain.body(plural)).await.refused(404, "record not found");
        delete(plural, own).await.refused(404, "record not found");
    }
}

/// The ListenerSets of a shared gateway, which no client sees.
async fn listener_sets_of(gateway: i64) -> Vec<i64> {
    let mut database = PgConnection::connect(&platform().await.database_url()).await.unwrap();
    let text = "SELECT id FROM listener_sets WHERE shared_gateway_id = $1 AND deleted_at IS NULL";
    sqlx::query_scalar(text).bind(gateway).fetch_all(&mut database).await.unwrap()
}

/// A runtime takes along the support services and shared gateways that were made for it.
async fn confirm_what_was_made_for(runtime: i64) {
    for (plural, kind) in
        [("shared-gateways", "SharedGateway"), ("support-service-instances", "SupportServiceInstance")]
    {
        for own in get(&format!("/v0/{plural}?kubernetesruntimeinstanceid={runtime}")).await.ids() {
            for set in listener_sets_of(own).await {
                confirm_deleted("ListenerSet", set).await;
            }
            confirm_deleted(kind, own).await;
        }
    }
}

#[tokio::test]
async fn item_15_other_records_go_at_once() {
    let chain = Chain::new().await;
    for (plural, kind) in PLURALS.iter().rev().filter(|(_, kind)| !RECONCILED.contains(kind)) {
        let own = match *kind {
            // The chain's own has an instance.
            "DomainNameDefinition" => made(plural, &chain.body(plural)).await,
            _ => chain.id(plural),
        };
        let gone = delete(plural, own).await.done(200);
        assert!(gone.record()["DeletedAt"].is_string() && id(gone.record()) == own, "{plural}");
        read(plural, own).await.refused(404, "record not found");
        delete(plural, own).await.refused(404, "record not found");
    }
}

/// Threeport takes instances of definitions that are on their way out.
#[tokio::test]
async fn item_15_nothing_is_added_to_what_is_being_deleted() {
    let chain = Chain::up_to("gateway-definitions").await;
    let definition = chain.id("gateway-definitions");
    let body = chain.body("gateway-instances");
    delete("gateway-definitions", definition).await.done(200);
    let refused = post("gateway-instances", &body).await;
    assert!(refused.code == 400 || refused.code == 409, "{}", refused.text);
}

/// Threeport deletes a workload under its gateways.
#[tokio::test]
async fn item_15_a_workload_stays_while_gateways_send_to_it() {
    let chain = Chain::up_to("gateway-instances").await;
    let refused = delete("workload-instances", chain.id("workload-instances")).await;
    let name = read("domain-name-instances", chain.id("domain-name-instances")).await;
    let gateway = read("gateway-instances", chain.id("gateway-instances")).await;
    let refused = refused.refused(409, "cannot be deleted");
    let names = [&name, &gateway].map(|one| one.record()["Name"].as_str().unwrap().to_owned());
    assert!(names.iter().any(|name| refused.error().contains(name.as_str())), "{}", refused.error());
}

#[tokio::test]
async fn item_07_a_name_is_free_after_an_immediate_deletion() {
    let chain = Chain::up_to("workload-events").await;
    let mut body = chain.body("domain-name-definitions");
    body["Name"] = json!(unique_name("free"));
    let first = made("domain-name-definitions", &body).await;
    post("domain-name-definitions", &body).await.refused(409, "already exists");
    delete("domain-name-definitions", first).await.done(200);
    post("domain-name-definitions", &body).await.done(201);
}
