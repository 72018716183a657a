//! Records to Kubernetes objects: pure functions, no async, no client, no clock.
pub mod bundle;
pub mod labels;
pub mod observed;
pub mod plan;
pub mod support_service;
