//! Connections to the API over which anything can be written.

use crate::{connections::Connection, fixture::Fixture};
use futures::future::join_all;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use std::{
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddrV4},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// A round that waits for the server's patience ends then, so that each makes some.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// The first clients take all connections that one address may have, so that the others need other addresses.
const HOGS: usize = 4;
/// Hostile clients are at 127.0.0.2 and above.
const FIRST_ADDRESS: u8 = 2;

pub(super) type Round = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// The API as a hostile client sees it.
#[derive(Clone)]
pub(super) struct Target {
    address: SocketAddrV4,
    /// Where the client is.
    from: Ipv4Addr,
    /// How many connections it has made.
    connections: Arc<AtomicUsize>,
    tls: TlsConnector,
    pub(super) editor: String,
    pub(super) viewer: String,
    /// The id of a large workload definition.
    pub(super) large: i64,
}

impl Target {
    pub(super) fn new(fixture: &Fixture, large: i64) -> Self {
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_file_iter(fixture.pki("ca.crt")).unwrap() {
            roots.add(root.unwrap()).unwrap();
        }
        let provider = rustls::crypto::ring::default_provider().into();
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        Self {
            address: fixture.platform.https_url().trim_start_matches("https://").parse().unwrap(),
            from: Ipv4Addr::LOCALHOST,
            connections: Arc::default(),
            tls: Arc::new(config).into(),
            editor: fixture.editor.clone(),
            viewer: fixture.viewer.clone(),
            large,
        }
    }

    /// The same as the client with this number sees it.
    pub(super) fn from(&self, number: usize) -> Self {
        let last = if number < HOGS { FIRST_ADDRESS } else { FIRST_ADDRESS + 1 + (number % 2) as u8 };
        Self { from: Ipv4Addr::new(127, 0, 0, last), connections: Arc::default(), ..self.clone() }
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Whether this is the API's end of a connection of a hostile client.
    pub(super) fn is_hostile(&self, connection: &Connection) -> bool {
        connection.local == self.address && connection.remote.ip().octets()[3] >= FIRST_ADDRESS
    }

    pub(super) async fn tcp(&self) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((self.from, 0).into())?;
        let stream = timeout(PATIENCE, socket.connect(self.address.into())).await??;
        self.connections.fetch_add(1, Ordering::Relaxed);
        Ok(stream)
    }

    pub(super) async fn tls(&self) -> io::Result<TlsStream<TcpStream>> {
        let tcp = self.tcp().await?;
        let name = ServerName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST));
        timeout(PATIENCE, self.tls.connect(name, tcp)).await?
    }

    /// Writes this and reads the answer to its end.
    pub(super) async fn send(&self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let mut stream = self.tls().await?;
        // A server that has heard enough may close early.
        let written = timeout(PATIENCE, stream.write_all(bytes.as_ref())).await?;
        let mut answer = vec![];
        let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        written
    }

    /// Sends a JSON body as the editor.
    pub(super) async fn post(&self, plural: &str, body: impl AsRef<str>) -> io::Result<()> {
        let body = body.as_ref();
        self.send(format!("{}{body}", self.head("POST", plural, body.len()))).await
    }

    /// The head of a request of the editor with a JSON body.
    pub(super) fn head(&self, method: &str, plural: &str, length: usize) -> String {
        format!(
            "{method} /v0/{plural} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n",
            self.editor
        )
    }

    /// A request without a body.
    pub(super) fn get(&self, path: &str, headers: &str, token: &str) -> String {
        format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{headers}Connection: close\r\n\r\n"
        )
    }

    /// Sends manifests as the editor.
    pub(super) async fn manifests(&self, yaml: String) -> io::Result<()> {
        let body = serde_json::json!({"Name": causeway_testkit::unique_name("hostile"), "YAMLDocument": yaml});
        self.post("workload-definitions", body.to_string()).await
    }

    /// Sends the same so often at the same time.
    pub(super) async fn send_many(&self, count: usize, bytes: &str) -> io::Result<()> {
        join_all((0..count).map(|_| self.send(bytes))).await.into_iter().collect()
    }

    /// Opens so many connections, writes this into each, and holds them.
    pub(super) async fn hold(&self, count: usize, bytes: &[u8]) -> io::Result<()> {
        hold_open(bytes, (0..count).map(|_| self.tcp()).collect()).await
    }

    /// The same over TLS.
    pub(super) async fn hold_tls(&self, count: usize, bytes: &[u8]) -> io::Result<()> {
        hold_open(bytes, (0..count).map(|_| self.tls()).collect()).await
    }

    /// Writes one byte after the other, slowly.
    pub(super) async fn drip(&self, head: &str, byte: u8) -> io::Result<()> {
        let mut stream = self.tls().await?;
        stream.write_all(head.as_bytes()).await?;
        let drip = async {
            loop {
                stream.write_all(&[byte]).await?;
                stream.flush().await?;
                sleep(Duration::from_millis(500)).await;
            }
        };
        timeout(PATIENCE, drip).await?
    }
}

async fn hold_open<S: AsyncWrite + Unpin>(
    bytes: &[u8],
    opening: Vec<impl Future<Output = io::Result<S>>>,
) -> io::Result<()> {
    let mut begun = vec![];
    for opening in opening {
        begun.push(async {
            let mut stream = opening.await?;
            stream.write_all(bytes).await?;
            Ok::<_, io::Error>(stream)
        });
    }
    let held = join_all(begun).await;
    sleep(PATIENCE).await;
    drop(held);
    Ok(())
}
