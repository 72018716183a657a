//! What requests say and how they are answered, in Threeport's wire format.

mod association;
pub(crate) mod blocking;
pub(crate) mod body;
pub(crate) mod documents;
pub(crate) mod envelope;
pub(crate) mod etag;
mod manifests;
pub mod origin;
pub(crate) mod query;
pub(crate) mod redaction;
mod secret_objects;
mod secrets;
mod yaml;
