//! Starts every real part for development and tests: Postgres, NATS, a Kubernetes control plane with the real controllers,
//! and strict stand-ins for what can't be real on one machine: the node's container engine and network, the cloud's load
//! balancer, and AWS Route53.
//!
//! Tests don't start it themselves. They run below `causeway-rig run -- …` and find it through [`Endpoints::from_env`].
//! `docs/testing.md` has a picture of it.

mod authority;
mod cluster;
mod control;
mod endpoints;
mod failures;
pub mod faults;
mod konnectivity;
mod kubelet;
mod load_balancer;
mod machine;
mod names;
mod nats;
mod nats_cluster;
mod net;
mod network;
mod node;
mod patroni;
mod pebble;
mod pgbouncer;
mod pki;
mod pod_runtime;
mod postgres;
mod process;
mod promtool;
mod relay;
mod rig;
mod servers;
mod services;
mod starter;
pub mod terminal;
pub mod tools;

pub use authority::OrderFault;
pub use causeway_route53::{Faults, JournalEntry, dns};
pub use cluster::OwnCluster;
pub use control::Knobs;
pub use endpoints::{Access, Acme, ClusterEndpoints, Endpoints, Server, VARIABLE, ended_parts};
pub use failures::Failures;
pub use kubelet::{SANDBOX_COMMAND, Sandbox};
pub use load_balancer::Withheld;
pub use machine::{Machine, raise_open_files};
pub use nats::Nats;
pub use nats_cluster::NatsCluster;
pub use net::{free_port, http_ok};
pub use network::{NETWORK_COMMAND, run_network};
pub use patroni::Patroni;
pub use pebble::EXTERNAL_ACCOUNT;
pub use pgbouncer::{PgBouncer, PoolMode};
pub use pki::SELF_SIGNED_NAME;
pub use postgres::Postgres;
pub use process::{Process, ProcessSpec, workspace_program};
pub use promtool::promtool;
pub use rig::{Options, Rig};
pub use servers::Servers;
pub use services::machine_port;
