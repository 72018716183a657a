//! Whole-system tests. Run them with `make test`, or below `causeway-rig run -- …`.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod bad_input;
mod changes;
mod claims;
mod drift;
mod durability;
mod foreign;
mod scene;
