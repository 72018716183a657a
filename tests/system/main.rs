//! Whole-system tests. `make test-one T=system::claims` runs some of them.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod accounts;
mod adopted_issuers;
mod adoption;
mod api_alone;
mod bad_bodies;
mod bad_input;
mod bad_manifests;
mod certificates;
mod changes;
mod charts;
mod claims;
mod control_planes;
mod dedicated;
mod drift;
mod durability;
mod field_owners;
mod fixture;
mod foreign;
mod isolation;
mod jobs;
mod kube_system;
mod leftovers;
mod manifests;
mod one_object;
mod order;
mod outage;
mod overlooked;
mod pooler;
mod rollouts;
mod secrets;
mod served;
mod site;
mod streams;
mod workload_status;
mod zones;
