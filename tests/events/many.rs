//! Many streams at once: what they cost.

use std::{env, fs, time::Duration};

use futures::future::join_all;
use serde_json::json;
use sqlx::{Connection, PgConnection};
use tokio::time::{Instant, sleep};

use crate::{api, follower::Lines};

/// Streams of `make test`; `make soak` has a thousand.
const STREAMS: usize = 100;
/// How long they are idle.
const IDLE: Duration = Duration::from_secs(10);
/// Statements in a second that so many streams may add to those of one: that of the process which reads the log may fall on either side.
const MORE_STATEMENTS: i64 = 1;
/// What a thousand may take, in kB.
const MEMORY: i64 = 50_000;

/// How much memory a process has, in kB.
fn memory(pid: i32) -> i64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

/// Transactions that were committed in this database, and rows that were written; Postgres counts them now and then.
async fn transactions_and_rows(database: &mut PgConnection) -> (i64, i64) {
    let text = "SELECT xact_commit, tup_inserted + tup_updated + tup_deleted FROM pg_stat_database WHERE datname = current_database()";
    sqlx::query_as(text).fetch_one(database).await.unwrap()
}

/// Statements in a second, and rows that were written, while nothing happens. Postgres counts what a connection did when it is next used, or ten seconds
/// later: what was done before may be counted in the first rounds.
async fn idle(database: &mut PgConnection) -> (i64, i64) {
    let (mut fewest, mut written) = (i64::MAX, i64::MAX);
    for _ in 0..3 {
        let (counted, begun) = (transactions_and_rows(database).await, Instant::now());
        sleep(IDLE).await;
        let seconds = i64::try_from(begun.elapsed().as_secs()).unwrap();
        let now = transactions_and_rows(database).await;
        fewest = fewest.min((now.0 - counted.0) / (seconds + 1));
        written = written.min(now.1 - counted.1);
    }
    (fewest, written)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_streams_cost_one_query_a_second_and_little_memory() {
    let streams = env::var("EVENT_STREAMS").ok().and_then(|value| value.parse().ok()).unwrap_or(STREAMS);
    let most = (streams + 50).to_string();
    let flags = ["--max-connections", "--max-connections-per-address", "--max-watches", "--max-watches-per-caller"];
    let arguments: Vec<_> = flags.iter().flat_map(|flag| [*flag, most.as_str()]).collect();
    let platform = api("events_many", &arguments).await;
    let (url, client, pid) = (platform.url(), platform.client(), platform.api().pid());
    let account = async |name: &str| {
        let body = json!({"Name": name, "AccountID": "1", "DefaultRegion": "x"});
        client.create("aws-accounts", &body).await.unwrap();
    };
    // Everything that is made once is there.
    account("first").await;
    drop(Lines::open(&url, "?wait=0").await.unwrap().rest().await);
    let before = memory(pid);
    let mut open = vec![Lines::open(&url, "").await.unwrap()];
    let mut database = PgConnection::connect(&platform.database_url()).await.unwrap();
    let (of_one, _) = idle(&mut database).await;
    while open.len() < streams {
        let more = join_all((0..50.min(streams - open.len())).map(|_| Lines::open(&url, ""))).await;
        open.extend(more.into_iter().map(Result::unwrap));
    }
    join_all(open.iter_mut().map(|lines| async { lines.next().await.unwrap().unwrap() })).await;

    let (fewest, written) = idle(&mut database).await;
    assert!(fewest <= of_one + MORE_STATEMENTS, "{fewest} statements in a second, and {of_one} with one stream");
    assert_eq!(written, 0, "rows written while nothing happens");

    let sent = Instant::now();
    account("second").await;
    // A stream that was silent for long says its position in between. One that began within a second of the first account may be told of that, too.
    let told = async |lines: &mut Lines| loop {
        let event = lines.next().await.unwrap().unwrap();
        if event["Type"] != "position" && event["Name"] != "first" {
            return event;
        }
    };
    let told = join_all(open.iter_mut().map(told)).await;
    let other: Vec<_> = told.iter().filter(|event| event["Name"] != "second").collect();
    assert!(other.is_empty(), "{} streams were told something else: {:?}", other.len(), other[0]);
    let took = sent.elapsed();
    let more = memory(pid) - before;
    println!("{streams} streams: {fewest} statements in a second, {more} kB more, told in {took:?}");
    assert!(more < MEMORY * i64::try_from(streams.max(400)).unwrap() / 1000, "{more} kB more");
    client.list("aws-accounts", "").await.unwrap();
    platform.stop().await;
}
