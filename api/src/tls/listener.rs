//! Connections with TLS. Handshakes run side by side, so that a slow one keeps nobody waiting.

use crate::auth::certificate::Subject;
use axum::{extract::connect_info::Connected, serve::IncomingStream};
use rustls::ServerConfig;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// Handshakes at once; more wait in the kernel's queue.
const MOST_HANDSHAKES: usize = 256;

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Where he connects from.
    pub address: SocketAddr,
    /// What his certificate says, or what is wrong with it. None: he showed none.
    pub certificate: Option<Result<Subject, &'static str>>,
}

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self { address: *stream.remote_addr(), certificate: None }
    }
}

impl Connected<IncomingStream<'_, Listener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        let (_, session) = stream.io().get_ref();
        let certificate = session.peer_certificates().and_then(|chain| chain.first());
        Self { address: *stream.remote_addr(), certificate: certificate.map(|der| Subject::read(der)) }
    }
}

type Shaken = (SocketAddr, io::Result<TlsStream<TcpStream>>);

/// Accepts connections with TLS, each with the certificates of its time.
pub struct Listener {
    tcp: TcpListener,
    config: watch::Receiver<Arc<ServerConfig>>,
    handshakes: JoinSet<Shaken>,
}

impl Listener {
    /// On this port, with these certificates.
    #[must_use]
    pub fn new(tcp: TcpListener, config: watch::Receiver<Arc<ServerConfig>>) -> Self {
        Self { tcp, config, handshakes: JoinSet::new() }
    }
}

impl axum::serve::Listener for Listener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let room = self.handshakes.len() < MOST_HANDSHAKES;
            tokio::select! {
                // Waits, too, where the process has no more file descriptors.
                (stream, address) = axum::serve::Listener::accept(&mut self.tcp), if room => {
                    let acceptor = TlsAcceptor::from(self.config.borrow().clone());
                    self.handshakes.spawn(shake(acceptor, stream, address));
                }
                Some(done) = self.handshakes.join_next() => match done {
                    Ok((address, Ok(stream))) => return (stream, address),
                    Ok((address, Err(error))) => tracing::info!(%address, %error, "no TLS connection came about"),
                    Err(error) => tracing::error!(%error, "a TLS handshake broke off"),
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

async fn shake(acceptor: TlsAcceptor, stream: TcpStream, address: SocketAddr) -> Shaken {
    let overdue = |_| io::Error::new(io::ErrorKind::TimedOut, "the client took too long");
    (address, timeout(HANDSHAKE_WITHIN, acceptor.accept(stream)).await.map_err(overdue).flatten())
}
