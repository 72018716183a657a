//! What pages of the dashboard are told, over `/ui/watch`: that something happened, seldom enough, and never too seldom.

use std::time::Duration;

use causeway_testkit::{ApiClient, id_of, unique_name};
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::{
    api,
    follower::{Follower, number},
    page_news::News,
    writers::{Writers, committed},
};

/// Between two news of one page, with few of them open.
const REST: Duration = Duration::from_millis(500);
/// A change that isn't told within this never will be.
const TOLD: Duration = Duration::from_secs(20);
/// Without news for this long, all that happened before has been told.
const QUIET: Duration = Duration::from_millis(1500);

async fn account(client: &ApiClient) -> i64 {
    let body = json!({"Name": unique_name("news"), "AccountID": "1", "DefaultRegion": "x"});
    id_of(&client.create("aws-accounts", &body).await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_page_is_told_of_what_it_shows_and_of_nothing_else() {
    let platform = api("news_filters", &[]).await;
    let (client, url) = (platform.client(), platform.url());
    let (shown, other) = (account(&client).await, account(&client).await);
    let mut follower = Follower::begin(&url).await;
    let mut news = News::open(&url, &format!("id={shown}")).await;
    assert!(news.next().await.starts_with("retry: 2000\nid: "));
    client.patch("aws-accounts", other, &json!({"DefaultRegion": "y"})).await.unwrap();
    client.patch("aws-accounts", shown, &json!({"DefaultRegion": "y"})).await.unwrap();
    follower.catch_up(&url, &format!("&id={shown}")).await;
    let changed = number(follower.seen.last().expect("a change is an event"));
    // That the account was made may be told for itself, before.
    let seen = loop {
        let seen = timeout(TOLD, news.news()).await.expect("a change is told");
        if seen.split_once('-').unwrap().1.parse::<i64>().unwrap() >= changed {
            break seen;
        }
    };
    // Whoever comes back from before is told once, and from here nothing.
    let mut back = News::open(&url, &format!("id={shown}&since={seen}")).await;
    assert!(back.next().await.contains(&format!("id: {seen}")));
    let mut late = News::open(&url, &format!("id={shown}&since=00000001-1")).await;
    late.next().await;
    assert!(timeout(TOLD, late.news()).await.is_ok(), "who has missed something reads anew");
    client.patch("aws-accounts", other, &json!({"DefaultRegion": "z"})).await.unwrap();
    // What is told next, on whichever stream, is a heartbeat: nothing of the other record.
    for stream in [&mut news, &mut back, &mut late] {
        assert!(stream.next().await.starts_with(": nothing new"), "it was told of another record");
    }
    platform.stop().await;
}

/// However much happens, a page reads itself anew twice a second, and at the end it has seen everything.
#[tokio::test]
async fn a_page_is_told_seldom_while_much_happens() {
    let platform = api("news_many", &[]).await;
    let url = platform.url();
    let mut news = News::open(&url, "kinds=AwsAccount").await;
    news.next().await;
    let (writers, begun) = (Writers::start(&platform.client(), 6), Instant::now());
    let (mut told, until) = (0_u32, begun + Duration::from_secs(5));
    // Longer where the machine is slow.
    while Instant::now() < until || told < 5 {
        timeout(TOLD, news.news()).await.expect("it is told what happens");
        told += 1;
    }
    let took = begun.elapsed();
    writers.stop().await;
    let happened: usize = committed(&platform.database_url()).await.values().map(Vec::len).sum();
    let most = u32::try_from(took.as_millis() / REST.as_millis()).unwrap() + 2;
    assert!(told <= most, "told {told} times in {took:?}");
    assert!(happened > 2 * told as usize, "only {happened} events: too little happened");
    // What came last was told of, and it was not far behind.
    while timeout(QUIET, news.news()).await.is_ok() {}
    account(&platform.client()).await;
    timeout(TOLD, news.news()).await.expect("a change is told");
    platform.stop().await;
}
