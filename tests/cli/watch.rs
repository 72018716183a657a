//! `causeway watch`: what happened, and nothing missed when the API is killed in between.

use causeway_rig::workspace_program;
use serde_json::Value;
use std::{process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    time::timeout,
};

use crate::{Cli, api};

/// What has happened since a position, and the position after it.
async fn since(cli: &Cli, position: Option<&str>, more: &[&str]) -> (Vec<Value>, String) {
    let begin: Vec<&str> = position.map(|position| vec!["--since", position]).unwrap_or_default();
    let out = cli.done(&[&["watch", "--for", "0s", "-o", "json"][..], &begin[..], more].concat()).await;
    let events: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = events.last().unwrap()["Position"].as_str().unwrap().to_owned();
    (events.into_iter().filter(|event| event["Type"] != "position").collect(), last)
}

async fn apply(cli: &Cli, name: &str) {
    let ran = cli.feed(&["apply", "-f", "-"], &format!("GatewayDefinition: {{Name: {name}}}\n")).await;
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[tokio::test]
async fn what_happened_since_a_position_is_printed_line_by_line() {
    let (_platform, cli) = api("watch").await;
    let (_, begin) = since(&cli, None, &[]).await;
    apply(&cli, "one").await;
    apply(&cli, "two").await;
    let (events, _) = since(&cli, Some(&begin), &["gateway-definitions"]).await;
    let told: Vec<_> =
        events.iter().map(|event| (event["Type"].as_str().unwrap(), event["Name"].as_str().unwrap())).collect();
    assert_eq!(told, [("created", "one"), ("created", "two")]);
    let (events, _) = since(&cli, Some(&begin), &["--name", "two"]).await;
    assert_eq!(events.len(), 1, "{events:?}");
    let text = cli.done(&["watch", "gateway-definitions", "--for", "0s", "--since", &begin]).await;
    assert!(text.lines().count() == 2 && text.contains("created      GatewayDefinition one"), "{text}");
    let refused = cli.run(&["watch", "--since", "yesterday", "--for", "0s", "-o", "json"]).await;
    assert!(refused.code == 2 && refused.err.contains("since"), "{refused:?}");
    let told: Value = serde_json::from_str(&refused.out).unwrap();
    assert!(told["Error"].as_str().unwrap().contains("since"), "{told}");
}

#[tokio::test]
async fn a_stream_that_ends_is_taken_up_where_it_ended() {
    let (mut platform, cli) = api("watch_again").await;
    let mut command = cli.command(&workspace_program("causeway").unwrap());
    let watch = command.args(["watch", "gateway-definitions", "--types", "created", "-o", "json"]);
    let mut child = watch.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = async || {
        let line = timeout(Duration::from_secs(60), lines.next_line()).await.expect("an event in time");
        let event: Value = serde_json::from_str(&line.unwrap().unwrap()).unwrap();
        (event["Type"] != "position").then(|| event["Name"].as_str().unwrap().to_owned())
    };
    assert_eq!(next().await, None, "the stream has begun");
    let mut seen = vec![];
    for (n, name) in ["a", "b", "c"].iter().enumerate() {
        if n > 0 {
            platform.kill_api().await;
            platform.start_api_again().await.unwrap();
        }
        apply(&cli, name).await;
        while seen.last().map(String::as_str) != Some(*name) {
            seen.extend(next().await);
        }
    }
    assert_eq!(seen, ["a", "b", "c"]);
}
