//! Requests that no library sends: written byte by byte.

use crate::{TlsFixture, control_plane};
use causeway_testkit::ControlPlane;
use futures::future::join_all;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// A connection to the port for requests, after these bytes.
async fn open(platform: &ControlPlane, bytes: &str) -> TcpStream {
    let url = platform.url();
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    // A server that refuses the connection may have ended it by now.
    let _ = stream.write_all(bytes.as_bytes()).await;
    stream
}

/// All that the server sends until it ends the connection.
async fn answer(mut stream: TcpStream) -> String {
    let mut bytes = vec![];
    // A reset is an end, too.
    let _ = timeout(Duration::from_secs(30), stream.read_to_end(&mut bytes)).await.expect("the connection stays open");
    String::from_utf8_lossy(&bytes).into_owned()
}

fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n")
}

/// Neither those that never send a request nor those that never end one keep others out.
#[tokio::test]
async fn a_client_that_holds_connections_keeps_nobody_out() {
    let arguments = ["--max-connections", "40", "--max-connections-per-address", "30", "--idle-timeout", "2s"];
    let platform = control_plane("slow", arguments.map(str::to_owned).to_vec()).await;
    let request = get("/version", "Host: localhost\r\n");
    let mut held = vec![];
    for number in 0..30 {
        held.push(open(&platform, if number % 2 == 0 { "" } else { "GET /version HTTP/1.1\r\nHost: loc" }).await);
    }
    assert_eq!(answer(open(&platform, &request).await).await, "", "its address has no place left");
    platform.arm_api("api.committed", "off").await.expect("probes have connections of their own");
    for stream in held {
        assert_eq!(answer(stream).await, "", "a silent connection ends by itself");
    }
    assert!(answer(open(&platform, &request).await).await.starts_with("HTTP/1.1 200"));
    platform.stop().await;
}

#[tokio::test]
async fn http_2_is_not_spoken() {
    let platform = control_plane("preface", vec![]).await;
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let said = answer(open(&platform, preface).await).await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{said:?}");
    platform.stop().await;
}

/// More silent connections than handshakes run at once for one address: each is given up after seconds, not tens of them.
#[tokio::test]
async fn a_silent_handshake_ends() {
    let fixture = TlsFixture::api("handshakes", "mtls,tokens", &[]).await;
    let url = fixture.platform.https_url();
    let silent: Vec<_> = join_all((0..20).map(|_| TcpStream::connect(url.trim_start_matches("https://")))).await;
    let ended = silent.into_iter().map(|stream| answer(stream.unwrap()));
    assert_eq!(fixture.client(None).try_get("/version").await.unwrap().code, 200);
    let ended = timeout(Duration::from_secs(15), join_all(ended)).await.expect("a silent handshake doesn't end");
    assert!(ended.iter().all(String::is_empty));
    fixture.platform.stop().await;
}

/// A page whose name resolves to 127.0.0.1 reaches the API in the browser of whoever opens the page.
#[tokio::test]
async fn without_authentication_only_this_machine_may_be_named() {
    let platform = control_plane("rebinding", vec![]).await;
    let list = async |headers: &str| answer(open(&platform, &get("/v0/access-tokens", headers)).await).await;
    for own in ["Host: localhost:1\r\n", "Host: 127.0.0.1\r\n", "Host: [::1]:1323\r\n"] {
        assert!(list(own).await.starts_with("HTTP/1.1 200"), "{own}");
    }
    let refused = list("Host: evil.example:1323\r\n").await;
    assert!(refused.starts_with("HTTP/1.1 403") && refused.contains("only requests to localhost"), "{refused}");
    let post = "POST /v0/access-tokens HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\n\
        Content-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
    let refused = answer(open(&platform, post).await).await;
    assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    platform.stop().await;
}

#[tokio::test]
async fn what_nobody_has_authenticated_for_is_bounded_in_log_and_figures() {
    let platform = control_plane("bounded", vec![]).await;
    let host = "Host: localhost\r\n";
    for word in ["PROPFIND", "get", &"A".repeat(50_000)] {
        let request = get("/v0/events", host).replacen("GET", word, 1);
        let refused = answer(open(&platform, &request).await).await;
        assert!(refused.starts_with("HTTP/1.1 4"), "{refused}");
    }
    let figures = answer(open(&platform, &get("/metrics", host)).await).await;
    assert!(figures.contains(r#"method="other""#) && !figures.contains("PROPFIND") && !figures.contains("AAAA"));
    let long = get("/version", &format!("{host}X-Request-Id: {}\r\n", "b".repeat(10_000)));
    let answered = answer(open(&platform, &long).await).await;
    assert!(answered.contains(&"b".repeat(128)) && !answered.contains(&"b".repeat(129)), "{}", answered.len());
    platform.stop().await;
}

#[tokio::test]
async fn a_browser_is_told_what_it_may_do_with_an_answer() {
    let platform = control_plane("headers", vec![]).await;
    for path in ["/version", "/v0/events", "/v0/nonsense", "/swagger/", "/swagger/swagger-ui-bundle.js"] {
        let answered = answer(open(&platform, &get(path, "Host: localhost\r\n")).await).await.to_lowercase();
        assert!(answered.contains("x-content-type-options: nosniff\r\n"), "{path}");
        assert!(
            answered.contains("content-security-policy: ") && answered.contains("frame-ancestors 'none'"),
            "{path}"
        );
    }
    platform.stop().await;
}
