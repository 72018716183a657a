//! TLS on the port for requests.
//!
//! Why our own listener: axum-server and axum's listener for rustls don't hand the client's certificate to a request, which is how callers
//! authenticate here, and neither bounds how many handshakes run at once.

mod certificate;
mod files;
mod listener;
mod peer;

pub(crate) use certificate::Subject;
pub(crate) use files::TlsFiles;
pub(crate) use listener::TlsListener;
pub use peer::Peer;
