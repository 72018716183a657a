//! What requests say and how they are answered, in Threeport's wire format.

mod association;
pub(crate) mod body;
pub(crate) mod documents;
pub(crate) mod envelope;
pub(crate) mod etag;
mod manifests;
pub mod origin;
pub(crate) mod plan;
pub(crate) mod position;
pub(crate) mod query;
pub(crate) mod redaction;
pub(crate) mod rendered;
mod secret_objects;
pub(crate) mod secrets;
mod yaml;
