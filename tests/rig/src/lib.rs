//! Starts every real part for development and tests: Postgres, NATS, a Kubernetes control plane with the real controllers,
//! and strict stand-ins for what can't be real on one machine: the node's container engine, the cloud's load balancer, and
//! AWS Route53.
//!
//! Tests don't start it themselves. They run below `causeway-rig run -- …` and find it through [`Endpoints::from_env`].

mod cluster;
mod control;
pub mod demo;
mod endpoints;
pub mod faults;
mod konnectivity;
mod kubelet;
mod load_balancer;
mod nats;
mod net;
mod node;
mod pki;
pub mod platform;
mod postgres;
mod process;
mod relay;
mod rig;
mod route53;
pub mod tools;

pub use cluster::OwnCluster;
pub use control::Knobs;
pub use endpoints::{Access, ClusterEndpoints, Endpoints, Server, VARIABLE};
pub use kubelet::{SANDBOX_COMMAND, Sandbox};
pub use load_balancer::Withheld;
pub use nats::Nats;
pub use net::free_port;
pub use postgres::Postgres;
pub use process::Process;
pub use rig::{Options, Rig};
pub use route53::{Faults, JournalEntry, Route53};
