//! Passing connections between TCP ports and Unix sockets.
//!
//! A network namespace of its own keeps a controller's fixed ports apart from everybody else's; a Unix socket, being a file,
//! is what still leads into and out of it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncRead, AsyncWrite, copy_bidirectional},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    task::JoinHandle,
};

use crate::net::loopback;

/// Accepts on a Unix socket and connects to a port of loopback.
///
/// # Errors
/// When the socket can't be made.
pub(crate) fn from_socket(socket: &Path, port: u16) -> Result<JoinHandle<()>> {
    let listener = UnixListener::bind(socket).with_context(|| format!("can't listen on {}", socket.display()))?;
    Ok(tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            tokio::spawn(async move { join(near, TcpStream::connect(loopback(port)).await).await });
        }
    }))
}

/// Accepts on a port of loopback and connects to a Unix socket.
///
/// # Errors
/// When the port is taken.
pub(crate) async fn to_socket(port: u16, socket: PathBuf) -> Result<JoinHandle<()>> {
    let listener = TcpListener::bind(loopback(port)).await.with_context(|| format!("can't listen on port {port}"))?;
    Ok(tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let socket = socket.clone();
            tokio::spawn(async move { join(near, UnixStream::connect(socket).await).await });
        }
    }))
}

/// Copies both ways until both sides are done. An unreachable far side shows as a closed connection.
async fn join(
    mut near: impl AsyncRead + AsyncWrite + Unpin,
    far: std::io::Result<impl AsyncRead + AsyncWrite + Unpin>,
) {
    if let Ok(mut far) = far {
        // How a connection ends is the business of its two ends.
        let _ = copy_bidirectional(&mut near, &mut far).await;
    }
}
