//! Names to addresses.

use std::{future::Future, io, net::SocketAddr, pin::Pin};
use tokio::net::lookup_host;

/// Addresses, when they are there.
pub(super) type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Asks for the addresses of a name. Tests have answers of their own.
pub(super) trait Resolve: Clone + Send + Sync + 'static {
    /// An address is its own answer.
    fn resolve(&self, host: String, port: u16) -> Resolving;
}

/// As every program on this machine does.
#[derive(Clone, Copy, Debug)]
pub(super) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, host: String, port: u16) -> Resolving {
        Box::pin(async move { Ok(lookup_host((host, port)).await?.collect()) })
    }
}
