//! How much one network may have at once: connections, or handshakes.

use super::peer::network;
use crate::keyed_limit::{KeyedLimit, KeyedPermit};
use std::net::IpAddr;

/// So many permits for each network.
#[derive(Clone, Debug)]
pub(super) struct NetworkLimit(KeyedLimit<IpAddr>);

impl NetworkLimit {
    /// `each`: permits of one network.
    pub(super) fn new(each: usize) -> Self {
        Self(KeyedLimit::new(each))
    }

    /// A permit for this address, if its network has one left.
    pub(super) fn try_take(&self, address: IpAddr) -> Option<KeyedPermit<IpAddr>> {
        self.0.try_take(network(address))
    }

    /// A permit for this address, as soon as its network has one.
    pub(super) async fn take(&self, address: IpAddr) -> KeyedPermit<IpAddr> {
        self.0.take(network(address)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn each_network_has_permits_of_its_own() {
        let limit = NetworkLimit::new(2);
        let (one, other) = (address("10.0.0.1"), address("10.0.0.2"));
        let taken = [limit.try_take(one).unwrap(), limit.try_take(one).unwrap()];
        assert!(limit.try_take(one).is_none() && limit.try_take(address("::ffff:10.0.0.1")).is_none());
        assert!(limit.try_take(other).is_some());
        assert!(timeout(Duration::from_millis(20), limit.take(one)).await.is_err(), "it waits");
        let waiting = tokio::spawn({
            let limit = limit.clone();
            async move { limit.take(one).await }
        });
        drop(taken);
        drop(timeout(Duration::from_secs(30), waiting).await.unwrap().unwrap());
        assert!(limit.0.is_empty(), "nothing is kept of networks that have nothing");
    }

    #[test]
    fn a_network_of_ipv6_counts_once() {
        let limit = NetworkLimit::new(1);
        let _taken = limit.try_take(address("2001:db8::1")).unwrap();
        assert!(limit.try_take(address("2001:db8::2")).is_none());
        assert!(limit.try_take(address("2001:db8:0:1::1")).is_some());
    }
}
