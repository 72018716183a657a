//! Records to Kubernetes objects and back to conditions: pure functions, no async, no client, no clock.
//!
//! ```text
//! inputs of a reconcile ──render──▶ Plan ──(workers apply it, the watch cache sees what became of it)──▶ Seen
//! inputs, Plan, Seen ──conditions──▶ conditions of the record
//! ```
//!
//! *Inputs to objects*: one module per noun ([`workload`], [`gateway`], [`shared_gateway`], [`listener_set`], [`domain_name`], [`support_service`]) with a function
//! `render`, from the inputs that the store read to a [`plan::Plan`] or an [`InvalidInput`]. Names of objects come from [`names`], ownership
//! labels from [`labels`], their shapes from [`k8s`].
//!
//! *Objects seen to conditions*: one file per noun in [`conditions`], from inputs and [`observed::Seen`] to the conditions of the record, in the
//! order of the work.
//!
//! *The gateway controller*: gateways are rendered as Gateway API objects, the same for every controller. Everything in which
//! controllers differ is in [`driver`].
//!
//! *What a write would do*: [`effect`], from what is rendered of all records that it concerns, before and after.
//!
//! *Any record*: [`manifests`] renders a record of whatever kind whose objects follow from records alone. The API shows these, and what a change
//! would make of them; a worker calls the modules of the nouns, because it asks the cluster and the zone in between.
//!
//! **To add a renderer** for a noun: a module with `owner` and `render`; a file in `conditions/`; a plan in [`samples`], whose tests then cover
//! names, snapshots, and defaults and schemas on a real API server.
//!
//! **To add a driver**: see [`driver`].

pub mod bundle;
mod certificates;
pub mod conditions;
pub mod domain_name;
pub mod driver;
pub mod effect;
pub mod gateway;
pub mod gateway_facts;
mod given_listeners;
pub mod hostnames;
mod infrastructure;
mod invalid;
pub mod job;
pub mod k8s;
pub mod labels;
pub mod listener_set;
mod listeners;
pub mod manifests;
pub mod names;
pub mod observed;
pub mod plan;
pub mod samples;
pub mod shared_gateway;
mod shared_listeners;
pub mod support_service;
pub mod targets;
pub mod tls_secret;
pub mod workload;

pub use certificates::IssuedCertificates;
pub use invalid::InvalidInput;
