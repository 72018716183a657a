//! Which addresses receivers may have: those of the internet, and what the operator names.

use causeway_addresses::{AddressScope, is_in, scope};
use ipnet::IpNet;
use std::net::IpAddr;

/// Whether an address may be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// The operator has named a network with it: plain http is good enough.
    Allowed,
    /// Everybody's: with TLS.
    Public,
    /// Neither.
    Refused,
}

/// What may be done with an address.
pub(crate) fn admission(address: IpAddr, allowed: &[IpNet]) -> Admission {
    if is_in(address, allowed) {
        Admission::Allowed
    } else if scope(address) == AddressScope::Public {
        Admission::Public
    } else {
        Admission::Refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str, allowed: &[&str]) -> Admission {
        let allowed: Vec<_> = allowed.iter().map(|network| network.parse().unwrap()).collect();
        admission(address.parse().unwrap(), &allowed)
    }

    #[test]
    fn receivers_are_on_the_internet() {
        for address in ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1"] {
            assert_eq!(of(address, &[]), Admission::Public, "{address}");
        }
        for address in
            ["127.0.0.1", "10.0.0.1", "169.254.169.254", "203.0.113.1", "::ffff:10.0.0.1", "2001:db8::1", "ff02::1"]
        {
            assert_eq!(of(address, &[]), Admission::Refused, "{address}");
        }
    }

    #[test]
    fn the_operator_allows_networks_and_no_more() {
        let allowed = ["10.1.0.0/16", "127.0.0.1/32", "fd12::/16"];
        for address in ["10.1.2.3", "127.0.0.1", "::ffff:127.0.0.1", "fd12:3::4"] {
            assert_eq!(of(address, &allowed), Admission::Allowed, "{address}");
        }
        for address in ["10.2.0.1", "127.0.0.2", "169.254.169.254", "fd13::1", "::1"] {
            assert_eq!(of(address, &allowed), Admission::Refused, "{address}");
        }
        assert_eq!(of("1.1.1.1", &allowed), Admission::Public);
    }
}
