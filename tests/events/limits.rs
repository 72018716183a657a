//! How many streams there may be, and clients that read too slowly.

use std::time::Duration;

use causeway_testkit::{eventually, until, within};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

use crate::{
    api,
    follower::{Follower, Lines},
    writers::{Writers, committed, told},
};

#[tokio::test]
async fn streams_are_limited_for_each_caller_and_become_free_again() {
    let platform = api("events_limits", &["--max-watches-per-caller", "3"]).await;
    let url = platform.url();
    let mut open = vec![];
    for _ in 0..3 {
        open.push(Lines::open(&url, "").await.unwrap());
    }
    let refused = reqwest::get(format!("{url}/v0/watch")).await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (429, "5"));
    let body: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(body["Status"]["reason"], "TooManyRequests");
    let sentence = body["Status"]["error"].as_str().unwrap();
    assert!(
        sentence.starts_with("127.0.0.1 follows events with 3 streams")
            && sentence.contains("--max-watches-per-caller"),
        "{sentence}"
    );
    platform
        .client()
        .create("aws-accounts", &json!({"Name": "a", "AccountID": "1", "DefaultRegion": "x"}))
        .await
        .unwrap();
    // One that its client has dropped becomes free when that is noticed.
    open.pop();
    eventually("a stream is free", async || Lines::open(&url, "?wait=0").await.map(|_| ())).await;
    platform.stop().await;
}

/// A client that asks and then reads nothing. Its buffer is as usual: what waits in a small one comes out in crumbs, which takes minutes.
async fn silent(url: &str, since: &str) -> TcpStream {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    let head =
        format!("GET /v0/watch?since={since} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/x-ndjson\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_client_that_reads_too_slowly_is_cut_off_and_can_go_on() {
    let platform = api("events_slow", &["--idle-timeout", "2s"]).await;
    let url = platform.url();
    let (mut follower, mut other) = (Follower::begin(&url).await, Follower::begin(&url).await);
    let mut slow = silent(&url, &follower.position).await;
    let watches = async || {
        let text = reqwest::get(format!("{url}/metrics")).await.unwrap().text().await.unwrap();
        text.lines().find_map(|line| line.strip_prefix("causeway_api_watches ")?.parse::<i64>().ok())
    };
    until("its stream is there", async || watches().await == Some(1)).await;
    let writers = Writers::start(&platform.client(), 4);
    // What fits nowhere any more: the buffers of both sides are full, and two seconds later it is cut off.
    within(Duration::from_secs(120), "it is cut off", async || match watches().await {
        Some(0) => Ok(()),
        seen => Err(seen),
    })
    .await;
    writers.stop().await;
    let mut rest = vec![];
    // What was on its way is still there, and then the stream is over.
    let _ = tokio::time::timeout(Duration::from_secs(60), slow.read_to_end(&mut rest)).await.expect("it is open");
    assert!(!rest.is_empty());
    // Nobody else was held up, and the slow one gets everything when it comes back.
    let begun = Instant::now();
    for follower in [&mut follower, &mut other] {
        follower.catch_up(&url, "").await;
        assert_eq!(told(&follower.seen), committed(&platform.database_url()).await);
    }
    println!("{} events were read again in {:?}", follower.seen.len(), begun.elapsed());
    platform.stop().await;
}

/// A test of time: what a caller has shown is looked at again every fifteen seconds.
#[tokio::test]
async fn a_stream_ends_when_its_token_is_revoked() {
    let platform = api("events_tokens", &["--auth", "tokens"]).await;
    let made = platform.run_api(&["token", "create", "--name", "admin", "--role", "admin"]).await.unwrap();
    let admin = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let http = reqwest::Client::new();
    let tokens = format!("{}/v0/access-tokens", platform.url());
    let token = async |name: &str| {
        let body = json!({"Name": name, "Role": "viewer", "ExpiresAt": "2099-01-01T00:00:00Z"});
        let made = http.post(&tokens).bearer_auth(&admin).json(&body).send().await.unwrap();
        let made: serde_json::Value = made.json().await.unwrap();
        let record = &made["Data"][0];
        (record["ID"].as_i64().unwrap(), record["Token"].as_str().unwrap().to_owned())
    };
    let ((id, revoked), (_, kept)) = (token("revoked").await, token("kept").await);
    let mut ends = Lines::open_with(&platform.url(), "", Some(&revoked)).await.unwrap();
    let mut stays = Lines::open_with(&platform.url(), "", Some(&kept)).await.unwrap();
    let gone = http.delete(format!("{tokens}/{id}")).bearer_auth(&admin).send().await.unwrap();
    assert_eq!(gone.status().as_u16(), 200);
    let lines = tokio::time::timeout(Duration::from_secs(60), ends.rest()).await.expect("it goes on").unwrap();
    assert!(lines.iter().all(|line| line["Type"] == "position"), "{lines:?}");
    assert_eq!(stays.next().await.unwrap().unwrap()["Type"], "position");
    assert_eq!(stays.next().await.unwrap().unwrap()["Type"], "position", "the other one lives");
    assert!(Lines::open_with(&platform.url(), "", Some(&revoked)).await.is_err_and(|error| error.starts_with("401")));
    platform.stop().await;
}
