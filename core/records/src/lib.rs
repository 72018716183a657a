//! What Causeway stores and speaks about, without SQL, HTTP or Kubernetes.
//!
//! A *definition* says what, an *instance* says where. A noun is declared once, in [`nouns`]; JSON, SQL, filters and the API document derive
//! from its table of [`field`]s.
//!
//! To add a noun: a struct in a file of `nouns/` and its name in [`with_nouns!`], from which its variant of [`Kind`] follows. The README has
//! the steps in the other crates.

#![warn(missing_docs)]

// The derives write `::causeway_records`, also in here.
extern crate self as causeway_records;

pub mod advice;
pub mod certificate;
pub mod database_epoch;
pub mod debug;
mod density;
pub mod field;
pub mod inputs;
pub mod inventory;
mod json;
pub mod kind;
pub mod noun;
pub mod nouns;
pub mod overlay;
pub mod patterns;
pub mod problem;
mod published;
pub mod record;
pub mod scalar;
pub mod schema;
pub mod secret;
pub mod slot;
pub mod status;
pub mod summary;
pub mod text;
pub mod trial;
pub mod value;
pub mod watch;

pub use kind::Kind;
pub use record::Record;
