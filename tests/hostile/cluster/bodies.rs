//! Answers that take long, or much.

use super::server::{Request, Server, Stream, list, send};
use serde_json::{Value, json};
use std::{
    io,
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{io::AsyncWriteExt, time::sleep};

pub(super) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
/// The body ends with the connection.
pub(super) const UNTIL_CLOSED: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n";
pub(super) const MB: usize = 1 << 20;

pub(super) fn next() -> usize {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

pub(super) async fn write(out: &mut Stream, bytes: &[u8]) -> io::Result<()> {
    out.write_all(bytes).await?;
    out.flush().await
}

pub(super) async fn all(out: &mut Stream, bytes: &[u8]) -> io::Result<bool> {
    write(out, bytes).await.map(|()| true)
}

/// An answer with headers of its own.
pub(super) async fn body(out: &mut Stream, headers: &str, bytes: &[u8]) -> io::Result<bool> {
    write(out, format!("{OK}{headers}Content-Length: {}\r\n\r\n", bytes.len()).as_bytes()).await?;
    all(out, bytes).await
}

/// The same again and again, until the worker hangs up.
pub(super) async fn endless(out: &mut Stream, head: &str, part: &[u8]) -> io::Result<bool> {
    write(out, head.as_bytes()).await?;
    let part = part.repeat((64 * 1024 / part.len()).max(1));
    loop {
        write(out, &part).await?;
    }
}

/// What takes the most memory for its length.
pub(super) async fn dense(out: &mut Stream, open: &[u8], length: usize, close: &[u8]) -> io::Result<()> {
    let map = b"{\"\":0},";
    let body = [open, &map.repeat(length / map.len()), b"0", close].concat();
    write(out, format!("{OK}Content-Length: {}\r\n\r\n", body.len()).as_bytes()).await?;
    write(out, &body).await
}

pub(super) async fn many_kinds(out: &mut Stream) -> io::Result<bool> {
    // Made once: it takes seconds, and each worker that waits for it may wait ten.
    static ANSWER: LazyLock<String> = LazyLock::new(|| {
        let resource = |n| json!({"resource": format!("r{n}"), "responseKind": {"kind": format!("K{n}")}, "verbs": ["list", "delete"]});
        let resources: Vec<_> = (0..200_000).map(resource).collect();
        let groups = json!([{"metadata": {"name": ""}, "versions": [{"version": "v1", "resources": resources}]}]);
        json!({"kind": "APIGroupDiscoveryList", "items": groups}).to_string()
    });
    body(out, "", ANSWER.as_bytes()).await
}

/// A page of a list that has no end.
pub(super) async fn page(request: &Request, kind: &str, out: &mut Stream) -> io::Result<()> {
    let mut page = list(kind, (0..50).map(|_| object(request, kind, next(), 1)).collect());
    page["metadata"]["continue"] = json!(format!("page-{}", next()));
    send(out, "200 OK", &page).await
}

/// An object with the label that is asked for, and so many kilobytes of status.
pub(super) fn object(request: &Request, kind: &str, number: usize, kilobytes: usize) -> Value {
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
pub(super) async fn busy(request: &Request, server: &Server, out: &mut Stream) -> io::Result<()> {
    write(out, UNTIL_CLOSED.as_bytes()).await?;
    loop {
        let objects = server.applied.lock().unwrap().clone();
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
