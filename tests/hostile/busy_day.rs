//! As many requests as a busy day has, and nobody who reads figures: how long each took must not stay in memory until somebody does.

use crate::programs::megabytes;
use causeway_rig::Endpoints;
use causeway_testkit::{ControlPlane, Setup, eventually};
use futures::future::join_all;
use tokio::{
    io::{AsyncWriteExt, copy, sink},
    net::TcpStream,
    time::Instant,
};

/// The time of each takes 16 bytes until it is put into a histogram: 24 MB.
const REQUESTS: usize = 1_500_000;
/// Before that, so that connections and labels have what they need.
const WARM_UP: usize = 50_000;
const CONNECTIONS: usize = 4;
/// Requests that are written at once.
const BATCH: usize = 500;
const MOST_MEGABYTES: u64 = 8;
/// Counted like every other, and answered without a query: 401.
const REQUEST: &str = "GET /v0/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
const LAST: &str = "GET /v0/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// On an API of its own, which writes no line about each request.
pub(crate) async fn play() {
    let api_arguments = ["--auth", "tokens"].map(str::to_owned).to_vec();
    let environment = vec![("RUST_LOG".to_owned(), "error".to_owned())];
    let setup = Setup { workers: 0, api_arguments, environment, ..Setup::for_test("busy_day") };
    let platform = ControlPlane::start(&Endpoints::from_env().unwrap(), setup).await.unwrap();
    let (url, memory) = (platform.url(), || megabytes(platform.api(), "VmRSS:"));
    let address = url.trim_start_matches("http://");
    send(address, WARM_UP).await;
    let (before, begun) = (memory(), Instant::now());
    send(address, REQUESTS).await;
    println!("{REQUESTS} requests in {:.0?}: {before} MB before, {} MB after", begun.elapsed(), memory());
    // Times are put into histograms every few seconds.
    eventually("the times of requests are kept nowhere", async || {
        let took = memory().saturating_sub(before);
        if took <= MOST_MEGABYTES { Ok(()) } else { Err(format!("{took} MB more than before")) }
    })
    .await;
    platform.stop().await;
}

/// So many requests over a few connections.
async fn send(address: &str, requests: usize) {
    let batches = requests / CONNECTIONS / BATCH;
    join_all((0..CONNECTIONS).map(|_| converse(address, batches))).await;
}

async fn converse(address: &str, batches: usize) {
    let batch = REQUEST.repeat(BATCH);
    let mut stream = TcpStream::connect(address).await.unwrap();
    let ((mut answers, mut requests), mut nowhere) = (stream.split(), sink());
    let write = async {
        for _ in 0..batches {
            requests.write_all(batch.as_bytes()).await.unwrap();
        }
        requests.write_all(LAST.as_bytes()).await.unwrap();
    };
    let (read, ()) = tokio::join!(copy(&mut answers, &mut nowhere), write);
    let least = batches * BATCH * "HTTP/1.1 401".len();
    assert!(read.unwrap() > u64::try_from(least).unwrap(), "not every request has an answer");
}
