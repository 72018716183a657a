//! Many clients at once: nothing fails, nothing is lost, nothing is left open.

use std::time::Duration;

use causeway_records::nouns;
use causeway_rig::Endpoints;
use causeway_testkit::{Answer, ControlPlane, Setup, unique_name, within};
use futures::future::join_all;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::time::Instant;

use crate::id;

const CONNECTIONS: usize = 64;
const REQUESTS: usize = 10_000;
/// Records that all clients count up.
const COUNTERS: usize = 4;

/// One client with one connection, and what it did.
struct Caller {
    http: Client,
    url: String,
    number: usize,
    sent: usize,
    /// Writes that were acknowledged.
    written: i64,
    /// Its own definitions that live.
    own: Vec<(i64, String)>,
    /// How far it counted each counter.
    counted: [i64; COUNTERS],
}

impl Caller {
    async fn send(&mut self, method: Method, path: &str, tag: Option<&str>, body: Option<Value>) -> Answer {
        self.sent += 1;
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(tag) = tag {
            request = request.header("If-Match", tag);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = read(request.send().await.expect("nobody answers")).await;
        assert!(answer.code < 500, "{path}: {}", answer.text);
        answer
    }

    /// Does the next of ten things.
    async fn act(&mut self, counters: &[i64]) {
        let n = self.sent;
        match n % 10 {
            0 | 1 => {
                let own = unique_name(&format!("load-{}", self.number));
                let body = json!({"Name": own, "HttpPorts": [{"Port": 80}], "TcpPorts": [{"Port": 5432}]});
                let made = self.send(Method::POST, "/v0/gateway-definitions", None, Some(body)).await.done(201);
                self.own.push((id(made.record()), own));
                self.written += 1;
            }
            2 => {
                let Some((own, name)) = self.own.last().cloned() else { return self.look("").await };
                let found =
                    self.send(Method::GET, &format!("/v0/gateway-definitions/{own}"), None, None).await.done(200);
                assert_eq!(found.record()["Name"], name.as_str());
            }
            3 => self.look("size=5&reconciled=false").await,
            4 => self.look(&format!("size=5&after={}", self.own.first().map_or(0, |(id, _)| *id))).await,
            5 => {
                let Some((own, _)) = self.own.first().cloned() else { return self.look("").await };
                let path = format!("/v0/gateway-definitions/{own}");
                let service = format!("s{n}");
                let changed =
                    self.send(Method::PATCH, &path, None, Some(json!({"ServiceName": service}))).await.done(200);
                assert_eq!(changed.record()["ServiceName"], service);
                self.written += 1;
            }
            6 => {
                let answer = self.send(Method::POST, "/v0/gateway-definitions", None, Some(json!({"Hue": n}))).await;
                answer.refused(400, "Unsupported fields").because("UnknownField", &["Hue"]);
            }
            7 if self.own.len() > 3 => {
                let (own, _) = self.own.remove(0);
                self.send(Method::DELETE, &format!("/v0/gateway-definitions/{own}"), None, None).await.done(200);
                self.written += 1;
            }
            _ => self.count(counters[n % COUNTERS], n % COUNTERS).await,
        }
    }

    async fn look(&mut self, query: &str) {
        let page = self.send(Method::GET, &format!("/v0/gateway-definitions?{query}"), None, None).await;
        assert!(page.code == 200 && page.ids().is_sorted(), "{}", page.text);
    }

    /// Reads a counter and counts it up, if no other caller was faster.
    async fn count(&mut self, counter: i64, which: usize) {
        let path = format!("/v0/events/{counter}");
        let now = self.send(Method::GET, &path, None, None).await.done(200);
        let (tag, next) = (now.header("etag").to_owned(), now.record()["Count"].as_i64().unwrap() + 1);
        let answer = self.send(Method::PATCH, &path, Some(&tag), Some(json!({"Count": next}))).await;
        if answer.code == 200 {
            self.counted[which] += 1;
            self.written += 1;
        } else {
            assert_eq!(answer.code, 412, "{}", answer.text);
        }
    }
}

async fn read(response: Response) -> Answer {
    let (code, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.expect("the answer breaks off");
    Answer::new(code, headers, text)
}

async fn number(database: &mut PgConnection, text: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(text.to_owned())).fetch_one(database).await.expect("Postgres refuses")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_requests_over_many_connections() {
    // So much at once is a matter of patience on a busy machine; how much is too much, `limits` shows.
    let api_arguments = vec!["--database-wait".to_owned(), "25s".to_owned()];
    let setup = Setup { workers: 0, api_arguments, ..Setup::for_test("load") };
    let platform = ControlPlane::start(&Endpoints::from_env().expect("no rig"), setup).await.expect("no control plane");
    let mut database = PgConnection::connect(&platform.database_url()).await.unwrap();
    let mut counters = vec![];
    for _ in 0..COUNTERS {
        let time = "2026-01-05T10:11:12Z";
        let event = json!({
            "Reason": "SuccessfulCreate", "Count": 0, "EventTime": time, "LastObservedTime": time, "Type": "Normal",
            "ReportingController": "GatewayController",
        });
        counters.push(id(&platform.client().create("events", &event).await.unwrap()));
    }

    let begun = Instant::now();
    let callers = (0..CONNECTIONS).map(|number| {
        let http = Client::builder().pool_max_idle_per_host(1).build().unwrap();
        let (url, counters) = (platform.url(), counters.clone());
        tokio::spawn(async move {
            let mut caller = Caller { http, url, number, sent: 0, written: 0, own: vec![], counted: [0; COUNTERS] };
            while caller.sent < REQUESTS.div_ceil(CONNECTIONS) {
                caller.act(&counters).await;
            }
            caller
        })
    });
    let callers: Vec<_> = join_all(callers).await.into_iter().map(|caller| caller.expect("a request failed")).collect();
    let sent: usize = callers.iter().map(|caller| caller.sent).sum();
    println!("{sent} requests over {CONNECTIONS} connections in {:?}", begun.elapsed());
    assert!(sent >= REQUESTS);

    // No lost update: each counter has the value to which all callers together have counted it.
    for (which, counter) in counters.iter().enumerate() {
        let counted: i64 = callers.iter().map(|caller| caller.counted[which]).sum();
        let stored = platform.client().get("events", *counter).await.unwrap();
        assert_eq!((&stored["Count"], counted > 0), (&json!(counted), true));
    }
    // Nothing is lost, nothing is there by half: records, ports, work to do, and the audit's word for each write.
    let definitions = "SELECT count(*) FROM gateway_definitions t JOIN reconciliations r ON r.kind = 'GatewayDefinition' AND r.id = t.id
        WHERE r.deletion_scheduled IS NULL";
    let own: usize = callers.iter().map(|caller| caller.own.len()).sum();
    assert_eq!(number(&mut database, definitions).await, i64::try_from(own).unwrap());
    let halves = "SELECT count(*) FROM gateway_definitions d WHERE
        (SELECT count(*) FROM gateway_http_ports p WHERE p.gateway_definition_id = d.id) <> 1
        OR (SELECT count(*) FROM gateway_tcp_ports p WHERE p.gateway_definition_id = d.id) <> 1";
    assert_eq!(number(&mut database, halves).await, 0, "definitions without all of their ports");
    for info in nouns::ALL.iter().filter(|info| info.reconciled) {
        let (kind, table) = (info.kind, info.table);
        let text = format!(
            "SELECT count(*) FROM {table} t FULL JOIN (SELECT id FROM reconciliations WHERE kind = '{kind}') r USING (id) WHERE t.created_at IS NULL OR r.id IS NULL"
        );
        assert_eq!(number(&mut database, &text).await, 0, "{kind} without work to do, or work for none");
    }
    let written: i64 = callers.iter().map(|caller| caller.written).sum::<i64>() + i64::try_from(COUNTERS).unwrap();
    assert_eq!(number(&mut database, "SELECT count(*) FROM audit_events").await, written);

    // No connection is left inside a transaction, and there are no more of them than the API may have.
    let backends = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    let inside = format!("SELECT count(*) {backends} AND xact_start IS NOT NULL");
    within(Duration::from_secs(8), "no connection of the API is inside a transaction", async || {
        let open = number(&mut database, &inside).await;
        if open == 0 { Ok(()) } else { Err(open) }
    })
    .await;
    let open = number(&mut database, &format!("SELECT count(*) {backends}")).await;
    assert!((1..=16).contains(&open), "{open} connections");
    platform.stop().await;
}
