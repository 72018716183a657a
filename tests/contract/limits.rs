//! More requests than the API will or can answer.

use causeway_rig::Endpoints;
use causeway_testkit::{ControlPlane, Setup, until};
use futures::{
    future::join_all,
    stream::{FuturesUnordered, StreamExt},
};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};
use std::{ops::RangeInclusive, time::Instant};

async fn start(name: &str, arguments: &[&str]) -> ControlPlane {
    let api_arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let setup = Setup { workers: 0, api_arguments, ..Setup::for_test(name) };
    ControlPlane::start(&Endpoints::from_env().expect("no rig"), setup).await.unwrap()
}

fn code(answer: &Response) -> u16 {
    answer.status().as_u16()
}

fn seconds(answer: &Response) -> Option<u64> {
    answer.headers().get("retry-after")?.to_str().ok()?.parse().ok()
}

/// How many requests a caller has, who may have five at once and one a second. `begun`: before the first one.
fn allowed(begun: Instant) -> RangeInclusive<usize> {
    5..=6 + usize::try_from(begun.elapsed().as_secs()).unwrap()
}

#[tokio::test]
async fn a_caller_may_be_held_to_a_rate() {
    let platform = start("rate", &["--requests-per-second", "1", "--request-burst", "5"]).await;
    let client = Client::new();
    let get = async |path: &str| client.get(format!("{}{path}", platform.url())).send().await.unwrap();
    let begun = Instant::now();
    let answers = join_all((0..20).map(|_| get("/v0/events"))).await;
    let refused: Vec<_> = answers.into_iter().filter(|answer| code(answer) != 200).collect();
    assert!(!refused.is_empty() && allowed(begun).contains(&(20 - refused.len())), "{}", refused.len());
    for answer in refused {
        assert_eq!((code(&answer), seconds(&answer).map(|seconds| (1..=5).contains(&seconds))), (429, Some(true)));
        let body: Value = answer.json().await.unwrap();
        assert_eq!((&body["Type"], &body["Status"]["reason"]), (&"Event".into(), &"TooManyRequests".into()));
        assert!(
            body["Status"]["error"].as_str().unwrap().starts_with("127.0.0.1 sends more than 1 requests per second")
        );
    }
    // Probes and the version are never counted.
    for path in ["/version", "/readyz", "/livez", "/healthz"] {
        let answers = join_all((0..10).map(|_| get(path))).await;
        assert!(answers.iter().all(|answer| code(answer) == 200), "{path}");
    }
    platform.stop().await;
}

#[tokio::test]
async fn whoever_tries_tokens_is_held_to_it_too() {
    let platform = start("guesses", &["--auth", "tokens", "--requests-per-second", "1", "--request-burst", "5"]).await;
    let client = Client::new();
    let guess = async || client.get(format!("{}/v0/events", platform.url())).bearer_auth("guess").send().await.unwrap();
    let begun = Instant::now();
    let answers = join_all((0..20).map(|_| guess())).await;
    let unknown = answers.iter().filter(|answer| code(answer) == 401).count();
    let refused = answers.iter().filter(|answer| code(answer) == 429 && seconds(answer).is_some()).count();
    assert!(refused > 0 && allowed(begun).contains(&unknown) && unknown + refused == 20, "{unknown} and {refused}");
    platform.stop().await;
}

#[tokio::test]
async fn what_is_refused_to_a_known_caller_counts() {
    let platform = start("refusals", &["--requests-per-second", "1", "--request-burst", "5"]).await;
    let client = Client::new();
    let send = async |method: Method, path: &str| {
        client.request(method, format!("{}{path}", platform.url())).send().await.unwrap()
    };
    let begun = Instant::now();
    let answers = join_all((0..20).map(|n| match n % 2 {
        0 => send(Method::GET, "/v0/nonsense"),
        _ => send(Method::DELETE, "/v0/gateway-definitions"),
    }))
    .await;
    let (refused, others): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| code(answer) == 429);
    assert!(others.iter().all(|answer| matches!(code(answer), 404 | 405)));
    assert!(!refused.is_empty() && allowed(begun).contains(&others.len()), "{} and {}", others.len(), refused.len());
    platform.stop().await;
}

#[tokio::test]
async fn what_a_caller_has_no_role_for_counts() {
    let platform = start("roles", &["--auth", "tokens", "--requests-per-second", "1", "--request-burst", "5"]).await;
    let made = platform.run_api(&["token", "create", "--name", "ann", "--role", "viewer"]).await.unwrap();
    let (token, url) = (String::from_utf8(made.stdout).unwrap(), format!("{}/v0/gateway-definitions", platform.url()));
    let client = Client::new();
    let answers = join_all((0..20).map(|_| client.post(&url).bearer_auth(token.trim()).json(&json!({})).send())).await;
    let codes: Vec<_> = answers.iter().map(|answer| code(answer.as_ref().unwrap())).collect();
    let of = |wanted: u16| codes.iter().filter(|code| **code == wanted).count();
    assert!(of(403) >= 5 && of(429) >= 5 && of(403) + of(429) == codes.len(), "{codes:?}");
    platform.stop().await;
}

/// A page of somebody else, which a browser has sent to this machine: nobody knows a caller.
#[tokio::test]
async fn what_is_refused_to_nobody_known_counts_for_the_address() {
    let platform = start("foreign", &["--requests-per-second", "1", "--request-burst", "5"]).await;
    let (client, url) = (Client::new(), format!("{}/v0/events", platform.url()));
    let answers = join_all((0..20).map(|_| client.get(&url).header("host", "rebound.example").send())).await;
    let codes: Vec<_> = answers.iter().map(|answer| code(answer.as_ref().unwrap())).collect();
    let of = |wanted: u16| codes.iter().filter(|code| **code == wanted).count();
    assert!(of(403) >= 5 && of(429) >= 5 && of(403) + of(429) == codes.len(), "{codes:?}");
    platform.stop().await;
}

/// Nobody has to ask for it, and what is young enough stays.
#[tokio::test]
async fn old_audit_events_go_by_themselves() {
    let platform = start("purge", &["--audit-keep", "5s"]).await;
    let (client, url) = (Client::new(), platform.url());
    let make = async |name: &str| {
        let body = serde_json::json!({"Name": name});
        client.post(format!("{url}/v0/gateway-definitions")).json(&body).send().await.unwrap();
    };
    let events = async || -> Vec<Value> {
        let answer: Value = client.get(format!("{url}/v0/audit-events")).send().await.unwrap().json().await.unwrap();
        answer["Data"].as_array().unwrap().clone()
    };
    make("old").await;
    let old = events().await[0]["ID"].clone();
    until("the old event goes", async || !events().await.iter().any(|event| event["ID"] == old)).await;
    make("young").await;
    assert_eq!(events().await.len(), 1);
    platform.stop().await;
}

/// The only connection waits for a lock: the database can be reached all the same, and the answer says so.
#[tokio::test]
async fn a_busy_database_is_not_called_unreachable() {
    let platform = start("busy", &["--database-connections", "1", "--database-wait", "1s"]).await;
    let mut holder = PgConnection::connect(&platform.database_url()).await.unwrap();
    let mut held = holder.begin().await.unwrap();
    held.execute("LOCK TABLE aws_accounts").await.unwrap();
    let client = Client::new();
    let get = async |path: &str| client.get(format!("{}{path}", platform.url())).send().await.unwrap();
    let mut answers: FuturesUnordered<_> = (0..3).map(|_| get("/v0/aws-accounts")).collect();
    // While one waits for the lock, the others wait for the connection.
    for _ in 0..2 {
        let answer = answers.next().await.unwrap();
        assert_eq!((code(&answer), seconds(&answer)), (503, Some(2)));
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["Status"]["reason"], "Overloaded");
    }
    held.rollback().await.unwrap();
    assert_eq!(code(&answers.next().await.unwrap()), 200);
    drop(answers);
    platform.stop().await;
}

/// Somebody writes for long, and others look at what becomes of it.
#[tokio::test]
async fn who_looks_at_objects_waits_for_no_writer() {
    let platform = start("looking", &[]).await;
    let client = Client::new();
    let make = async |plural: &str, body: Value| -> Value {
        let url = format!("{}/v0/{plural}", platform.url());
        let answer: Value = client.post(url).json(&body).send().await.unwrap().json().await.unwrap();
        answer["Data"][0]["ID"].clone()
    };
    let of = make("kubernetes-runtime-definitions", json!({"Name": "kind", "InfraProvider": "kind"})).await;
    let runtime = json!({"Name": "kind", "Location": "Local", "KubernetesRuntimeDefinitionID": of});
    let runtime = make("kubernetes-runtime-instances", runtime).await;
    let yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop}\n";
    let of = make("workload-definitions", json!({"Name": "shop", "YAMLDocument": yaml})).await;
    let workload = json!({"Name": "shop", "KubernetesRuntimeInstanceID": runtime, "WorkloadDefinitionID": of});
    let workload = make("workload-instances", workload).await;
    let mut holder = PgConnection::connect(&platform.database_url()).await.unwrap();
    let mut held = holder.begin().await.unwrap();
    held.execute("SELECT FROM workload_definitions FOR UPDATE").await.unwrap();
    held.execute("SELECT FROM workload_instances FOR UPDATE").await.unwrap();
    let url = format!("{}/v0/workload-instances/{workload}/manifests", platform.url());
    let shown = client.get(url).send().await.unwrap();
    assert_eq!(code(&shown), 200);
    assert!(shown.text().await.unwrap().contains("kind: ConfigMap"));
    held.rollback().await.unwrap();
    platform.stop().await;
}

/// A mistake of ours, too, is answered as the document says.
#[tokio::test]
async fn a_panic_is_a_refusal_like_others() {
    let platform = start("panic", &[]).await;
    platform.arm_api("api.committed", "panic").await.unwrap();
    let url = format!("{}/v0/gateway-definitions", platform.url());
    let answer = Client::new().post(url).json(&serde_json::json!({"Name": "web"})).send().await.unwrap();
    assert_eq!((code(&answer), answer.headers().contains_key("x-request-id")), (500, true));
    let body: Value = answer.json().await.unwrap();
    assert_eq!((&body["Data"], &body["Status"]["reason"]), (&Value::Null, &"InternalError".into()));
    platform.stop().await;
}
