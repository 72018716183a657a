//! The ways in which clusters misbehave. Each is one that its owner could choose, or that a broken proxy does.

use super::server::{Applied, Request, Stream, identity, list, send};
use serde_json::{Value, json};
use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use tokio::{io::AsyncWriteExt, time::sleep};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    AnnouncesMuch,
    AnnouncesOtherLength,
    BadUtf8,
    BusyObject,
    ChunkWithoutEnd,
    ClosesInTheMiddle,
    ConflictForEver,
    Continues,
    DeepJson,
    DenseList,
    DenseObject,
    EndlessAnswer,
    EndlessList,
    EndlessWatchLine,
    FloodOfObjects,
    GzipBomb,
    Hangs,
    Html,
    HugeIdentifiers,
    HugeMessages,
    ManyHeaders,
    ManyKinds,
    MarkFromTheFuture,
    MillionObjects,
    NoHttp,
    NoTls,
    OtherObject,
    OtherUidEachTime,
    Redirects,
    RetryInAMillionYears,
    ServerErrors,
    TrickledList,
    Trickles,
    WatchErrors,
    WrongTypes,
}

impl Way {
    pub(crate) const ALL: [Self; 35] = [
        Self::AnnouncesMuch,
        Self::AnnouncesOtherLength,
        Self::BadUtf8,
        Self::BusyObject,
        Self::ChunkWithoutEnd,
        Self::ClosesInTheMiddle,
        Self::ConflictForEver,
        Self::Continues,
        Self::DeepJson,
        Self::DenseList,
        Self::DenseObject,
        Self::EndlessAnswer,
        Self::EndlessList,
        Self::EndlessWatchLine,
        Self::FloodOfObjects,
        Self::GzipBomb,
        Self::Hangs,
        Self::Html,
        Self::HugeIdentifiers,
        Self::HugeMessages,
        Self::ManyHeaders,
        Self::ManyKinds,
        Self::MarkFromTheFuture,
        Self::MillionObjects,
        Self::NoHttp,
        Self::NoTls,
        Self::OtherObject,
        Self::OtherUidEachTime,
        Self::Redirects,
        Self::RetryInAMillionYears,
        Self::ServerErrors,
        Self::TrickledList,
        Self::Trickles,
        Self::WatchErrors,
        Self::WrongTypes,
    ];
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
/// The body ends with the connection.
const UNTIL_CLOSED: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n";
const MB: usize = 1 << 20;

/// Answers if the way has something to say to this request; false if it hasn't.
pub(super) async fn misbehave(way: Way, request: &Request, applied: &Applied, out: &mut Stream) -> io::Result<bool> {
    match way {
        // To everything.
        Way::NoTls => {}
        Way::EndlessAnswer => return endless(out, UNTIL_CLOSED, b" ").await,
        Way::AnnouncesMuch => {
            write(out, format!("{OK}Content-Length: 10000000000\r\n\r\n{{").as_bytes()).await?;
            std::future::pending::<()>().await;
        }
        Way::AnnouncesOtherLength => {
            return all(out, format!("{OK}Content-Length: 3\r\nContent-Length: 7\r\n\r\n{{}}     ").as_bytes()).await;
        }
        Way::BadUtf8 => return body(out, "", b"{\"kind\": \"\xff\xfe\xc0\", \"\xed\xa0\x80\": 1}").await,
        Way::ChunkWithoutEnd => {
            let head = format!("{OK}Transfer-Encoding: chunked\r\n\r\nfffffffffffffff0\r\n");
            return endless(out, &head, b" ").await;
        }
        Way::Continues => return endless(out, "", b"HTTP/1.1 100 Continue\r\n\r\n").await,
        Way::DeepJson => return body(out, "", "{\"a\":[".repeat(100_000).as_bytes()).await,
        Way::GzipBomb => {
            // The head of a gzip stream and blocks that repeat one byte: nobody asked for it.
            return endless(out, &format!("{OK}Content-Encoding: gzip\r\nConnection: close\r\n\r\n\x1f"), &[0; 1024])
                .await;
        }
        Way::Hangs => std::future::pending::<()>().await,
        Way::Html => return body(out, "", b"<html><body>502 Bad Gateway</body></html>").await,
        Way::ManyHeaders => {
            let headers: String = (0..20_000).map(|n| format!("x-header-{n}: {n}\r\n")).collect();
            return body(out, &headers, b"{}").await;
        }
        Way::NoHttp => return all(out, b"HTTP/9.9 -1 \xff\r\n\r\n").await,
        Way::Redirects => {
            let head = "HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:1/other\r\nContent-Length: 0\r\n\r\n";
            return all(out, head.as_bytes()).await;
        }
        Way::RetryInAMillionYears => {
            let head = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 99999999999999\r\nContent-Length: 2\r\n\r\n{}";
            return all(out, head.as_bytes()).await;
        }
        Way::ServerErrors => {
            return send(out, "503 Service Unavailable", &json!({"kind": "Status", "message": "no"}))
                .await
                .map(|()| true);
        }
        Way::Trickles => {
            write(out, format!("{OK}Content-Length: 100000\r\n\r\n{{").as_bytes()).await?;
            loop {
                sleep(Duration::from_secs(1)).await;
                write(out, b" ").await?;
            }
        }
        Way::WrongTypes => {
            return body(out, "", br#"{"kind": 7, "metadata": [], "items": {"a": 1}, "gitVersion": null}"#).await;
        }
        // To one question.
        Way::HugeMessages if !request.is_discovery() => {
            let status = json!({"kind": "Status", "code": 403, "reason": "Forbidden", "message": "no ".repeat(MB)});
            return send(out, "403 Forbidden", &status).await.map(|()| true);
        }
        Way::ClosesInTheMiddle if !request.is_discovery() => {
            write(out, format!("{OK}Content-Length: 1000\r\n\r\n{{\"kind\"").as_bytes()).await?;
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Way::ManyKinds if request.is_discovery() => return many_kinds(out).await.map(|()| true),
        Way::MarkFromTheFuture if request.is_mark() => {
            let mark = json!({
                "kind": "ConfigMap", "apiVersion": "v1",
                "metadata": {"name": request.name(), "namespace": "kube-system", "uid": "mark", "resourceVersion": "1"},
                "data": {"runtime": "1", "epoch": "9000000000000000000", "lastId": "9223372036854775807"},
            });
            return send(out, "200 OK", &mark).await.map(|()| true);
        }
        Way::OtherUidEachTime if request.is_identity() => {
            return send(out, "200 OK", &identity(&format!("uid-{}", next()))).await.map(|()| true);
        }
        Way::OtherObject if request.method != "GET" => {
            let other = json!({"kind": "Node", "apiVersion": "v1", "metadata": {"name": "other", "uid": "u", "resourceVersion": "1"}});
            return send(out, "200 OK", &other).await.map(|()| true);
        }
        Way::ConflictForEver if request.method != "GET" => {
            let status =
                json!({"kind": "Status", "status": "Failure", "code": 409, "reason": "Conflict", "message": "again"});
            return send(out, "409 Conflict", &status).await.map(|()| true);
        }
        Way::HugeIdentifiers if request.is_identity() => {
            return send(out, "200 OK", &identity(&"u".repeat(3 * MB))).await.map(|()| true);
        }
        Way::DenseObject if request.is_identity() => {
            let open =
                br#"{"kind":"Namespace","metadata":{"name":"kube-system","uid":"dense","resourceVersion":"1"},"a":["#;
            return dense(out, open, 3_900_000, b"]}").await.map(|()| true);
        }
        Way::DenseList if request.kind_of_list().is_some() => {
            let open = br#"{"kind":"ConfigMapList","metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":"a"},"data":["#;
            return dense(out, open, 47 * MB, b"]}]}").await.map(|()| true);
        }
        Way::EndlessList if request.kind_of_list().is_some() => {
            let head = format!("{UNTIL_CLOSED}{{\"kind\": \"ConfigMapList\", \"items\": [{{}}");
            return endless(out, &head, b",{\"metadata\":{\"name\":\"a\"}}").await;
        }
        Way::MillionObjects => {
            if let Some(kind) = request.kind_of_list() {
                return page(request, kind, out).await.map(|()| true);
            }
        }
        Way::TrickledList => {
            if let Some(kind) = request.kind_of_list() {
                // Each page in time, and no end.
                sleep(Duration::from_secs(5)).await;
                return page(request, kind, out).await.map(|()| true);
            }
        }
        // To a watch.
        Way::EndlessWatchLine if request.is_watch() => return endless(out, UNTIL_CLOSED, b"x").await,
        Way::WatchErrors if request.is_watch() => {
            let gone = json!({"type": "ERROR", "object": {"kind": "Status", "status": "Failure", "code": 410, "reason": "Expired", "message": "gone"}});
            return body(out, "", format!("{gone}\n").as_bytes()).await;
        }
        Way::FloodOfObjects if request.is_watch() => {
            write(out, UNTIL_CLOSED.as_bytes()).await?;
            loop {
                let event = json!({"type": "ADDED", "object": object(request, "ConfigMap", next(), 200)});
                write(out, format!("{event}\n").as_bytes()).await?;
            }
        }
        Way::BusyObject if request.is_watch() => return busy(request, applied, out).await.map(|()| true),
        _ => {}
    }
    Ok(false)
}

fn next() -> usize {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

async fn write(out: &mut Stream, bytes: &[u8]) -> io::Result<()> {
    out.write_all(bytes).await?;
    out.flush().await
}

async fn all(out: &mut Stream, bytes: &[u8]) -> io::Result<bool> {
    write(out, bytes).await.map(|()| true)
}

/// An answer with headers of its own.
async fn body(out: &mut Stream, headers: &str, bytes: &[u8]) -> io::Result<bool> {
    write(out, format!("{OK}{headers}Content-Length: {}\r\n\r\n", bytes.len()).as_bytes()).await?;
    all(out, bytes).await
}

/// The same again and again, until the worker hangs up.
async fn endless(out: &mut Stream, head: &str, part: &[u8]) -> io::Result<bool> {
    write(out, head.as_bytes()).await?;
    let part = part.repeat((64 * 1024 / part.len()).max(1));
    loop {
        write(out, &part).await?;
    }
}

/// What takes the most memory for its length.
async fn dense(out: &mut Stream, open: &[u8], length: usize, close: &[u8]) -> io::Result<()> {
    let map = b"{\"\":0},";
    let body = [open, &map.repeat(length / map.len()), b"0", close].concat();
    write(out, format!("{OK}Content-Length: {}\r\n\r\n", body.len()).as_bytes()).await?;
    write(out, &body).await
}

async fn many_kinds(out: &mut Stream) -> io::Result<()> {
    let resource = |n| json!({"resource": format!("r{n}"), "responseKind": {"kind": format!("K{n}")}, "verbs": ["list", "delete"]});
    let resources: Vec<_> = (0..200_000).map(resource).collect();
    let groups = json!([{"metadata": {"name": ""}, "versions": [{"version": "v1", "resources": resources}]}]);
    send(out, "200 OK", &json!({"kind": "APIGroupDiscoveryList", "items": groups})).await
}

/// A page of a list that has no end.
async fn page(request: &Request, kind: &str, out: &mut Stream) -> io::Result<()> {
    let mut page = list(kind, (0..50).map(|_| object(request, kind, next(), 1)).collect());
    page["metadata"]["continue"] = json!(format!("page-{}", next()));
    send(out, "200 OK", &page).await
}

/// An object with the label that is asked for, and so many kilobytes of status.
fn object(request: &Request, kind: &str, number: usize, kilobytes: usize) -> Value {
    json!({
        "kind": kind, "apiVersion": "v1",
        "metadata": {
            "name": format!("n{number}"), "namespace": "shop", "uid": format!("u{number}"), "resourceVersion": number.to_string(),
            "labels": {"causeway.dev/control-plane": request.control_plane(), "causeway.dev/owner": format!("workload-instance-{number}")},
        },
        "status": {"texts": vec!["x".repeat(1000); kilobytes]},
    })
}

/// What was applied changes its status as fast as the worker reads.
async fn busy(request: &Request, applied: &Applied, out: &mut Stream) -> io::Result<()> {
    write(out, UNTIL_CLOSED.as_bytes()).await?;
    loop {
        let objects = applied.lock().unwrap().clone();
        let of_this_kind = objects.into_iter().filter(|object| {
            object["kind"].as_str().is_some_and(|kind| format!("{}s", kind.to_lowercase()) == request.name())
        });
        let mut events = String::new();
        for mut object in of_this_kind {
            object["metadata"]["resourceVersion"] = json!(next().to_string());
            object["status"] = json!({"number": next()});
            events += &format!("{}\n", json!({"type": "MODIFIED", "object": object}));
        }
        if events.is_empty() {
            sleep(Duration::from_millis(100)).await;
        }
        write(out, events.as_bytes()).await?;
    }
}
