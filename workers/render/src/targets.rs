//! Where clients reach a Gateway: what DNS records point to.

use std::{collections::BTreeMap, net::IpAddr};

/// The addresses by which clients reach a Gateway, each once and sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    /// IPv4 and IPv6 addresses.
    pub ips: Vec<IpAddr>,
    /// DNS names, in lower case and without final dot: some clouds give their load balancers a name instead of an address.
    pub hostnames: Vec<String>,
}

impl Targets {
    /// Whether the Gateway cannot be reached yet.
    pub fn is_empty(&self) -> bool {
        self.ips.is_empty() && self.hostnames.is_empty()
    }

    /// All of them, the IP addresses first.
    pub fn texts(&self) -> Vec<String> {
        self.ips.iter().map(ToString::to_string).chain(self.hostnames.iter().cloned()).collect()
    }
}

/// The targets of gateway instances, by id. A gateway instance without an address may be absent.
pub type TargetsOf = BTreeMap<i64, Targets>;
