//! A browser whose stream breaks off asks for the same address again, and says in a header which event it got last.

use causeway_testkit::unique_name;
use reqwest::{Client, RequestBuilder, header};
use serde_json::{Value, json};

use crate::{
    api,
    follower::Lines,
    messages::{Messages, field},
};

/// The next events about records, each with its id.
async fn events(stream: &mut Messages, count: usize) -> Vec<(String, Value)> {
    let mut found = vec![];
    while found.len() < count {
        let message = stream.next().await;
        // The head and the heartbeats have no data.
        if let (Some(id), Some(data)) = (field(&message, "id"), field(&message, "data")) {
            found.push((id.to_owned(), serde_json::from_str(data).unwrap()));
        }
    }
    found
}

fn names(events: &[(String, Value)]) -> Vec<&str> {
    events.iter().map(|(_, event)| event["Name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_stream_goes_on_behind_the_last_event_that_a_browser_got() {
    let platform = api("events_last_id", &[]).await;
    let (client, url) = (platform.client(), platform.url());
    let start = Lines::open(&url, "?wait=0").await.unwrap().header("causeway-position");
    // Where it began stays in the address.
    let address = format!("{url}/v0/watch?kinds=AwsAccount&since={start}");
    let asks = |more: &str, media: &str, last: Option<&str>| -> RequestBuilder {
        let request = Client::new().get(format!("{address}{more}")).header(header::ACCEPT, media);
        last.into_iter().fold(request, |request, last| request.header("Last-Event-ID", last))
    };
    let stream = |last: Option<&str>| asks("", "text/event-stream", last);
    let made = async |what: &str| {
        let body = json!({"Name": unique_name(what), "AccountID": "1", "DefaultRegion": "x"});
        client.create("aws-accounts", &body).await.unwrap()["Name"].as_str().unwrap().to_owned()
    };
    let (first, second) = (made("first").await, made("second").await);
    let mut begun = Messages::open(stream(None)).await;
    let seen = events(&mut begun, 2).await;
    assert_eq!(names(&seen), [&first, &second]);
    assert!(seen.iter().all(|(id, event)| event["Position"] == id.as_str()), "{seen:?}");

    // It breaks off within the second, which the browser therefore doesn't know; a third comes meanwhile.
    drop(begun);
    let third = made("third").await;
    let mut again = Messages::open(stream(Some(&seen[0].0))).await;
    let missed = events(&mut again, 2).await;
    assert_eq!(names(&missed), [&second, &third]);
    assert_eq!(missed[0], seen[1], "the same event at the same position");

    // Who has seen all gets what comes then, and nothing before it.
    drop(again);
    let mut last = Messages::open(stream(Some(&missed[1].0))).await;
    let fourth = made("fourth").await;
    assert_eq!(names(&events(&mut last, 1).await), [&fourth]);

    // Of whatever format.
    let lines = asks("&wait=0", "application/x-ndjson", Some(&missed[0].0)).send().await.unwrap();
    let lines = lines.text().await.unwrap();
    let told: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = told.iter().filter_map(|line| line["Name"].as_str()).collect();
    assert_eq!(told, [&third, &fourth]);

    let refused = stream(Some("yesterday")).send().await.unwrap();
    assert_eq!(refused.status().as_u16(), 400);
    let refused: Value = refused.json().await.unwrap();
    assert!(refused["Status"]["error"].as_str().unwrap().contains("Last-Event-ID"), "{refused}");
    platform.stop().await;
}
