//! What a stream is like: its formats, filters, where it begins and how it ends.

use std::time::Duration;

use causeway_testkit::{ApiClient, id_of, unique_name, until};
use reqwest::{Client, header};
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    api,
    follower::{Follower, Lines, is_event, number},
    writers::{Writers, committed, told},
};

/// A name, and the body of an account that has it.
fn account(what: &str) -> (String, Value) {
    let name = unique_name(what);
    (name.clone(), json!({"Name": name, "AccountID": "1", "DefaultRegion": "x"}))
}

#[tokio::test]
async fn whoever_lists_and_follows_from_there_misses_nothing_and_gets_nothing_twice() {
    let platform = api("events_list", &[]).await;
    let (url, writers) = (platform.url(), Writers::start(&platform.client(), 4));
    let mut followers = vec![];
    // Until enough has happened, however slow the machine is.
    while followers.len() <= 5 || committed(&platform.database_url()).await.len() <= 50 {
        let list = Client::new().get(format!("{url}/v0/aws-accounts?size=-1")).send().await.unwrap();
        let position = list.headers()["causeway-position"].to_str().unwrap().to_owned();
        let list: Value = list.json().await.unwrap();
        let listed: Vec<_> =
            list["Data"].as_array().unwrap().iter().map(|record| record["ID"].as_i64().unwrap()).collect();
        followers.push((listed, Follower { position, ..Follower::default() }));
    }
    writers.stop().await;
    let happened = committed(&platform.database_url()).await;
    for (listed, mut follower) in followers {
        follower.catch_up(&url, "&kinds=AwsAccount").await;
        assert_eq!(follower.resets.len(), 0);
        let told = told(&follower.seen);
        for (id, all) in &happened {
            let after = told.get(id).map(Vec::as_slice).unwrap_or_default();
            assert!(all.ends_with(after), "{all:?}, and {after:?} was told");
            // What isn't listed, or goes later, is told.
            let is_listed = listed.contains(id);
            assert!(
                is_listed || after.first().is_some_and(|word| word == "created") || all.last().unwrap() == "deleted",
                "{all:?} {after:?}"
            );
            assert!(
                !is_listed || all.last().unwrap() != "deleted" || after.last().is_some_and(|word| word == "deleted"),
                "{all:?} {after:?}"
            );
        }
    }
    platform.stop().await;
}

/// While nobody follows, the API passes over what happens.
#[tokio::test]
async fn whoever_comes_while_nobody_follows_gets_everything() {
    let platform = api("events_nobody", &[]).await;
    let (url, writers) = (platform.url(), Writers::start(&platform.client(), 3));
    let client = Client::new();
    let position = async || {
        let list = client.get(format!("{url}/v0/aws-accounts?size=1")).send().await.unwrap();
        list.headers()["causeway-position"].to_str().unwrap().to_owned()
    };
    let mut followers = vec![];
    for _ in 0..20 {
        let before = position().await;
        until("the API goes on", async || position().await != before).await;
        // Where it was just now, or a moment ago.
        let since = if followers.len() % 2 == 0 { position().await } else { before };
        let mut follower = Follower { position: since.clone(), ..Follower::default() };
        follower.follow(&url, "", |now| now.seen.len() >= 5).await;
        followers.push((since, follower));
    }
    writers.stop().await;
    for (since, live) in followers {
        let mut all = Follower { position: since, ..Follower::default() };
        all.catch_up(&url, "").await;
        assert_eq!((live.resets.len(), all.resets.len()), (0, 0));
        assert_eq!(all.seen[..live.seen.len()], live.seen, "nothing is missing, and nothing comes twice");
    }
    platform.stop().await;
}

/// Each of them moves events to the log, and each may have read further than the other.
#[tokio::test]
async fn a_position_of_one_api_is_good_at_another() {
    let platform = api("events_two", &[]).await;
    let other_url = platform.add_api().await.unwrap();
    let url = platform.url();
    let (mut follower, urls) = (Follower::begin(&url).await, [&other_url, &url]);
    let (writers, others) = (Writers::start(&platform.client(), 3), Writers::start(&ApiClient::new(&other_url), 3));
    for round in 0..20 {
        let seen = follower.seen.len();
        follower.follow(urls[round % 2], "", |now| now.seen.len() > seen + 5).await;
    }
    writers.stop().await;
    others.stop().await;
    follower.catch_up(&other_url, "").await;
    assert_eq!(follower.resets.len(), 0);
    let positions: Vec<_> = follower.seen.iter().map(number).collect();
    assert!(positions.windows(2).all(|pair| pair[0] < pair[1]), "something came twice, or out of order");
    assert_eq!(told(&follower.seen), committed(&platform.database_url()).await);
    platform.stop().await;
}

/// One process at a time moves what is committed to the log, and it may be a slow one.
#[tokio::test]
async fn whoever_wants_all_that_is_committed_waits_for_the_process_that_moves_it() {
    let platform = api("events_moved", &[]).await;
    let (client, url) = (platform.client(), platform.url());
    let mut follower = Follower::begin(&url).await;
    let mut other = PgConnection::connect(&platform.database_url()).await.unwrap();
    let mut moving = other.begin().await.unwrap();
    moving.execute("SELECT FROM event_sequencer FOR UPDATE").await.unwrap();
    client.create("aws-accounts", &account("moved").1).await.unwrap();
    let ends = async {
        // Not a wait for something: it takes that long.
        sleep(Duration::from_secs(1)).await;
        moving.rollback().await.unwrap();
    };
    tokio::join!(follower.catch_up(&url, ""), ends);
    assert_eq!(told(&follower.seen).into_values().collect::<Vec<_>>(), [["created"]]);
    platform.stop().await;
}

#[tokio::test]
async fn a_stream_is_of_server_sent_events_or_of_lines() {
    let platform = api("events_formats", &[]).await;
    let (client, url) = (platform.client(), platform.url());
    let start = Lines::open(&url, "?wait=0").await.unwrap().header("causeway-position");
    let (name, body) = account("formats");
    let id = id_of(&client.create("aws-accounts", &body).await.unwrap()).unwrap();
    let get = async |accept: &str, query: &str| {
        let request = Client::new().get(format!("{url}/v0/watch?{query}"));
        request.header(header::ACCEPT, accept).header(header::ACCEPT_ENCODING, "gzip").send().await.unwrap()
    };
    let query = format!("since={start}&wait=0&name={name}");
    for accept in ["text/event-stream", "*/*"] {
        let answer = get(accept, &query).await;
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header("content-type").unwrap(), "text/event-stream");
        assert_eq!(
            (header("cache-control").unwrap(), header("x-accel-buffering").unwrap()),
            ("no-store".into(), "no".into())
        );
        assert_eq!((header("causeway-position").unwrap(), header("content-encoding")), (start.clone(), None));
        let text = answer.text().await.unwrap();
        let (head, event) = text.split_once("\n\n").unwrap();
        assert_eq!(head, format!("retry: 2000\nid: {start}"));
        let lines: Vec<_> = event.trim_end().lines().map(|line| line.split_once(": ").unwrap()).collect();
        assert_eq!((lines[0], lines[1].0, lines[2].0, lines.len()), (("event", "created"), "id", "data", 3));
        let data: Value = serde_json::from_str(lines[2].1).unwrap();
        assert_eq!(
            (&data["Position"], &data["Kind"], &data["ID"]),
            (&json!(lines[1].1), &json!("AwsAccount"), &json!(id))
        );
        assert_eq!(data["Path"], format!("/v0/aws-accounts/{id}"));
    }
    let lines = get("application/x-ndjson", &query).await;
    assert_eq!(
        (lines.headers()["content-type"].as_bytes(), lines.headers().get("content-encoding")),
        (&b"application/x-ndjson"[..], None)
    );
    let lines: Vec<Value> =
        lines.text().await.unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[0]["Type"], &lines[1]["Type"]), (2, &json!("position"), &json!("created")));
    for (accept, query, code) in [
        ("application/json", "", 406),
        ("*/*", "since=now", 400),
        ("*/*", "kinds=access-tokens", 400),
        ("*/*", "types=exploded", 400),
        ("*/*", "wait=forever", 400),
    ] {
        let request = Client::new().get(format!("{url}/v0/watch?{query}")).header(header::ACCEPT, accept);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), code, "{accept} {query}");
        let body: Value = answer.json().await.unwrap();
        assert!(body["Status"]["error"].as_str().is_some_and(|sentence| sentence.len() > 20), "{body}");
    }
    platform.stop().await;
}

#[tokio::test]
async fn filters_pass_what_fits_all_of_them() {
    let platform = api("events_filters", &[]).await;
    let (client, url) = (platform.client(), platform.url());
    let start = Lines::open(&url, "?wait=0").await.unwrap().header("causeway-position");
    let (one, other) = (account("one"), account("other"));
    let ids = [
        id_of(&client.create("aws-accounts", &one.1).await.unwrap()).unwrap(),
        id_of(&client.create("aws-accounts", &other.1).await.unwrap()).unwrap(),
    ];
    client.patch("aws-accounts", ids[0], &json!({"DefaultRegion": "y"})).await.unwrap();
    client.delete("aws-accounts", ids[0]).await.unwrap();
    let definition = json!({"Name": unique_name("kind"), "InfraProvider": "kind"});
    let definition = id_of(&client.create("kubernetes-runtime-definitions", &definition).await.unwrap()).unwrap();
    let body = json!({"Name": unique_name("rt"), "Location": "Local", "KubernetesRuntimeDefinitionID": definition});
    let runtime = id_of(&client.create("kubernetes-runtime-instances", &body).await.unwrap()).unwrap();
    let told = async |query: &str| {
        let lines = Lines::open(&url, &format!("?since={start}&wait=0{query}")).await.unwrap().rest().await.unwrap();
        let word = |line: &Value| format!("{} {}", line["Type"].as_str().unwrap(), line["ID"]);
        lines.iter().filter(|line| is_event(line)).map(word).collect::<Vec<_>>()
    };
    let [first, second] = ids;
    let of_first = [format!("created {first}"), format!("changed {first}"), format!("deleted {first}")];
    assert_eq!(told(&format!("&name={}", one.0)).await, of_first);
    assert_eq!(told(&format!("&id={first}&kinds=aws-accounts,events")).await, of_first);
    assert_eq!(
        told("&kinds=AwsAccount&types=created").await,
        [format!("created {first}"), format!("created {second}")]
    );
    assert_eq!(told(&format!("&runtime={runtime}")).await, [format!("created {runtime}")]);
    assert!(told(&format!("&name={}&types=condition", one.0)).await.is_empty());
    assert_eq!(told("").await.len(), 6);
    platform.stop().await;
}

#[tokio::test]
async fn an_event_is_there_at_once_and_a_silent_stream_says_where_it_is() {
    let platform = api("events_live", &[]).await;
    let (client, url) = (platform.client(), platform.url());
    let mut lines = Lines::open(&url, "?types=created").await.unwrap();
    let first = lines.next().await.unwrap().unwrap();
    assert_eq!(
        (&first["Type"], first["Position"].as_str().unwrap()),
        (&json!("position"), lines.header("causeway-position").as_str())
    );
    let (name, body) = account("live");
    let sent = Instant::now();
    let id = id_of(&client.create("aws-accounts", &body).await.unwrap()).unwrap();
    // Before the stream says where it is, as it does when it has nothing to say.
    let event = lines.next().await.unwrap().unwrap();
    assert_eq!((&event["Type"], &event["Name"]), (&json!("created"), &json!(name)));
    // Not asked for, but passed; after fifteen seconds of silence the stream says so. This is a test of time.
    client.patch("aws-accounts", id, &json!({"DefaultRegion": "y"})).await.unwrap();
    let heartbeat = timeout(Duration::from_secs(30), lines.next()).await.unwrap().unwrap().unwrap();
    assert!(sent.elapsed() > Duration::from_secs(14), "{:?}", sent.elapsed());
    assert_eq!(heartbeat["Type"], "position");
    assert!(number(&heartbeat) > number(&event), "{heartbeat} {event}");
    platform.stop().await;
}

#[tokio::test]
async fn a_position_that_nobody_can_go_on_from_is_reset() {
    let platform = api("events_reset", &[]).await;
    let (client, url) = (platform.client(), platform.url());
    client.create("aws-accounts", &account("first").1).await.unwrap();
    let mut follower = Follower::begin(&url).await;
    let known = follower.position.clone();
    client.create("aws-accounts", &account("second").1).await.unwrap();
    follower.catch_up(&url, "").await;
    let (epoch, position) =
        follower.position.split_once('-').map(|(a, b)| (a.to_owned(), b.parse::<i64>().unwrap())).unwrap();
    let reset = async |since: &str| {
        let mut lines = Lines::open(&url, &format!("?since={since}&wait=0")).await.unwrap();
        let lines = lines.rest().await.unwrap();
        let found = lines.iter().find(|line| line["Type"] == "reset").cloned();
        assert!(!lines.iter().any(is_event), "{lines:?}");
        found.map(|line| (line["Reason"].as_str().unwrap().to_owned(), line["Position"].as_str().unwrap().to_owned()))
    };
    assert_eq!(reset(&follower.position).await, None);
    let now = Some(follower.position.clone());
    assert_eq!(
        reset(&format!("{epoch}-{}", position + 1000)).await.unzip(),
        (Some("UnknownPosition".into()), now.clone())
    );
    assert_eq!(reset(&format!("00000000-{position}")).await.unzip(), (Some("OtherEpoch".into()), now));
    let mut database = PgConnection::connect(&platform.database_url()).await.unwrap();
    sqlx::query("UPDATE event_sequencer SET deleted_to = $1").bind(position).execute(&mut database).await.unwrap();
    assert_eq!(reset(&known).await.unwrap().0, "TooOld");
    // A stream that is open when the database becomes another one.
    let mut open = Lines::open(&url, &format!("?since={}", follower.position)).await.unwrap();
    open.next().await.unwrap();
    sqlx::query("UPDATE event_sequencer SET origin = 'elsewhere'").execute(&mut database).await.unwrap();
    let line = timeout(Duration::from_secs(20), open.next()).await.unwrap().unwrap().unwrap();
    assert_eq!((&line["Type"], &line["Reason"]), (&json!("reset"), &json!("OtherEpoch")));
    client.create("aws-accounts", &account("third").1).await.unwrap();
    assert_eq!(open.next().await.unwrap().unwrap()["Type"], "created", "it goes on from there");
    platform.stop().await;
}

#[tokio::test]
async fn streams_end_when_the_api_stops_and_go_on_when_it_is_back() {
    let mut platform = api("events_stop", &[]).await;
    let (client, url) = (platform.client(), platform.url());
    let mut follower = Follower::begin(&url).await;
    let mut open = Vec::new();
    for _ in 0..5 {
        let mut lines = Lines::open(&url, "").await.unwrap();
        lines.next().await.unwrap();
        open.push(lines);
    }
    client.create("aws-accounts", &account("before").1).await.unwrap();
    for lines in &mut open {
        assert_eq!(lines.next().await.unwrap().unwrap()["Type"], "created");
    }
    let stopped = Instant::now();
    platform.end_api().await;
    // The default for requests under way is ten seconds.
    assert!(stopped.elapsed() < Duration::from_secs(9), "{:?}", stopped.elapsed());
    for lines in &mut open {
        assert_eq!(lines.next().await, Ok(None), "it ends in order");
    }
    platform.start_api_again().await.unwrap();
    client.create("aws-accounts", &account("after").1).await.unwrap();
    follower.catch_up(&url, "").await;
    assert_eq!((follower.seen.len(), follower.resets.len()), (2, 0));
    platform.stop().await;
}
