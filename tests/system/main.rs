//! Whole-system tests. `make test-one T=system::claims` runs some of them.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod accounts;
mod adoption;
mod api_alone;
mod bad_bodies;
mod bad_input;
mod bad_manifests;
mod changes;
mod claims;
mod control_planes;
mod dedicated;
mod drift;
mod durability;
mod fixture;
mod foreign;
mod isolation;
mod outage;
mod overlooked;
mod secrets;
