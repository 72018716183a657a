//! On real sockets, with names that lead where a test wants them to.

use super::*;
use crate::webhooks::resolver::Resolving;
use std::{
    num::NonZeroUsize,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// Answers each question with the next list of addresses, and the last one again and again.
#[derive(Clone)]
struct Answers(Arc<Mutex<Vec<Vec<SocketAddr>>>>);

impl Answers {
    fn new(answers: &[&[SocketAddr]]) -> Self {
        Self(Arc::new(Mutex::new(answers.iter().rev().map(|one| one.to_vec()).collect())))
    }
}

impl Resolve for Answers {
    fn resolve(&self, _: String, _: u16) -> Resolving {
        let mut left = self.0.lock().unwrap();
        let next = if left.len() > 1 { left.pop().unwrap() } else { left[0].clone() };
        Box::pin(async move { Ok(next) })
    }
}

fn settings(allow: &[&str], timeout: Duration) -> WebhookSettings {
    WebhookSettings {
        webhook_allow: allow.iter().map(|network| network.parse().unwrap()).collect(),
        webhook_retry_span: Duration::from_secs(60),
        webhook_timeout: timeout,
        webhook_concurrency: NonZeroUsize::MIN,
        webhook_delivery_keep: Duration::ZERO,
    }
}

/// Takes connections on this address of loopback, counts them, and gives each the same answer, or none.
async fn receiver(address: &str, answer: Option<String>) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((address, 0)).await.unwrap();
    let (at, count) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut head = vec![0; 4096];
                let _ = stream.read(&mut head).await;
                match answer {
                    Some(answer) => drop(stream.write_all(answer.as_bytes()).await),
                    None => std::future::pending().await,
                }
            });
        }
    });
    (at, count)
}

fn said(head: &str, body: &str) -> String {
    format!("HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

async fn send<R: Resolve>(client: &Client<R>, url: &str) -> Outcome {
    let message = SignedMessage {
        url: url.into(),
        id: "00000001-7".into(),
        timestamp: 1,
        signature: "v1,x".into(),
        payload: "{}".into(),
    };
    client.send(message).await
}

fn client(answers: &[&[SocketAddr]], allow: &[&str]) -> Client<Answers> {
    Client::new(Answers::new(answers), &settings(allow, Duration::from_secs(5))).unwrap()
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_when_connecting_is_refused() {
    let (good, taken) = receiver("127.0.0.2", Some(said("204 No Content", ""))).await;
    let (inside, reached) = receiver("127.0.0.1", Some(said("200 OK", "inside"))).await;
    // Only the first address is one that may be connected to. The name leads there once, as at a check, and then elsewhere.
    let client = client(&[&[good], &[inside]], &["127.0.0.2/32"]);
    let url = format!("http://hooks.example.test:{}/", good.port());
    assert_eq!(send(&client, &url).await.unwrap().code, 204);
    let refused = send(&client, &url).await.unwrap_err();
    assert!(refused.contains("--webhook-allow") && !refused.contains("127.0.0"), "{refused}");
    assert_eq!((taken.load(Ordering::SeqCst), reached.load(Ordering::SeqCst)), (1, 0), "no connection was made");
}

#[tokio::test]
async fn of_several_addresses_only_those_that_may_be_are_tried() {
    let (good, taken) = receiver("127.0.0.2", Some(said("200 OK", ""))).await;
    let (inside, reached) = receiver("127.0.0.1", Some(said("200 OK", "inside"))).await;
    let client = client(&[&[inside, good]], &["127.0.0.2/32"]);
    assert_eq!(send(&client, "http://both.example.test/").await.unwrap().code, 200);
    assert_eq!((taken.load(Ordering::SeqCst), reached.load(Ordering::SeqCst)), (1, 0));
}

#[tokio::test]
async fn an_address_in_the_url_is_judged_like_a_name() {
    let (inside, reached) = receiver("127.0.0.1", Some(said("200 OK", "inside"))).await;
    let system = || crate::webhooks::resolver::SystemResolver;
    let client = Client::new(system(), &settings(&[], Duration::from_secs(5))).unwrap();
    let port = inside.port();
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "127.1", "0.0.0.0", "2130706433"] {
        for scheme in ["http", "https"] {
            let refused = send(&client, &format!("{scheme}://{host}:{port}/")).await.unwrap_err();
            // With TLS some are no names at all.
            let is_refused = ["--webhook-allow", "can't be resolved", "invalid dns name"];
            assert!(is_refused.iter().any(|part| refused.contains(part)), "{host}: {refused}");
        }
    }
    assert_eq!(reached.load(Ordering::SeqCst), 0);
    let allowed = Client::new(system(), &settings(&["127.0.0.1/32"], Duration::from_secs(5))).unwrap();
    assert_eq!(send(&allowed, &format!("http://[::ffff:127.0.0.1]:{port}/")).await.unwrap().code, 200);
}

#[test]
fn plain_http_stays_inside() {
    let found: Vec<SocketAddr> = vec!["1.1.1.1:80".parse().unwrap()];
    assert!(usable("a", found.clone(), false, &[]).unwrap_err().contains("https only"));
    assert_eq!(usable("a", found.clone(), true, &[]), Ok(found));
    assert!(usable("a", vec![], true, &[]).is_err());
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let (inside, reached) = receiver("127.0.0.1", Some(said("200 OK", "inside"))).await;
    let head = format!("302 Found\r\nLocation: http://127.0.0.1:{}/", inside.port());
    let (at, _) = receiver("127.0.0.1", Some(said(&head, ""))).await;
    let client = client(&[&[at]], &["127.0.0.0/8"]);
    assert_eq!(send(&client, "http://a.example.test/").await.unwrap().code, 302);
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_answer_is_bounded_in_bytes_and_time() {
    let (large, _) = receiver("127.0.0.1", Some(said("500 Internal Server Error", &"é\0".repeat(1_000_000)))).await;
    let kept =
        send(&client(&[&[large]], &["127.0.0.1"].map(|_| "127.0.0.1/32")), "http://a.example.test/").await.unwrap();
    assert!(
        kept.code == 500 && kept.body.len() <= KEPT_BODY && kept.body.starts_with("é\u{fffd}é"),
        "{}",
        kept.body.len()
    );
    let head = format!("200 OK\r\nX-Long: {}", "a".repeat(100_000));
    let (long, _) = receiver("127.0.0.1", Some(said(&head, ""))).await;
    assert!(send(&client(&[&[long]], &["127.0.0.1/32"]), "http://a.example.test/").await.is_err());
    let (silent, _) = receiver("127.0.0.1", None).await;
    let hurried =
        Client::new(Answers::new(&[&[silent]]), &settings(&["127.0.0.1/32"], Duration::from_millis(200))).unwrap();
    assert_eq!(send(&hurried, "http://a.example.test/").await.unwrap_err(), "the receiver didn't answer within 200ms");
    let (half, _) = receiver("127.0.0.1", Some("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".into())).await;
    let cut = send(&client(&[&[half]], &["127.0.0.1/32"]), "http://a.example.test/").await.unwrap();
    assert_eq!((cut.code, cut.body.as_str()), (200, "half"), "the code counts");
}

#[test]
fn a_receiver_says_when_to_come_back() {
    let now = DateTime::from_timestamp(1_769_860_805, 0).unwrap();
    let read = |text: &'static str| {
        let headers = HeaderMap::from_iter([(header::RETRY_AFTER, HeaderValue::from_static(text))]);
        retry_after(&headers, now).map(|wait| wait.as_secs())
    };
    assert_eq!([read("30"), read("Sat, 31 Jan 2026 12:01:05 GMT")], [Some(30), Some(60)]);
    assert_eq!([read("Sat, 31 Jan 2026 11:00:00 GMT"), read("soon"), read("-1")], [None; 3]);
}
