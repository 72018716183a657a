//! Spans reach a collector. A process has one subscriber only, so this file has one test.

use axum::{Router, body::Bytes, http::HeaderMap, routing::post};
use causeway_telemetry::{Traces, init, link, traceparent};
use std::time::Duration;
use tokio::{net::TcpListener, sync::mpsc, time::timeout};

/// Protobuf holds names as they are.
fn holds(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|part| part == text.as_bytes())
}

/// The trace in a `traceparent`, as Protobuf holds it.
fn trace_of(traceparent: &str) -> Vec<u8> {
    let hex = traceparent.split('-').nth(1).expect("four parts");
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal digits")).collect()
}

#[tokio::test]
async fn spans_are_sent_to_the_collector_at_the_latest_at_the_end() {
    let (seen, mut sent) = mpsc::unbounded_channel();
    let take = move |headers: HeaderMap, body: Bytes| {
        let seen = seen.clone();
        async move { seen.send((headers, body)).unwrap() }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/v1/traces", post(take))).await });

    let telemetry = init("causeway-test", "info", &Traces { otlp_endpoint: Some(endpoint) }).unwrap();
    let request = tracing::info_span!("request").in_scope(|| traceparent().unwrap());
    let reconcile = tracing::info_span!("reconcile", kind = "GatewayInstance");
    link(&reconcile, &request);
    link(&reconcile, "no traceparent");
    reconcile.in_scope(|| tracing::info!("applied"));
    drop(reconcile);
    tokio::task::spawn_blocking(move || drop(telemetry)).await.unwrap();

    let (headers, body) = timeout(Duration::from_secs(30), sent.recv()).await.unwrap().unwrap();
    assert_eq!(headers["content-type"], "application/x-protobuf");
    for text in ["causeway-test", "reconcile", "GatewayInstance", "applied"] {
        assert!(holds(&body, text), "{text} is missing");
    }
    let trace = trace_of(&request);
    assert_eq!(trace.len(), 16);
    let told = body.windows(trace.len()).filter(|part| *part == trace).count();
    assert_eq!(told, 2, "the trace of the request is that of its span, and the one to which the reconcile is linked");
    let wrong = Traces { otlp_endpoint: Some("not an address".into()) };
    assert!(init("causeway-test", "info", &wrong).unwrap_err().to_string().contains("--otlp-endpoint"));
}
