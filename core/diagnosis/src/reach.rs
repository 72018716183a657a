//! Which addresses are never connected to.
//!
//! A cluster says which addresses its Gateways have, and whoever can bring a cluster or a zone can say anything. Private addresses are the normal case
//! inside of a company. Those of this machine and of its link are not.

use causeway_addresses::{AddressScope, is_in, scope};
use ipnet::IpNet;
use std::{fmt, net::IpAddr};

/// What may be connected to.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Networks that are open although they are of this machine.
    pub open: Vec<IpNet>,
}

/// Why an address is not connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    address: IpAddr,
    what: &'static str,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, what } = self;
        write!(
            f,
            "{address} is {what}, and such are not connected to; --diagnosis-open lets networks be named that are"
        )
    }
}

impl Reach {
    /// Whether an address may be connected to.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, address: IpAddr) -> Result<(), Closed> {
        let what = match scope(address) {
            AddressScope::Machine => "an address of this machine itself",
            AddressScope::Link => "an address of this machine's link, where clouds give out credentials",
            AddressScope::Nobody => "no address of one machine",
            AddressScope::Private | AddressScope::Public => return Ok(()),
        };
        if is_in(address, &self.open) { Ok(()) } else { Err(Closed { address, what }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_and_its_link_are_closed_and_gateways_of_a_company_open() {
        let reach = Reach::default();
        for address in ["127.0.0.1", "::ffff:127.0.0.1", "169.254.169.254", "fd00:ec2::254", "224.0.0.1", "::7f00:1"] {
            assert!(reach.check(address.parse().unwrap()).is_err(), "{address}");
        }
        for address in ["10.0.0.7", "203.0.113.7", "2001:db8::7", "::ffff:10.0.0.7", "1.1.1.1"] {
            assert_eq!(reach.check(address.parse().unwrap()), Ok(()), "{address}");
        }
    }

    #[test]
    fn networks_may_be_opened() {
        let reach = Reach { open: vec!["127.80.0.0/12".parse().unwrap()] };
        assert_eq!(reach.check("127.80.0.1".parse().unwrap()), Ok(()));
        assert_eq!(reach.check("::ffff:127.80.0.1".parse().unwrap()), Ok(()));
        let closed = reach.check("127.0.0.1".parse().unwrap()).unwrap_err().to_string();
        assert!(closed.contains("127.0.0.1 is an address of this machine itself"), "{closed}");
    }
}
