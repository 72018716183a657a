//! The ways in which clients misbehave.

use super::wire::{PATIENCE, Round, Target};
use serde_json::json;
use std::{io, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{sleep, timeout},
};

pub(super) struct Way {
    pub(super) name: &'static str,
    pub(super) round: fn(&Target) -> Round,
}

/// A way by its name and what a round does.
macro_rules! ways {
    ($($name:literal: |$target:ident| $round:expr;)*) => {
        pub(super) const WAYS: &[Way] = &[$(Way {
            name: $name,
            round: |target| {
                let $target = target.clone();
                Box::pin(async move { $round.await })
            },
        },)*];
    };
}

ways! {
    // Connections.
    "silent connections": |target| target.hold(60, b"");
    "more connections than one may have": |target| target.hold(300, b"");
    "handshakes that stop": |target| target.hold(60, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    "no TLS": |target| target.hold(10, b"GET / HTTP/1.1\r\n\r\n");
    "silent after the handshake": |target| target.hold_tls(30, b"");
    "heads that don't end": |target| target.hold_tls(30, b"GET /version HTTP/1.1\r\nHost: loc");
    "slow head": |target| target.drip("GET /version HTTP/1.1\r\nx-slow: ", b'a');
    "slow body": |target| target.drip(&target.head("POST", "gateway-definitions", 100_000), b' ');
    "waits for 100 Continue": |target| target.hold_tls(5, target.head("POST", "events", 9).replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n").as_bytes());
    "reads nothing": |target| reads_nothing(target);
    "reads slowly": |target| reads_slowly(target);
    "hangs up at once": |target| hangs_up(target);
    // Heads.
    "methods of 200 kB": |target| target.send(format!("{} /v0/events HTTP/1.1\r\nHost: localhost\r\n\r\n", "A".repeat(200_000)));
    "request ids of 60 kB": |target| target.send(target.get("/v0/events", &format!("x-request-id: {}\r\n", "b".repeat(60_000)), "x"));
    "20 000 headers": |target| target.send(target.get("/v0/events", &"x-a: b\r\n".repeat(20_000), "x"));
    "wrong tokens": |target| wrong_tokens(target);
    "other addresses": |target| target.send(target.get("/v0/events", "X-Forwarded-For: 127.0.0.1\r\nForwarded: for=127.0.0.1\r\n", "x"));
    "HTTP/2": |target| target.send([b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &[0; 4096]].concat());
    "NULs": |target| target.send(target.get("/v0/\0events\0?\0=\0", "x\0y: \0\r\n", &target.viewer));
    "odd methods": |target| odd_methods(target);
    "two lengths": |target| target.send(target.head("POST", "events", 5).replace("Connection", "Transfer-Encoding: chunked\r\nContent-Length: 7\r\nConnection"));
    "chunks without end": |target| target.send(format!("{}{}", target.head("POST", "events", 0).replace("Content-Length: 0", "Transfer-Encoding: chunked"), "1\r\n \r\n".repeat(500_000)));
    "pipelining": |target| target.send(target.get("/v0/events", "", &target.viewer).replace("close", "keep-alive").repeat(500));
    // Queries.
    "100 000 parameters": |target| target.send(target.get(&format!("/v0/events?{}", "a=b&".repeat(15_000)), "", &target.viewer));
    "many filters": |target| target.send(target.get(&format!("/v0/workload-definitions?{}", "name=a&".repeat(8000)), "", &target.viewer));
    "all at once": |target| target.send(target.get("/v0/workload-definitions?size=-1", "", &target.viewer));
    "the page again and again": |target| target.send(target.get("/swagger/swagger-ui-bundle.js", "Accept-Encoding: gzip\r\n", "x"));
    "figures again and again": |target| target.send(target.get("/metrics", "", &target.viewer));
    "a large record, many times at once": |target| large_record(target);
    // Bodies.
    "small changes of a large record": |target| small_changes(target);
    "2 MB of ports": |target| target.post("gateway-definitions", format!("{{\"Name\":\"a\",\"HttpPorts\":[{}{{}}]}}", "{},".repeat(600_000)));
    "deep JSON": |target| target.post("workload-resource-definitions", format!("{{\"JSONDefinition\":{}", "[".repeat(1_000_000)));
    "dense JSON": |target| target.post("workload-resource-definitions", format!("{{\"WorkloadDefinitionID\":1,\"JSONDefinition\":{{\"a\":[{}0]}}}}", "{\"\":0},".repeat(1_100_000)));
    "numbers without end": |target| target.post("gateway-definitions", format!("{{\"Name\":{}}}", "9".repeat(1_000_000)));
    "keys without end": |target| target.post("gateway-definitions", format!("{{{}\"Name\":1}}", "\"Name\":1,".repeat(200_000)));
    "too large": |target| target.post("workload-definitions", " ".repeat(9 << 20));
    // Manifests.
    "100 000 brackets": |target| target.manifests("[".repeat(100_000));
    "aliases of lists": |target| target.manifests(format!("a: &a [{}1]\nb: [{}1]", "1,".repeat(25_000), "*a,".repeat(16_000)));
    "aliases of texts": |target| target.manifests(format!("a: &a \"{}\"\nb: [{}1]", "x".repeat(100_000), "*a,".repeat(20_000)));
    "merges": |target| target.manifests(format!("a: &a {{{}}}\nb: [{}1]", (0..2000).map(|n| format!("k{n}: 1,")).collect::<String>(), "{<<: *a},".repeat(6000)));
    "small maps": |target| target.manifests(format!("apiVersion: v1\nkind: A\nmetadata: {{name: a}}\na: [{}1]", "{a},".repeat(160_000)));
    "as many values as may be": |target| target.manifests(format!("apiVersion: v1\nkind: A\nmetadata: {{name: a}}\na: [{}1]", "1,".repeat(480_000)));
    "as many documents as may be": |target| target.manifests("---\n{apiVersion: v1, kind: A, metadata: {name: a}}\n".repeat(9000));
}

/// Asks for all records and doesn't read the answer.
async fn reads_nothing(target: Target) -> io::Result<()> {
    let request = target.get("/v0/workload-definitions?size=-1", "", &target.viewer);
    target.hold_tls(40, request.as_bytes()).await
}

async fn reads_slowly(target: Target) -> io::Result<()> {
    let mut stream = target.tls().await?;
    stream.write_all(target.get("/v0/workload-definitions?size=-1", "", &target.viewer).as_bytes()).await?;
    let read = async {
        loop {
            stream.read_u8().await?;
            sleep(Duration::from_millis(200)).await;
        }
    };
    timeout(PATIENCE, read).await?
}

async fn large_record(target: Target) -> io::Result<()> {
    let request = target.get(&format!("/v0/workload-definitions/{}", target.large), "", &target.viewer);
    target.send_many(20, &request).await
}

async fn small_changes(target: Target) -> io::Result<()> {
    let body = json!({"Reconciled": false}).to_string();
    let head = target.head("PATCH", &format!("workload-definitions/{}", target.large), body.len());
    target.send_many(20, &format!("{head}{body}")).await
}

/// Requests whose answers nobody waits for.
async fn hangs_up(target: Target) -> io::Result<()> {
    for _ in 0..20 {
        let mut stream = target.tls().await?;
        let body = json!({"Name": causeway_testkit::unique_name("gone")}).to_string();
        stream
            .write_all(format!("{}{body}", target.head("POST", "gateway-definitions", body.len())).as_bytes())
            .await?;
        stream.get_ref().0.set_zero_linger()?;
    }
    Ok(())
}

/// Tokens that look right.
async fn wrong_tokens(target: Target) -> io::Result<()> {
    for _ in 0..20 {
        let (prefix, rest) = target.viewer.split_at("causeway_".len());
        let turned: String = rest.chars().rev().collect();
        target.send(target.get("/v0/events", "", &format!("{prefix}{turned}"))).await?;
    }
    Ok(())
}

async fn odd_methods(target: Target) -> io::Result<()> {
    for start in
        ["TRACE /", "CONNECT a:1", "OPTIONS *", "GET http://evil.example/", "PROPFIND /v0/events", "get /", "GET"]
    {
        target.send(format!("{start} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).await?;
    }
    Ok(())
}
