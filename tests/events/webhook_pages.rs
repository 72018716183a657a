//! Pages of webhooks: their verbs do what the API does, and they are told of every attempt, though no event tells of it.

use std::time::Duration;

use causeway_testkit::{
    Answer, ControlPlane, eventually, id_of,
    receiver::{Manner, Receiver},
    unique_name, until,
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{api, page_news::News};

const ALLOW: [&str; 2] = ["--webhook-allow", "127.0.0.1"];
const TAKES: Manner = Manner::Says(200);

async fn hook(platform: &ControlPlane, url: &str) -> i64 {
    let body = json!({"Name": unique_name("hook"), "URL": url, "Kinds": ["aws-accounts"], "Types": ["created"]});
    id_of(&platform.client().create("webhooks", &body).await.unwrap()).unwrap()
}

/// What a person does by a button.
async fn press(platform: &ControlPlane, path: &str) -> Answer {
    let page = platform.client().try_get(path).await.unwrap();
    assert!(page.code == 200 && page.text.contains("<li>"), "it says what it will do: {}", page.text);
    let ours = [("Sec-Fetch-Site", "same-origin")];
    platform.client().send_raw(Method::POST, path, &ours, "").await.unwrap()
}

async fn deliveries(platform: &ControlPlane, hook: i64) -> Vec<Value> {
    platform.client().list("webhook-deliveries", &format!("webhookid={hook}")).await.unwrap()
}

/// The query of a page's stream.
async fn stream_of(platform: &ControlPlane, path: &str) -> String {
    let page = platform.client().try_get(path).await.unwrap();
    assert_eq!(page.code, 200, "{}", page.text);
    let begin = page.text.split_once("/ui/watch?").expect("the page follows what happens").1;
    begin.split_once('"').unwrap().0.replace("&amp;", "&")
}

#[tokio::test]
async fn each_verb_of_a_page_does_what_it_says() {
    let platform = api("hook_verbs", &ALLOW).await;
    let receiver = Receiver::start(Manner::Says(410)).await;
    let hook = hook(&platform, &receiver.url()).await;
    let path = format!("/ui/webhooks/{hook}");
    let page = async || platform.client().try_get(&path).await.unwrap().text;
    assert!(page().await.contains("Nothing sent yet") && !page().await.contains("Redeliver"));

    let done = press(&platform, &format!("{path}/test")).await;
    assert_eq!((done.code, done.header("location")), (303, path.as_str()));
    eventually("the answer is on the page", async || {
        let page = page().await;
        let told = ["Disabled", "the receiver answered 410 Gone", "test-", "Failed", "Enable"];
        if told.iter().all(|text| page.contains(text)) { Ok(()) } else { Err(page) }
    })
    .await;
    let ours = [("Sec-Fetch-Site", "same-origin")];
    let refused = platform.client().send_raw(Method::POST, &format!("{path}/test"), &ours, "").await.unwrap();
    assert!(refused.code == 409 && refused.text.contains("which offers Enable"), "{}", refused.text);
    let elsewhere = platform.client().send_raw(Method::POST, &format!("{path}/enable"), &[], "").await.unwrap();
    assert_eq!(elsewhere.code, 403, "only a page of ours may ask");

    receiver.answers(TAKES);
    press(&platform, &format!("{path}/enable")).await;
    assert_eq!(platform.client().get("webhooks", hook).await.unwrap()["Disabled"], json!(false));
    assert!(
        platform
            .client()
            .try_get(&format!("{path}/redeliver"))
            .await
            .unwrap()
            .text
            .contains("The delivery that failed")
    );
    press(&platform, &format!("{path}/redeliver")).await;
    receiver.until("what failed is sent", 20, |taken| taken.len() == 1).await;
    let one = deliveries(&platform, hook).await.remove(0);
    let of_one = format!("/ui/webhook-deliveries/{}", one["ID"]);
    assert_eq!(press(&platform, &format!("{of_one}/redeliver")).await.header("location"), of_one);
    let taken = receiver.until("it is sent once more", 20, |taken| taken.len() == 2).await;
    assert_eq!(taken[0].header("webhook-id"), taken[1].header("webhook-id"));
    eventually("the page of the delivery has the answer", async || {
        let page = platform.client().try_get(&of_one).await.unwrap().text;
        let told = ["Delivered", "answered 200", "heard", "&quot;type&quot;: &quot;causeway.test&quot;"];
        if told.iter().all(|text| page.contains(text)) { Ok(()) } else { Err(page) }
    })
    .await;
    press(&platform, &format!("{path}/disable")).await;
    assert!(page().await.contains("once it is enabled"));
    for gone in ["/ui/webhooks/1", "/ui/webhook-deliveries/1", "/ui/webhooks/x", &format!("{path}/delete")] {
        assert_eq!(platform.client().try_get(gone).await.unwrap().code, 404, "{gone}");
    }
    platform.stop().await;
}

#[tokio::test]
async fn a_page_is_told_of_every_attempt_and_of_nothing_when_nothing_is_sent() {
    let platform = api("hook_news", &[&ALLOW[..], &["--webhook-retry-span", "300s"]].concat()).await;
    let receiver = Receiver::start(Manner::Says(500)).await;
    let shown = hook(&platform, &receiver.url()).await;
    let quiet = hook(&platform, "http://127.0.0.1:9/").await;
    let body = json!({"Disabled": true});
    platform.client().patch("webhooks", quiet, &body).await.unwrap();
    let one = press(&platform, &format!("/ui/webhooks/{shown}/test")).await;
    assert_eq!(one.code, 303);
    // Each page begins where it was read, so that it is told of what came in between.
    let mut of_one = News::open(&platform.url(), &stream_of(&platform, &format!("/ui/webhooks/{shown}")).await).await;
    let mut of_all = News::open(&platform.url(), &stream_of(&platform, "/ui/webhooks").await).await;
    let mut of_other = News::open(&platform.url(), &stream_of(&platform, &format!("/ui/webhooks/{quiet}")).await).await;
    for _ in 0..2 {
        of_one.news().await;
        of_all.news().await;
    }
    until("it was tried", async || !receiver.all().is_empty()).await;
    receiver.answers(TAKES);
    receiver.until("it is taken", 60, |taken| !taken.is_empty()).await;
    // A page that reads itself anew when it is told of something shows this soon, and then nothing comes any more: not to it, and not to the other one
    // at any time.
    let shows_it = async {
        loop {
            of_one.news().await;
            let page = platform.client().try_get(&format!("/ui/webhooks/{shown}")).await.unwrap().text;
            if page.contains("Delivering") && page.contains("answered 200") {
                break;
            }
        }
    };
    timeout(Duration::from_secs(60), shows_it).await.expect("it is told of the answer");
    of_one.until_heartbeat().await;
    of_other.until_quiet().await;
    assert!(of_other.next().await.starts_with(": nothing new"));
    platform.stop().await;
}
