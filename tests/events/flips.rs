//! What workers bring about.

use std::time::Duration;

use causeway_rig::Endpoints;
use causeway_testkit::{ControlPlane, Setup, eventually, id_of, unique_name, within};
use serde_json::json;
use tokio::time::timeout;

use crate::follower::Follower;

/// Conditions flip with the work of workers; here of a definition, which needs no cluster.
#[tokio::test]
async fn conditions_that_flip_are_told_and_idle_workers_tell_nothing() {
    let setup = Setup::for_test("events_flips");
    let platform = ControlPlane::start(&Endpoints::from_env().unwrap(), setup).await.unwrap();
    let (client, url) = (platform.client(), platform.url());
    let mut follower = Follower::begin(&url).await;
    let body = json!({"Name": unique_name("flips"), "TcpPorts": [{"Port": 5432}]});
    let id = id_of(&client.create("gateway-definitions", &body).await.unwrap()).unwrap();
    let query = format!("&id={id}");
    timeout(
        Duration::from_secs(60),
        follower.follow(&url, &query, |now| now.seen.iter().any(|e| e["Condition"]["Type"] == "Ready")),
    )
    .await
    .unwrap();
    eventually("everything about it is told", async || {
        follower.catch_up(&url, &query).await;
        if follower.seen.iter().any(|event| event["Type"] == "reconciled") {
            Ok(())
        } else {
            Err(follower.seen.clone())
        }
    })
    .await;
    let ready = follower.seen.iter().rfind(|event| event["Condition"]["Type"] == "Ready").unwrap();
    assert_eq!((&ready["Condition"]["Status"], &ready["Generation"]), (&json!("True"), &json!(1)), "{ready}");
    assert!(ready["Condition"].get("Message").is_none(), "events are thin");
    // Reconciled again, and nothing is new.
    client.patch("gateway-definitions", id, &json!({"Reconciled": false})).await.unwrap();
    within(Duration::from_secs(60), "it is reconciled again", async || {
        let record = client.get("gateway-definitions", id).await.unwrap();
        if record["ObservedGeneration"] == record["Generation"] { Ok(()) } else { Err(record) }
    })
    .await;
    let before = follower.seen.len();
    follower.catch_up(&url, &query).await;
    let words: Vec<_> = follower.seen[before..].iter().map(|event| event["Type"].as_str().unwrap()).collect();
    assert_eq!(words, ["changed", "reconciled"]);
    platform.stop().await;
}
