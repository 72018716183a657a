use super::certificate::Subject;
use axum::{extract::connect_info::Connected, serve::IncomingStream};
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// The client's end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    pub(crate) address: SocketAddr,
    /// What the client certificate says, or what is wrong with it. None: the client showed none.
    pub(crate) certificate: Option<Result<Subject, &'static str>>,
}

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self { address: *stream.remote_addr(), certificate: None }
    }
}
