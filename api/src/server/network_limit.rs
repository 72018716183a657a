//! How much one network may have at once: connections, or handshakes.

use super::peer::network;
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

type Networks = HashMap<IpAddr, Arc<Semaphore>>;

/// So many permits for each network. A network of which no permit is held takes no memory.
#[derive(Clone, Debug)]
pub(super) struct NetworkLimit {
    networks: Arc<Mutex<Networks>>,
    each: usize,
}

/// Dropping it gives the permit back.
#[derive(Debug)]
pub(super) struct NetworkPermit {
    permit: Option<OwnedSemaphorePermit>,
    network: IpAddr,
    limit: NetworkLimit,
}

impl NetworkLimit {
    /// `each`: permits of one network.
    pub(super) fn new(each: usize) -> Self {
        Self { networks: Arc::default(), each }
    }

    /// A permit for this address, if its network has one left.
    pub(super) fn try_take(&self, address: IpAddr) -> Option<NetworkPermit> {
        let (network, semaphore) = self.semaphore(address);
        // What is dropped on failure, too, removes the network if nothing of it is left.
        let mut held = NetworkPermit { permit: None, network, limit: self.clone() };
        held.permit = Some(semaphore.try_acquire_owned().ok()?);
        Some(held)
    }

    /// A permit for this address, as soon as its network has one.
    pub(super) async fn take(&self, address: IpAddr) -> NetworkPermit {
        let (network, semaphore) = self.semaphore(address);
        let mut held = NetworkPermit { permit: None, network, limit: self.clone() };
        // Nothing closes the semaphore.
        held.permit = semaphore.acquire_owned().await.ok();
        held
    }

    fn semaphore(&self, address: IpAddr) -> (IpAddr, Arc<Semaphore>) {
        let network = network(address);
        let mut networks = self.lock();
        (network, networks.entry(network).or_insert_with(|| Arc::new(Semaphore::new(self.each))).clone())
    }

    fn lock(&self) -> MutexGuard<'_, Networks> {
        self.networks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for NetworkPermit {
    fn drop(&mut self) {
        // The permit holds the semaphore; everybody else takes it under this lock.
        let mut networks = self.limit.lock();
        self.permit = None;
        if networks.get(&self.network).is_some_and(|semaphore| Arc::strong_count(semaphore) == 1) {
            networks.remove(&self.network);
        }
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
        assert!(limit.lock().is_empty(), "nothing is kept of networks that have nothing");
    }

    #[test]
    fn a_network_of_ipv6_counts_once() {
        let limit = NetworkLimit::new(1);
        let _taken = limit.try_take(address("2001:db8::1")).unwrap();
        assert!(limit.try_take(address("2001:db8::2")).is_none());
        assert!(limit.try_take(address("2001:db8:0:1::1")).is_some());
    }
}
