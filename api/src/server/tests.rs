use super::*;
use axum::routing::get;
use std::num::NonZeroUsize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinHandle,
};

const SOON: Duration = Duration::from_secs(30);

struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    done: JoinHandle<()>,
}

/// `/` answers a word, `/large` more than any buffer holds.
async fn start(all: usize, per_address: usize, idle: Duration) -> Server {
    let router = Router::new()
        .route("/", get(|ConnectInfo(peer): ConnectInfo<Peer>| async move { peer.address.to_string() }))
        .route("/large", get(|| async { "x".repeat(64 << 20) }));
    let settings = ConnectionSettings {
        max_connections: NonZeroUsize::new(all).unwrap(),
        max_connections_per_address: NonZeroUsize::new(per_address).unwrap(),
        idle_timeout: idle,
    };
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let done = tokio::spawn(serve(listener, router, settings, None, stop.clone()));
    Server { address, stop, done }
}

impl Server {
    async fn send(&self, bytes: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        stream
    }

    async fn end(self) {
        self.stop.cancel();
        timeout(SOON, self.done).await.expect("a connection keeps the server from its end").unwrap();
    }
}

/// What comes until the server ends the connection.
async fn rest(mut stream: TcpStream) -> String {
    let mut bytes = vec![];
    // A reset is an end, too.
    let _ = timeout(SOON, stream.read_to_end(&mut bytes)).await.expect("the server doesn't end the connection");
    String::from_utf8_lossy(&bytes).into_owned()
}

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[tokio::test]
async fn silent_connections_are_ended() {
    let server = start(100, 100, Duration::from_millis(200)).await;
    for unfinished in ["", "GET / HTTP/1.1\r\nHost: loc"] {
        assert_eq!(rest(server.send(unfinished).await).await, "", "{unfinished}");
    }
    let answered = rest(server.send(REQUEST).await).await;
    assert!(answered.starts_with("HTTP/1.1 200") && answered.contains("127.0.0.1:"), "an idle one, too: {answered}");
    server.end().await;
}

#[tokio::test]
async fn a_client_that_takes_no_answer_is_left() {
    let server = start(1, 1, Duration::from_millis(200)).await;
    let deaf = server.send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    // There is one place only.
    let next = server.send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert!(rest(next).await.starts_with("HTTP/1.1 200"));
    // What was held for it: in the buffers of both sides.
    let held = rest(deaf).await.len();
    assert!((1..1 << 20).contains(&held), "{held} bytes");
    server.end().await;
}

#[tokio::test]
async fn an_address_has_so_many_connections() {
    let server = start(100, 2, SOON).await;
    let mut held = vec![server.send(REQUEST).await, server.send(REQUEST).await];
    for stream in &mut held {
        let mut first = [0; 12];
        timeout(SOON, stream.read_exact(&mut first)).await.unwrap().unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
    }
    assert_eq!(rest(server.send("").await).await, "");
    drop(held.pop());
    let answered = async {
        let answer = rest(server.send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await).await;
        answer.starts_with("HTTP/1.1 200")
    };
    let again = async {
        // The server sees the end of the other one in its time.
        while !answered_now(&server).await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, again).await.expect("the place isn't free again");
    assert!(answered.await);
    server.end().await;
}

/// Whichever addresses they have. Clients beyond that wait until another one goes.
#[tokio::test]
async fn all_together_have_so_many_connections() {
    let server = start(1, 100, SOON).await;
    let mut held = server.send(REQUEST).await;
    let mut first = [0; 12];
    timeout(SOON, held.read_exact(&mut first)).await.unwrap().unwrap();
    let mut next = server.send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    // Where it need not wait, an answer takes a millisecond.
    let early = timeout(Duration::from_millis(200), next.read_exact(&mut first)).await;
    assert!(early.is_err(), "it is answered beside the other one");
    drop(held);
    timeout(SOON, next.read_exact(&mut first)).await.unwrap().unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    server.end().await;
}

async fn answered_now(server: &Server) -> bool {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let sent = stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    sent.is_ok() && rest(stream).await.starts_with("HTTP/1.1 200")
}

#[tokio::test]
async fn only_http_1_is_spoken_and_heads_are_small() {
    let server = start(100, 100, SOON).await;
    let preface = rest(server.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await).await;
    assert!(!preface.contains("200") && !preface.contains('\x04'), "{preface:?}");
    let word = "x".repeat(2 * MAX_BUFFER);
    let mut large = TcpStream::connect(server.address).await.unwrap();
    // The server may end the connection before it has all of it.
    let _ = large.write_all(format!("GET /{word} HTTP/1.1\r\n").as_bytes()).await;
    assert!(!rest(large).await.contains("200"));
    server.end().await;
}
