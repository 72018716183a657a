//! Connections: which are taken, how long each may be silent, and how they end when the server stops.
//!
//! Why our own in place of `axum::serve` or axum-server: neither bounds connections, ends silent ones, or hands the client's certificate to a
//! request, which is how callers authenticate here. HTTP/1.1 only: what hyper's builder for both versions takes depends on features that other
//! crates of the build turn on.

mod network_limit;
mod peer;
#[cfg(test)]
mod tests;

pub(crate) use peer::{Peer, network};

use self::network_limit::NetworkLimit;
use crate::{config::ConnectionSettings, tls::Subject};
use axum::{Router, body::Body, extract::ConnectInfo, http::Request, serve::Listener};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use rustls::ServerConfig;
use std::{io, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{Semaphore, watch},
    time::timeout,
};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// A client that means it takes milliseconds for a handshake.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(3);
/// Handshakes of one network at once. Others of it wait, so that a burst of clients behind one address gets through.
const HANDSHAKES: usize = 128;
/// Largest head of a request, and largest buffer of a connection.
const MAX_BUFFER: usize = 64 * 1024;
/// What the kernel holds of a connection's answers until its client takes them, in bytes; it doubles that, for what it needs itself. Left alone, it holds
/// up to 4 MiB for each of them.
const SEND_BUFFER: u32 = 128 * 1024;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

type Stream = Pin<Box<TimeoutStream<TcpStream>>>;

/// What is the same for all connections of a port.
#[derive(Clone)]
struct ConnectionContext {
    router: Router,
    idle_timeout: Duration,
    /// The certificates that were read last. None: plain http.
    tls: Option<watch::Receiver<Arc<ServerConfig>>>,
    handshakes: NetworkLimit,
}

/// Listens on a port for [`serve`].
///
/// # Errors
/// If the address isn't this machine's, or its port is taken.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A port that was in use a moment ago can be had again.
    socket.set_reuseaddr(true)?;
    // Connections inherit it.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Answers on a port until `stop`; then requests under way are finished, for which there is no limit here.
pub async fn serve(
    mut listener: TcpListener,
    router: Router,
    settings: ConnectionSettings,
    tls: Option<watch::Receiver<Arc<ServerConfig>>>,
    stop: CancellationToken,
) {
    let context = ConnectionContext {
        router,
        idle_timeout: settings.idle_timeout,
        tls,
        handshakes: NetworkLimit::new(HANDSHAKES),
    };
    let all = Arc::new(Semaphore::new(settings.max_connections.get()));
    let connections = NetworkLimit::new(settings.max_connections_per_address.get());
    let graceful = GracefulShutdown::new();
    let accept = async {
        loop {
            // Nothing closes the semaphore. Clients beyond the limit wait in the kernel's queue.
            let Ok(place) = all.clone().acquire_owned().await else { return };
            // Waits, too, where the process has no more file descriptors.
            let (stream, address) = Listener::accept(&mut listener).await;
            let Some(permit) = connections.try_take(address.ip()) else {
                metrics::counter!("causeway_api_connections_refused_total").increment(1);
                tracing::debug!(%address, "a connection was refused: its address has too many");
                continue;
            };
            let (context, watcher) = (context.clone(), graceful.watcher());
            tokio::spawn(async move {
                context.answer(stream, address, watcher).await;
                // In this order: who takes the place next may need the permit.
                drop(permit);
                drop(place);
            });
        }
    };
    stop.run_until_cancelled(accept).await;
    drop(listener);
    graceful.shutdown().await;
}

impl ConnectionContext {
    /// Answers the requests of one connection.
    async fn answer(self, stream: TcpStream, address: SocketAddr, watcher: Watcher) {
        // Answers are written whole; waiting for more to send would only delay them.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        // A client that doesn't take its answer. Reading needs no such limit: requests have theirs, and heads the one below.
        stream.set_write_timeout(Some(self.idle_timeout));
        let stream = Box::pin(stream);
        match self.tls.as_ref().map(|tls| TlsAcceptor::from(tls.borrow().clone())) {
            None => self.speak(stream, Peer { address, certificate: None }, watcher).await,
            Some(acceptor) => match self.shake_hands(acceptor, stream, address).await {
                Ok(stream) => {
                    let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
                    let certificate = shown.map(|der| Subject::read(der));
                    self.speak(stream, Peer { address, certificate }, watcher).await;
                }
                Err(error) => tracing::info!(%address, %error, "no TLS connection came about"),
            },
        }
    }

    async fn shake_hands(
        &self,
        acceptor: TlsAcceptor,
        stream: Stream,
        address: SocketAddr,
    ) -> io::Result<tokio_rustls::server::TlsStream<Stream>> {
        let overdue = |_| io::Error::new(io::ErrorKind::TimedOut, "the client took too long");
        let _permit = timeout(self.idle_timeout, self.handshakes.take(address.ip())).await.map_err(overdue)?;
        timeout(HANDSHAKE_WITHIN, acceptor.accept(stream)).await.map_err(overdue)?
    }

    async fn speak(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: Peer, watcher: Watcher) {
        let address = peer.address;
        let service = service_fn(|mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer.clone()));
            self.router.clone().oneshot(request.map(Body::new))
        });
        // The time for a head begins when the last answer is sent, so that it ends idle connections, too.
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.idle_timeout)
            .max_buf_size(MAX_BUFFER)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%address, %error, "a connection broke off");
        }
    }
}
