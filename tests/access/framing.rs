//! Where a request ends. Whatever stands before this server, such as a proxy, may read the same bytes: if the two disagreed, a part of one caller's
//! request would be taken for the next caller's.

use crate::{
    control_plane, token,
    wire::{answer, codes, get, open},
};
use futures::future::join_all;

/// What follows a request. Where it is taken for a request of its own, its answer is a 200.
const NEXT: &str = "GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n";
const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";
/// A body in one chunk. A record without a name is answered with a 400.
const CHUNKS: &str = "2\r\n{}\r\n0\r\n\r\n";

#[tokio::test]
async fn a_request_has_one_end_or_its_connection_ends_with_it() {
    let arguments = ["--auth", "tokens", "--idle-timeout", "2s"];
    let platform = control_plane("framing", arguments.map(str::to_owned).to_vec()).await;
    let caller = format!("Authorization: Bearer {}\r\n", token(&platform, "editor").await);
    let post = async |headers: &str, body: &str| {
        let head = "POST /v0/gateway-definitions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
        answer(open(&platform, format!("{head}{caller}{headers}\r\n{body}{NEXT}")).await).await
    };

    let cases = [
        // A length is told once.
        ("Content-Length: 2\r\nContent-Length: 47\r\n", "{}"),
        ("Content-Length: 47\r\nContent-Length: 2\r\n", "{}"),
        ("Content-Length: 2, 47\r\n", "{}"),
        ("Content-Length: +2\r\n", "{}"),
        ("Content-Length: -2\r\n", "{}"),
        ("Content-Length: 0x2\r\n", "{}"),
        ("Content-Length:\r\n", "{}"),
        ("Content-Length : 2\r\n", "{}"),
        // In one way.
        ("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", CHUNKS),
        ("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", CHUNKS),
        ("Content-Length: 2\r\nTransfer-Encoding: identity\r\n", "{}"),
        // And in one spelling.
        ("Transfer-Encoding: xchunked\r\n", CHUNKS),
        ("Transfer-Encoding: chunked, identity\r\n", CHUNKS),
        ("Transfer-Encoding: \u{b}chunked\r\n", CHUNKS),
        ("Transfer-Encoding : chunked\r\n", CHUNKS),
        ("Transfer-Encoding:\r\n chunked\r\n", CHUNKS),
        (CHUNKED, "0x2\r\n{}\r\n0\r\n\r\n"),
        (CHUNKED, "ffffffffffffffff2\r\n{}\r\n0\r\n\r\n"),
    ];
    let answers = join_all(cases.iter().map(|(headers, body)| post(headers, body))).await;
    for ((headers, body), said) in cases.iter().zip(answers) {
        assert_eq!(codes(&said), [400], "{headers:?} {body:?}: {said}");
    }
    // Where there is one way to read it, what follows is answered, too.
    for (headers, body) in [("Content-Length: 2\r\n", "{}"), (CHUNKED, CHUNKS)] {
        let said = post(headers, body).await;
        assert_eq!(codes(&said), [400, 200], "{headers:?}: {said}");
    }
    platform.stop().await;
}

/// The body of a request that is refused before anybody reads it.
#[tokio::test]
async fn what_a_refused_caller_has_sent_is_no_request() {
    let arguments = ["--auth", "tokens", "--idle-timeout", "2s"];
    let platform = control_plane("refused_body", arguments.map(str::to_owned).to_vec()).await;
    let said = async |headers: &str, body: &str| {
        let head = "POST /v0/gateway-definitions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
        answer(open(&platform, format!("{head}{headers}\r\n{body}")).await).await
    };
    let lengths = [NEXT.len(), 100_000].map(|length| format!("Content-Length: {length}\r\n"));
    let chunk = format!("{:x}\r\n{NEXT}\r\n", NEXT.len());
    for (headers, body) in [(&*lengths[0], NEXT), (&lengths[1], NEXT), (CHUNKED, &chunk)] {
        let said = said(headers, body).await;
        assert_eq!(codes(&said), [401], "{headers:?}: {said}");
    }
    platform.stop().await;
}

#[tokio::test]
async fn each_of_many_requests_at_once_gets_its_answer() {
    let platform = control_plane("pipelined", vec![]).await;
    let mut requests: String = (0..99).map(|n| NEXT.replace("Host", &format!("X-Request-Id: n{n}\r\nHost"))).collect();
    requests += &get("/version", "X-Request-Id: n99\r\nHost: localhost\r\n");
    let said = answer(open(&platform, requests).await).await;
    assert_eq!(codes(&said), [200; 100]);
    let ids: Vec<_> = said.lines().filter_map(|line| line.strip_prefix("x-request-id: ")).collect();
    let sent: Vec<_> = (0..100).map(|n| format!("n{n}")).collect();
    assert_eq!(ids, sent, "in their order");
    platform.stop().await;
}
