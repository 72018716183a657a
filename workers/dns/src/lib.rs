//! DNS records in Route 53: finding zones, reading what is published, and deleting what is ours. The only place that speaks to AWS.
//!
//! Reading and sending are in [`Route53`]; what the records mean and which may go is decided by pure functions between the two
//! ([`published`], [`deletions`]). Ownership is external-dns's: a TXT record beside each record names its owner.

mod account;
mod cache;
mod deletions;
mod error;
mod ownership;
mod pace;
mod published;
mod record;
mod route53;
mod zone;

pub use account::{Account, Accounts, Credentials, Role, Secret};
pub use deletions::{Deletion, deletions};
pub use error::{DnsError, Next};
pub use ownership::{Ownership, TXT_PREFIX, ownership_names};
pub use published::{HostState, State, Wanted, published};
pub use record::{Kind, Record, normal_name};
pub use route53::Route53;
pub use zone::{Visibility, Zone};
