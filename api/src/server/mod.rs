//! Connections with TLS. Handshakes run side by side, so that a slow one keeps nobody waiting.

use super::{certificate::Subject, peer::Peer};
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
const MAX_HANDSHAKES: usize = 256;

impl Connected<IncomingStream<'_, TlsListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        let (_, session) = stream.io().get_ref();
        let certificate = session.peer_certificates().and_then(|chain| chain.first());
        Self { address: *stream.remote_addr(), certificate: certificate.map(|der| Subject::read(der)) }
    }
}

type Handshake = (SocketAddr, io::Result<TlsStream<TcpStream>>);

/// Accepts connections with TLS. Each handshake uses the certificates that were read last.
pub(crate) struct TlsListener {
    tcp: TcpListener,
    config: watch::Receiver<Arc<ServerConfig>>,
    handshakes: JoinSet<Handshake>,
}

impl TlsListener {
    pub(crate) fn new(tcp: TcpListener, config: watch::Receiver<Arc<ServerConfig>>) -> Self {
        Self { tcp, config, handshakes: JoinSet::new() }
    }
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let room = self.handshakes.len() < MAX_HANDSHAKES;
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

async fn shake(acceptor: TlsAcceptor, stream: TcpStream, address: SocketAddr) -> Handshake {
    let overdue = |_| io::Error::new(io::ErrorKind::TimedOut, "the client took too long");
    (address, timeout(HANDSHAKE_WITHIN, acceptor.accept(stream)).await.map_err(overdue).flatten())
}
