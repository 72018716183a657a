//! Desired state out: workers make clusters and zones match the records, and say step by step what works.
//!
//! ```text
//! runner::fleet   keeps leases: one worker holds a cluster and does all that is done there
//! runner::desk    one cluster: takes due records on a hint, a scan or a watch event, so many at a time
//! runner::pass    one record: read intent whole → reconcile → write status
//! reconcilers     one file per noun: read inputs → render (pure) → apply → prune → look
//! site            the connection to one cluster, its watches, its circuit breaker
//! crates cluster and dns: the only places with a Kubernetes and an AWS client
//! ```
//!
//! Creation, change, deletion, retry and repair are the same pass. To add a noun: a file in `reconcilers/` and a line in its `reconcile`.

pub mod config;
pub mod context;
pub mod health;
pub mod reconcilers;
pub mod runner;
pub mod site;
