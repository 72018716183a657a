//! Events that are sent to receivers.

use std::{process::Stdio, time::Duration};

use causeway_testkit::{
    ControlPlane, eventually, id_of, node,
    python::{ended_well, program},
    receiver::{Manner, Received, Receiver},
    unique_name, within,
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process::Command, time::Instant};

use crate::{
    api,
    follower::Follower,
    writers::{Writers, committed, told},
};

/// Receivers of tests are on loopback.
const ALLOW: [&str; 2] = ["--webhook-allow", "127.0.0.1"];
const TAKES: Manner = Manner::Says(204);

/// Makes a webhook for events of accounts.
async fn webhook(platform: &ControlPlane, url: &str) -> Value {
    let body = json!({"Name": unique_name("hook"), "URL": url, "Kinds": ["aws-accounts"]});
    platform.client().create("webhooks", &body).await.unwrap()
}

async fn account(platform: &ControlPlane, name: &str) {
    let body = json!({"Name": name, "AccountID": "1", "DefaultRegion": "x"});
    platform.client().create("aws-accounts", &body).await.unwrap();
}

async fn post(platform: &ControlPlane, path: &str) -> Value {
    let answer = platform.client().send_text(Method::POST, path, "").await.unwrap();
    assert!(answer.code < 300, "{path}: {}", answer.text);
    answer.record().clone()
}

/// The deliveries of a webhook, in their order.
async fn deliveries(platform: &ControlPlane, webhook: &Value) -> Vec<Value> {
    let query = format!("webhookid={}", webhook["ID"]);
    platform.client().list("webhook-deliveries", &query).await.unwrap()
}

fn names(received: &[Received]) -> Vec<String> {
    received.iter().filter_map(|one| Some(one.event()["data"]["Name"].as_str()?.to_owned())).collect()
}

/// Verifies requests with the library of Standard Webhooks for Python.
async fn verify(secret: &Value, received: &[Received]) {
    let mut python = program("python");
    python.arg("webhooks.py");
    verify_by(python, secret, received).await;
}

async fn verify_by(mut verifier: Command, secret: &Value, received: &[Received]) {
    let requests: Vec<_> = received.iter().map(|one| json!({"headers": one.headers, "body": one.body})).collect();
    let child = verifier.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().expect("the program that verifies is not installed: python3 and nodejs are needed");
    let input = json!({"secret": secret, "requests": requests}).to_string();
    child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    ended_well(&output);
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), format!("{} verified", received.len()));
}

/// What receivers in JavaScript use.
#[tokio::test]
async fn the_library_for_javascript_verifies_them_too() {
    let platform = api("hooks_node", &ALLOW).await;
    let receiver = Receiver::start(TAKES).await;
    let hook = webhook(&platform, &receiver.url()).await;
    for name in ["node-1", "node-ü", "node-\"3\""] {
        account(&platform, name).await;
    }
    let taken = receiver.until("events are sent", 20, |taken| taken.len() == 3).await;
    verify_by(node::program("webhooks.js"), &hook["Secret"], &taken).await;
    let rotated = post(&platform, &format!("/v0/webhooks/{}/rotate-secret", hook["ID"])).await;
    account(&platform, "node-4").await;
    let taken = receiver.until("one more is sent", 20, |taken| taken.len() == 4).await;
    for secret in [&hook["Secret"], &rotated["Secret"]] {
        verify_by(node::program("webhooks.js"), secret, &taken[3..]).await;
    }
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_gets_exactly_the_events_and_can_verify_them() {
    let platform = api("hooks_exactly", &ALLOW).await;
    // Another process that could send as well.
    platform.add_api().await.unwrap();
    let receiver = Receiver::start(TAKES).await;
    let mut follower = Follower::begin(&platform.url()).await;
    let hook = webhook(&platform, &receiver.url()).await;
    let secret = &hook["Secret"];
    assert!(secret.as_str().unwrap().starts_with("whsec_"), "{hook}");
    let writers = Writers::start(&platform.client(), 2);
    receiver.until("many events are sent", 60, |taken| taken.len() > 60).await;
    writers.stop().await;
    follower.catch_up(&platform.url(), "&kinds=aws-accounts").await;
    let wanted = follower.seen.len();
    let taken = receiver.until("all events are sent", 60, |taken| taken.len() >= wanted).await;
    let sent: Vec<_> = taken.iter().map(|one| one.event()["data"].clone()).collect();
    assert_eq!(sent, follower.seen, "the same events in the same order, each once");
    verify(secret, &taken).await;
    let first = &taken[0];
    assert_eq!(
        (first.header("content-type"), first.event()["specversion"].as_str()),
        ("application/cloudevents+json", Some("1.0"))
    );
    assert_eq!(
        (first.event()["id"].as_str(), first.event()["type"].as_str()),
        (Some(first.header("webhook-id")), Some("causeway.aws_account.created"))
    );

    // The secret is told once. Another one signs beside it.
    let path = format!("/v0/webhooks/{}", hook["ID"]);
    let read = platform.client().try_get(&path).await.unwrap();
    assert!(!read.text.contains(secret.as_str().unwrap()) && read.record()["Secret"].is_string(), "as ciphertext");
    let rotated = post(&platform, &format!("{path}/rotate-secret")).await;
    assert!(rotated["Secret"] != *secret && rotated["Secret"].as_str().unwrap().starts_with("whsec_"), "{rotated}");
    account(&platform, "rotated").await;
    let taken = receiver.until("the next event is sent", 20, |taken| taken.len() > wanted).await;
    let last = &taken[wanted..];
    assert_eq!(last[0].header("webhook-signature").split(' ').count(), 2, "{:?}", last[0].headers);
    verify(secret, last).await;
    verify(&rotated["Secret"], last).await;
    let over = json!({"PreviousSecretUntil": "2026-01-01T00:00:00Z"});
    platform.client().patch("webhooks", id_of(&hook).unwrap(), &over).await.unwrap();
    account(&platform, "over").await;
    let taken = receiver.until("the one after it is sent", 20, |taken| taken.len() > wanted + 1).await;
    assert_eq!(taken[wanted + 1].header("webhook-signature").split(' ').count(), 1);
    verify(&rotated["Secret"], &taken[wanted + 1..]).await;
    let done = deliveries(&platform, &hook).await;
    assert!(done.iter().all(|one| one["State"] == "Delivered" && one["AnswerCode"] == 204), "{:?}", done.last());
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_is_down_for_a_day_misses_nothing_even_if_the_sender_is_killed() {
    // Three days in three minutes: a day is one minute.
    let span = ["--webhook-retry-span", "180s"];
    let mut platform = api("hooks_down", &[&ALLOW[..], &span[..]].concat()).await;
    let receiver = Receiver::start(TAKES).await;
    let hook = webhook(&platform, &receiver.url()).await;
    account(&platform, "before").await;
    receiver.until("the first event is sent", 20, |taken| taken.len() == 1).await;
    receiver.answers(Manner::Hangs);
    let (down, writers) = (Instant::now(), Writers::start(&platform.client(), 2));
    within(Duration::from_secs(60), "attempts fail", async || {
        let all = deliveries(&platform, &hook).await;
        let failed = all.iter().filter(|one| one["Attempts"].as_i64() > Some(0) && one["State"] == "Pending").count();
        if failed > 3 { Ok(()) } else { Err(failed) }
    })
    .await;
    writers.stop().await;
    platform.kill_api().await;
    platform.start_api_again().await.unwrap();
    // Not a wait for something: it is away for a day.
    tokio::time::sleep_until(down + Duration::from_secs(60)).await;
    receiver.answers(Manner::Says(503));
    within(Duration::from_secs(90), "it is asked again", async || {
        let asked = receiver.all().iter().filter(|one| one.manner == Manner::Says(503)).count();
        if asked > 0 { Ok(()) } else { Err(asked) }
    })
    .await;
    receiver.answers(TAKES);
    let mut wanted = committed(&platform.database_url()).await;
    let count: usize = wanted.values().map(Vec::len).sum();
    let taken = receiver.until("everything is sent", 90, |taken| taken.len() >= count).await;
    // By position, as a receiver does that wants the order; and each once, however often it was sent.
    let mut events: Vec<_> = taken.iter().map(|one| one.event()["data"].clone()).collect();
    events.sort_by_key(crate::follower::number);
    events.dedup();
    let told = told(&events);
    for (id, happened) in &told {
        assert_eq!(wanted.remove(id).as_ref(), Some(happened), "of account {id}");
    }
    assert!(wanted.is_empty(), "missing: {wanted:?}");
    let hook = platform.client().get("webhooks", id_of(&hook).unwrap()).await.unwrap();
    assert_eq!(hook["Disabled"], json!(false), "{hook}");
    platform.stop().await;
}

#[tokio::test]
async fn who_says_gone_gets_no_more_until_somebody_enables_it() {
    let platform = api("hooks_gone", &ALLOW).await;
    let (receiver, client) = (Receiver::start(Manner::Says(410)).await, platform.client());
    let hook = webhook(&platform, &receiver.url()).await;
    let id = id_of(&hook).unwrap();
    let mut follower = Follower::begin(&platform.url()).await;
    account(&platform, "one").await;
    let disabled = eventually("it is disabled", async || {
        let hook = client.get("webhooks", id).await.unwrap();
        if hook["Disabled"] == true { Ok(hook) } else { Err(hook) }
    })
    .await;
    assert!(disabled["DisabledReason"].as_str().unwrap().contains("410 Gone"), "{disabled}");
    follower.catch_up(&platform.url(), &format!("&id={id}")).await;
    let is_told = follower.seen.iter().any(|event| event["Type"] == "changed");
    assert!(is_told, "events tell of it: {:?}", follower.seen);
    let audited = client.list("audit-events", &format!("objectid={id}&caller=causeway-api")).await.unwrap();
    assert!(audited[0]["Changes"].to_string().contains("DisabledReason"), "{audited:?}");
    let first = deliveries(&platform, &hook).await;
    assert_eq!(
        (&first[0]["State"], &first[0]["AnswerCode"], &first[0]["AnswerBody"]),
        (&json!("Failed"), &json!(410), &json!("heard"))
    );
    let refused = client.send_text(Method::POST, &format!("/v0/webhooks/{id}/test"), "").await.unwrap();
    refused.refused(409, "is disabled; set its Disabled to false first").because("WebhookDisabled", &[]);
    // What happens meanwhile is kept, and sent when it is wanted again.
    receiver.answers(TAKES);
    account(&platform, "two").await;
    account(&platform, "three").await;
    let put = json!({"Name": hook["Name"], "URL": receiver.url(), "Kinds": ["aws-accounts"]});
    let enabled = client.send(Method::PUT, &format!("/v0/webhooks/{id}"), Some(&put)).await.unwrap().answered(200);
    assert!(enabled.record().get("DisabledReason").is_none(), "{}", enabled.text);
    let taken = receiver.until("what was kept is sent", 30, |taken| taken.len() == 2).await;
    assert_eq!(names(&taken), ["two", "three"]);
    // The PUT has left the secret out, and it signs all the same.
    verify(&hook["Secret"], &taken).await;

    // And the one that failed, when somebody asks for it: one, or a range.
    post(&platform, &format!("/v0/webhook-deliveries/{}/redeliver", first[0]["ID"])).await;
    let taken = receiver.until("it is sent again", 20, |taken| taken.len() == 3).await;
    assert_eq!(
        (names(&taken)[2].as_str(), taken[2].header("webhook-id")),
        ("one", first[0]["EventID"].as_str().unwrap())
    );
    let path = format!("/v0/webhooks/{id}/redeliver?state=Delivered&size=2&after={}", first[0]["ID"]);
    let again = client.send_text(Method::POST, &path, "").await.unwrap().answered(200);
    assert_eq!(again.body["Data"].as_array().unwrap().len(), 2, "{}", again.text);
    let taken = receiver.until("the range is sent again", 20, |taken| taken.len() == 5).await;
    assert_eq!(names(&taken[3..]), ["two", "three"]);
    let test = post(&platform, &format!("/v0/webhooks/{id}/test")).await;
    let taken = receiver.until("the test is sent", 20, |taken| taken.len() == 6).await;
    assert_eq!(
        (taken[5].header("webhook-id"), &taken[5].event()["type"]),
        (test["EventID"].as_str().unwrap(), &json!("causeway.test"))
    );
    // A webhook that goes takes its deliveries along.
    client.delete("webhooks", id).await.unwrap();
    assert!(deliveries(&platform, &hook).await.is_empty());
    platform.stop().await;
}

#[tokio::test]
async fn nothing_is_sent_inside_unless_the_operator_allows_it() {
    let platform = api("hooks_inside", &["--webhook-allow", "127.0.0.2"]).await;
    let receiver = Receiver::start(TAKES).await;
    let port = receiver.port();
    let hosts = ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254"];
    for host in hosts {
        let hook = webhook(&platform, &format!("http://{host}:{port}/")).await;
        let test = post(&platform, &format!("/v0/webhooks/{}/test", hook["ID"])).await;
        let tried = eventually("it is tried", async || {
            let read = platform.client().get("webhook-deliveries", id_of(&test).unwrap()).await.unwrap();
            if read["Attempts"].as_i64() >= Some(1) { Ok(read) } else { Err(read) }
        })
        .await;
        let problem = tried["Problem"].as_str().unwrap_or_default();
        assert!(problem.contains("--webhook-allow") && tried["State"] == "Pending", "{host}: {tried}");
    }
    assert!(receiver.all().is_empty(), "nobody was connected to");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_that_fail_or_never_answer_slow_nobody() {
    let timeout = Duration::from_secs(10);
    let platform = api("hooks_slow", &[&ALLOW[..], &["--webhook-timeout", "10s"]].concat()).await;
    let (good, slow, bad) =
        (Receiver::start(TAKES).await, Receiver::start(Manner::Silent).await, Receiver::start(Manner::Says(500)).await);
    for receiver in [&slow, &bad, &good] {
        webhook(&platform, &receiver.url()).await;
    }
    let first = Instant::now();
    for round in 0..20 {
        let (name, begun) = (format!("account-{round}"), Instant::now());
        account(&platform, &name).await;
        assert!(begun.elapsed() < timeout, "a write took {:?}", begun.elapsed());
        let taken = good.until("the good one gets it", 20, |taken| names(taken).contains(&name)).await;
        let took = taken.last().unwrap().at - begun;
        assert!(took < timeout, "{took:?}");
    }
    let asked = slow.all().len();
    let most = 1 + usize::try_from(first.elapsed().as_secs() / timeout.as_secs()).unwrap();
    assert!((1..=most).contains(&asked), "the slow one has one at a time: {asked} in {:?}", first.elapsed());
    assert!(bad.all().len() > 2, "the bad one was asked");
    platform.stop().await;
}
