//! Records to Kubernetes objects: pure functions, no async, no client, no clock.
//!
//! One file per noun renders: inputs of a pass in, a [`plan::Plan`] or an [`Invalid`] out. [`conditions`] goes the other way: inputs and what
//! the watch saw in, findings out. Names of objects come from [`names`], their shapes from [`k8s`].
//!
//! To add a noun: a file with `render`, a file in `conditions`, a plan in [`samples`] (its tests then cover names, defaults and schemas).

#![warn(missing_docs)]

pub mod bundle;
mod certificates;
pub mod conditions;
pub mod domain_name;
pub mod gateway;
pub mod hostnames;
mod infrastructure;
mod invalid;
pub mod k8s;
pub mod labels;
mod listeners;
pub mod names;
pub mod observed;
pub mod overlooked;
pub mod plan;
pub mod samples;
pub mod shared_gateway;
pub mod support_service;
pub mod workload;

pub use invalid::Invalid;
