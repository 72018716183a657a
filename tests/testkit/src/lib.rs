//! What all tests, the benchmarks and the demo share. It knows the rig and the API, and none of the product's code.
//!
//! - [`ControlPlane`]: API and workers as real processes on the rig, with a database of their own.
//! - [`ApiClient`] and [`Answer`]: the one client of the API.
//! - [`eventually`] and [`until`]: waits with a deadline, which say what they wait for and what they saw last.
//! - [`Visitor`]: an end user, who finds a workload by its name alone. [`Load`]: many of them at once.
//! - [`objects`], [`kinds`] and [`Kubectl`]: objects of a cluster as its admin sees them.
//! - [`harness()`]: the control plane that the tests of one binary share, with a cluster whose support services are ready.
//! - [`Cleanup`]: what runs there for one test alone ends with the test.
//! - [`writers`]: clients that write without a pause, at APIs that come and go.
//! - [`pages`]: the commands on the pages for people.
//! - [`python`]: programs of the Python environment that the Makefile makes.
//! - [`PinnedModule`]: files out of Go modules, such as charts.
//! - [`node`]: programs that Node.js runs, with the packages that the Makefile installs.
//! - [`receiver`]: a receiver of webhooks.
//! - [`release`]: a person who lets happen what is held back.
//! - [`zone`]: hosted zones of the Route53 emulator.
//!
//! A *harness* is what the tests of one process share. A *fixture* is what one test has for itself.

mod answer;
mod cleanup;
mod client;
mod control_plane;
pub mod harness;
pub mod kinds;
mod kubectl;
mod load;
mod modules;
pub mod node;
pub mod objects;
pub mod pages;
pub mod python;
pub mod receiver;
pub mod records;
pub mod release;
mod setup;
mod visitor;
pub mod wait;
mod wire;
pub mod writers;
pub mod zone;

pub use self::{
    answer::{Answer, condition, id_of, is_true},
    cleanup::Cleanup,
    client::{ApiClient, Credential},
    control_plane::ControlPlane,
    harness::{DOMAIN, Harness, harness},
    kubectl::Kubectl,
    load::{Failure, Load, Tally},
    modules::PinnedModule,
    objects::{api, kube_client},
    records::{
        add_domain_name, add_gateway, add_runtime, add_workload, add_workload_of, answering, config_map, object_name,
        unique_name,
    },
    setup::{Setup, bundle},
    visitor::Visitor,
    wait::{INSTALLED, SOON, eventually, until, within},
};
