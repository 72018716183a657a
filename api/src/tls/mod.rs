//! Certificates: the server's own, and what a client's says about its holder.

mod certificate;
mod files;

pub(crate) use certificate::Subject;
pub(crate) use files::TlsFiles;
