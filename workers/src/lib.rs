//! Desired state out.
pub mod cluster;
pub mod dns;
