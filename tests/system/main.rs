//! Whole-system tests. Run them with `make test`, or below `causeway-rig run -- …`.

mod bad_input;
mod changes;
mod claims;
mod durability;
