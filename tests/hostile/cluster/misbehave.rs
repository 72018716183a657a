//! What each way answers.

use super::{
    bodies::{MB, OK, UNTIL_CLOSED, all, body, busy, dense, endless, many_kinds, next, object, page, write},
    server::{Request, Server, Stream, identity, send},
    ways::Way,
};
use serde_json::json;
use std::{io, time::Duration};
use tokio::time::sleep;

/// Answers if the way has something to say to this request; false if it hasn't.
pub(super) async fn misbehave(server: &Server, request: &Request, out: &mut Stream) -> io::Result<bool> {
    match server.way {
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
        // Megabytes that nobody can read, and that no log needs.
        Way::Html => {
            let page = format!("<html><body>502 Bad Gateway{}</body></html>", "<br>".repeat(MB / 2));
            return body(out, "", page.as_bytes()).await;
        }
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
        Way::ManyKinds if request.is_discovery() => return many_kinds(out).await,
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
        Way::BusyObject if request.is_watch() => return busy(request, server, out).await.map(|()| true),
        _ => {}
    }
    Ok(false)
}
