//! Requests that no library sends: written byte by byte.

use crate::{
    TlsFixture, control_plane,
    wire::{answer, encrypted, get, open},
};
use futures::future::join_all;
use std::time::Duration;
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

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

/// How a client of HTTP/2 begins that doesn't ask whether it is spoken, with its settings.
const PREFACE: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

#[tokio::test]
async fn http_2_is_not_spoken() {
    let platform = control_plane("preface", vec![]).await;
    let said = answer(open(&platform, PREFACE).await).await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{said:?}");
    platform.stop().await;
}

/// Neither if both sides have agreed on something, nor in spite of what they have agreed on.
#[tokio::test]
async fn http_2_is_not_spoken_over_tls_either() {
    let secure = TlsFixture::api("tls_preface", "mtls,tokens", &[]).await;
    let both: &[&str] = &["h2", "http/1.1"];
    for (offered, agreed) in [(&[] as &[&str], None), (&both[1..], Some("http/1.1")), (both, Some("http/1.1"))] {
        let mut stream = encrypted(&secure, None, offered).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), agreed.map(str::as_bytes), "{offered:?}");
        stream.write_all(PREFACE.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        let said = answer(stream).await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{offered:?}: {said:?}");
    }
    assert!(encrypted(&secure, None, &["h2"]).await.is_err(), "who speaks nothing else gets no connection");
    secure.platform.stop().await;
}

/// The first message of a client whose newest version of TLS is this one, with what clients of that time had.
fn client_hello(version: [u8; 2]) -> Vec<u8> {
    let suites = [0xc0_u8, 0x2b, 0xc0, 0x09, 0xc0, 0x13, 0x00, 0x2f];
    // ECDSA with P-256 and SHA-256.
    let signatures = [0x00_u8, 0x0d, 0, 4, 0, 2, 0x04, 0x03];
    let body = [&version[..], &[7; 32], &[0, 0, 8], &suites, &[1, 0, 0, 8], &signatures].concat();
    let length = u8::try_from(body.len()).unwrap();
    [&[22, 3, 1, 0, length + 4, 1, 0, 0, length][..], &body].concat()
}

#[tokio::test]
async fn old_versions_of_tls_are_not_spoken() {
    let secure = TlsFixture::api("versions", "mtls,tokens", &[]).await;
    let said = async |version| answer(open(&secure.platform, client_hello(version)).await).await;
    // A fatal alert: this version isn't spoken.
    let is_refused = |said: &str| said.starts_with('\x15') && said.ends_with("\x02\x46");
    for old in [[3, 1], [3, 2]] {
        let said = said(old).await;
        assert!(is_refused(&said), "{old:?}: {said:?}");
    }
    let newer = said([3, 3]).await;
    assert!(!newer.is_empty() && !is_refused(&newer), "TLS 1.2 is spoken: {newer:?}");
    secure.platform.stop().await;
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
