//! Reads what users write as Kubernetes manifests: as kubectl reads it, in linear time, and within a [`Budget`].
//!
//! ```text
//! text ── stream ──┬─ yaml: events ─ nodes ─ JSON values ──┬─ lists taken apart ─ identity checked ─ Manifest
//!                  └─ json: one object after the other ────┘
//! ```
//!
//! The API reads manifests when they are written and refuses what can't be read; the workers read them again with the same budget before they
//! render, but for its bytes, which are a setting of the API. Both get the same answer, because it depends on the text alone. Reading takes CPU time for each byte: a caller on an async runtime
//! does it beside the runtime's threads.
//!
//! To add a rule about single manifests: a function in [`normalise`](mod@normalise) if it changes what is applied, in [`lifecycle`] if it
//! changes whether something is applied or deleted, in [`identity`] if it refuses something.

mod budget;
mod error;
mod extent;
pub mod identity;
mod json;
pub mod lifecycle;
mod list;
mod manifest;
pub mod normalise;
mod stream;
mod yaml;

pub use budget::{Budget, MAPPING, memory_to_read};
pub use error::{ManifestError, Place};
pub use extent::Extent;
pub use manifest::Manifest;
pub use stream::{read, read_documents, read_together, read_value};
