//! Handlers, by path.

pub(crate) mod access_tokens;
pub(crate) mod attachments;
pub(crate) mod audit_events;
pub(crate) mod diagnosis;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod iam_policy;
pub(crate) mod import;
pub(crate) mod manifests;
pub(crate) mod overview;
pub(crate) mod planned;
pub(crate) mod records;
pub(crate) mod watch;
pub(crate) mod webhooks;
pub(crate) mod workloads;
