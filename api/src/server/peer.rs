use crate::tls::Subject;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The client's end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// What the client certificate says, or what is wrong with it. None: the client showed none.
    pub(crate) certificate: Option<Result<Subject, &'static str>>,
}

/// What counts as one client where clients are told apart by address. A host with one address of IPv6 has 2^64 of them, so that the network of
/// 64 bits counts.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}
