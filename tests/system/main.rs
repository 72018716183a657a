//! Whole-system tests. Run them with `make test`, or below `causeway-rig run -- …`.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod adoption;
mod bad_input;
mod bad_manifests;
mod changes;
mod claims;
mod control_planes;
mod dedicated;
mod drift;
mod durability;
mod foreign;
mod isolation;
mod outage;
mod overlooked;
mod scene;
