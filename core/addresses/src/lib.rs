//! Where an IP address leads.
//!
//! Records, clusters and zones name hosts, and any of them may be a stranger's. Before a program connects on such a word, it asks here what the address
//! is: behind those of this machine and its link are services for this machine alone, such as a cloud's credentials. What follows from the answer
//! differs: a diagnosis connects to private gateways, a webhook's receiver is on the internet.
//!
//! The networks are those of IANA's registries of special addresses (RFC 6890 and what updates it). `IpAddr::is_global`, which the standard library
//! hasn't finished, knows no link.

use ipnet::IpNet;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::LazyLock,
};

/// What an address leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressScope {
    /// This machine itself.
    Machine,
    /// This machine's link, where clouds give out credentials.
    Link,
    /// A network that isn't the internet: a private one, one of documentation and tests, or a protocol's own.
    Private,
    /// The internet.
    Public,
    /// No machine, or many: multicast, and what is reserved.
    Nobody,
}

/// The first network with an address says its scope. The rest of IPv4 is public.
const NETWORKS: &[(&str, AddressScope)] = &[
    ("0.0.0.0/8", AddressScope::Machine),
    ("127.0.0.0/8", AddressScope::Machine),
    ("169.254.0.0/16", AddressScope::Link),
    ("10.0.0.0/8", AddressScope::Private),
    ("100.64.0.0/10", AddressScope::Private),
    ("172.16.0.0/12", AddressScope::Private),
    ("192.0.0.0/24", AddressScope::Private),
    ("192.0.2.0/24", AddressScope::Private),
    ("192.88.99.0/24", AddressScope::Private),
    ("192.168.0.0/16", AddressScope::Private),
    ("198.18.0.0/15", AddressScope::Private),
    ("198.51.100.0/24", AddressScope::Private),
    ("203.0.113.0/24", AddressScope::Private),
    ("224.0.0.0/3", AddressScope::Nobody),
    ("0.0.0.0/0", AddressScope::Public),
    ("::/127", AddressScope::Machine),
    // IPv4-compatible ones, which lead to IPv4 on some systems.
    ("::/96", AddressScope::Nobody),
    ("fe80::/10", AddressScope::Link),
    // AWS gives out credentials at an address of the unique local ones.
    ("fd00:ec2::/48", AddressScope::Link),
    ("ff00::/8", AddressScope::Nobody),
    // Teredo and other protocols' own.
    ("2001::/23", AddressScope::Private),
    ("2001:db8::/32", AddressScope::Private),
    // 6to4, which stands for an address of IPv4.
    ("2002::/16", AddressScope::Private),
    ("3fff::/20", AddressScope::Private),
    ("2000::/3", AddressScope::Public),
    ("::/0", AddressScope::Private),
];

static PARSED: LazyLock<Vec<(IpNet, AddressScope)>> =
    LazyLock::new(|| NETWORKS.iter().filter_map(|(network, scope)| Some((network.parse().ok()?, *scope))).collect());

/// What an address leads to.
#[must_use]
pub fn scope(address: IpAddr) -> AddressScope {
    let address = connected(address);
    PARSED.iter().find(|(network, _)| network.contains(&address)).map_or(AddressScope::Nobody, |(_, scope)| *scope)
}

/// Whether one of some networks has an address, in whatever spelling.
#[must_use]
pub fn is_in(address: IpAddr, networks: &[IpNet]) -> bool {
    let address = connected(address);
    networks.iter().any(|network| network.contains(&address))
}

/// The address that a system connects to: some of IPv6 stand for one of IPv4.
fn connected(address: IpAddr) -> IpAddr {
    const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];
    let IpAddr::V6(six) = address else { return address };
    let four = six.to_ipv4_mapped().or_else(|| (six.segments()[..6] == NAT64).then(|| last_four(six)));
    four.map_or(address, IpAddr::V4)
}

fn last_four(six: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = six.octets();
    [a, b, c, d].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each(scope_of_all: AddressScope, addresses: &[&str]) {
        for address in addresses {
            assert_eq!(scope(address.parse().unwrap()), scope_of_all, "{address}");
        }
    }

    #[test]
    fn every_network_is_one() {
        assert_eq!(PARSED.len(), NETWORKS.len());
    }

    #[test]
    fn those_of_this_machine_and_its_link_are_known_in_every_spelling() {
        let machine =
            ["127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "::", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"];
        each(AddressScope::Machine, &machine);
        each(
            AddressScope::Link,
            &["169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fe80::1", "fd00:ec2::254"],
        );
        each(
            AddressScope::Nobody,
            &["224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255", "::7f00:1", "::127.0.0.1", "ff02::1"],
        );
    }

    #[test]
    fn private_ones_end_where_the_internet_begins() {
        let private = [
            "10.0.0.7",
            "100.64.0.1",
            "100.127.255.255",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.7",
            "fc00::1",
            "fd12::7",
            "fec0::1",
            "2001::1",
            "2001:db8::7",
            "2002:7f00:1::",
            "3fff::1",
            "64:ff9b:1::1",
            "100::1",
            "5f00::1",
            "4000::1",
            "::ffff:10.0.0.7",
        ];
        each(AddressScope::Private, &private);
        let public = [
            "1.1.1.1",
            "93.184.215.14",
            "172.15.255.255",
            "172.32.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00:1450:4001:81b::200e",
            "2001:200::1",
            "::ffff:1.1.1.1",
        ];
        each(AddressScope::Public, &public);
    }

    #[test]
    fn a_network_has_its_addresses_in_every_spelling() {
        let networks = ["10.1.0.0/16".parse().unwrap(), "fd12::/16".parse().unwrap()];
        for address in ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "fd12:3::4"] {
            assert!(is_in(address.parse().unwrap(), &networks), "{address}");
        }
        for address in ["10.2.0.1", "fd13::1", "::1"] {
            assert!(!is_in(address.parse().unwrap(), &networks), "{address}");
        }
    }
}
