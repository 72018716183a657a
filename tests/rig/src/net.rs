//! Free ports, and the plainest HTTP check there is.

use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process,
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

use anyhow::{Result, bail};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Ports below the range from which the kernel takes ports for outgoing connections: one of those could take away a port
/// between our check and the program's start.
const FIRST_PORT: u16 = 20_000;
const PORTS: u16 = 12_000;
/// A check that takes longer counts as failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// An address on the loopback interface.
#[must_use]
pub(crate) fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// A free port on loopback. No two calls in this process give the same one; another rig on this machine starts its search
/// elsewhere.
///
/// # Errors
/// When every port of the range is taken.
pub fn free_port() -> Result<u16> {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(process::id() * 37 % u32::from(PORTS))?;
    while TRIED.load(Ordering::Relaxed) < PORTS {
        let offset = (start + TRIED.fetch_add(1, Ordering::Relaxed)) % PORTS;
        let port = FIRST_PORT + offset;
        if TcpListener::bind(loopback(port)).is_ok() && TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port between {FIRST_PORT} and {} on this machine", FIRST_PORT + PORTS)
}

/// Whether `GET path` on this loopback port answers 200 within two seconds.
pub async fn http_ok(port: u16, path: &str) -> bool {
    let check = async { http_status(TcpStream::connect(loopback(port)).await?, path).await };
    matches!(timeout(CHECK_TIMEOUT, check).await, Ok(Ok(200)))
}

/// The status of the response to `GET path` over this connection.
///
/// # Errors
/// When the connection ends before, or what comes isn't HTTP/1.
pub(crate) async fn http_status(mut stream: impl AsyncRead + AsyncWrite + Unpin, path: &str) -> io::Result<u16> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    // `HTTP/1.1 200`
    let mut line = [0; 12];
    stream.read_exact(&mut line).await?;
    let status = str::from_utf8(&line[9..]).ok().and_then(|status| status.parse().ok());
    status.ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "the response has no status"))
}

/// Whether something accepts connections on this loopback port.
pub(crate) async fn accepts(port: u16) -> bool {
    matches!(timeout(CHECK_TIMEOUT, TcpStream::connect(loopback(port))).await, Ok(Ok(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn status_of(response: &[u8]) -> io::Result<u16> {
        let (near, mut far) = tokio::io::duplex(1024);
        far.write_all(response).await?;
        http_status(near, "/healthz").await
    }

    #[tokio::test]
    async fn a_status_is_read_from_the_first_line_of_a_response() {
        assert_eq!(status_of(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").await.unwrap(), 503);
        assert_eq!(status_of(b"SSH-2.0-other").await.unwrap_err().kind(), ErrorKind::InvalidData);
    }
}
