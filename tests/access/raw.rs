//! Requests that no library sends: written byte by byte.

use crate::control_plane;
use causeway_rig::platform::ControlPlane;
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
    stream.write_all(bytes.as_bytes()).await.unwrap();
    stream
}

/// All that the server sends until it ends the connection.
async fn answer(mut stream: TcpStream) -> String {
    let mut bytes = vec![];
    timeout(Duration::from_secs(30), stream.read_to_end(&mut bytes)).await.expect("the connection stays open").unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n")
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
