//! Whole-system tests. Run them with `make test`, or below `causeway-rig run -- …`.

mod changes;
mod claims;
