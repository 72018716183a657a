//! DNS records in Route 53: finding zones, reading what is published, deleting what is ours, and for domains of our own driver writing it. The only crate
//! with a client of Route 53; as whom it is called says `causeway-aws`.
//!
//! ```text
//! Account ──connect──▶ Route53 ──zone──▶ HostedZone ──read──▶ [ZoneRecord] ──▶ published(desired) ──▶ [HostState]     (pure)
//!                         │                                        ├────────▶ stale(desired)    ──▶ [Deletion]      (pure)
//!                         │                                        ├────────▶ deletions(hosts)  ──▶ [Deletion]      (pure)
//!                         │                                        └────────▶ changes(desired)   ──▶ [HostChange]    (pure)
//!                         └──◀──────────────────────── delete, write ──────────────────────────────────┘
//! ```
//!
//! - **In**: credentials of an AWS account, desired records, and the records of a zone to which others write as well.
//! - **May fail**: every request, as a [`DnsError`]; it says when to try again, or that a person has to act.
//! - **Invariant**: a record is deleted only together with its ownership record, and only if that names us alone. Ownership is
//!   external-dns's: a TXT record beside each record. Only [`deletions`] and [`stale`] make a
//!   [`Deletion`], and only [`changes`] makes another [`HostChange`], so nothing else can be deleted. Nothing is overwritten: what changes is deleted as it was
//!   read and created anew, in one request.

mod account;
mod alias_zones;
#[cfg(test)]
mod any_zone;
mod beside;
mod change;
mod deletions;
mod desired;
mod error;
mod fetch_cache;
mod limiter;
mod ownership;
mod plan;
mod published;
mod record;
mod route53;
mod stale;
mod write;
mod zone;

pub use account::Accounts;
pub use beside::other_weights;
pub use change::HostChange;
pub use deletions::{Deletion, deletions};
pub use desired::DesiredRecord;
pub use error::DnsError;
pub use limiter::RequestBudget;
pub use ownership::{Ownership, owned_hosts, ownership_names};
pub use plan::{changes, rerouted, reweighed};
pub use published::{HostState, RecordState, published};
pub use record::{RecordType, ZoneRecord, normal_name};
pub use route53::{Freshness, Route53};
pub use stale::stale;
pub use write::Written;
pub use zone::HostedZone;
