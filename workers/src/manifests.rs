//! What manifests take of the processors and the memory of a worker, whatever people write.
//!
//! A reconcile knows how long its manifests are before it reads them, and takes room for them: of its cluster, and of the worker. It keeps what
//! they turn out to need until it ends, so that the plans of many reconciles are bounded together; and no cluster takes the room of all.

use causeway_background::{Background, Memory, Room};
use causeway_manifests::memory_to_read;
use std::io;

/// Manifests that all clusters of the worker hold.
const OF_ALL: usize = 128 << 20;
/// Those of one cluster.
const OF_ONE: usize = 64 << 20;
/// Threads that read them.
const THREADS: usize = 4;
/// Less than this is read where it is, which takes less than 10 ms, and is held without being counted.
const SMALL: usize = 8 * 1024;

/// Shared by all clusters of a worker.
#[derive(Clone, Debug)]
pub(crate) struct Manifests {
    background: Background,
    all: Memory,
}

/// Of one cluster.
#[derive(Debug)]
pub(crate) struct ClusterManifests(Memory);

impl Default for ClusterManifests {
    fn default() -> Self {
        Self(Memory::new(OF_ONE))
    }
}

/// The room that a reconcile has for its manifests, until it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    /// None: they are small.
    rooms: Option<(Room, Room)>,
    background: Background,
}

impl Manifests {
    /// # Errors
    /// The system refuses threads.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { background: Background::new(THREADS)?, all: Memory::new(OF_ALL) })
    }

    /// Waits until there is room for manifests of so many bytes: first among those of the cluster, so that what waits there keeps no other one waiting.
    pub(crate) async fn hold(&self, cluster: &ClusterManifests, bytes: usize) -> Held {
        let background = self.background.clone();
        if bytes <= SMALL {
            return Held { rooms: None, background };
        }
        let memory = memory_to_read(bytes);
        let of_cluster = cluster.0.room(memory).await;
        Held { rooms: Some((of_cluster, self.all.room(memory).await)), background }
    }
}

impl Held {
    /// Does pure work on them; beside the runtime's threads where they are large.
    pub(crate) async fn read<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        if self.rooms.is_none() { work() } else { self.background.run(work).await }
    }

    /// They turned out to take so many bytes.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        if let Some((of_cluster, of_all)) = &mut self.rooms {
            of_cluster.shrink_to(bytes);
            of_all.shrink_to(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    const MIB: usize = 1 << 20;

    #[tokio::test]
    async fn one_cluster_leaves_room_for_others() {
        let (manifests, one, other) =
            (Manifests::new().unwrap(), ClusterManifests::default(), ClusterManifests::default());
        let mut held = manifests.hold(&one, 4 * MIB).await;
        assert!(manifests.hold(&one, 16 * 1024).now_or_never().is_none(), "it has all of its cluster's room");
        let _others = manifests.hold(&other, 64 * 1024).now_or_never().expect("there is room for another cluster");
        manifests.hold(&one, SMALL).now_or_never().expect("a small one waits for nobody");
        held.shrink_to(MIB);
        manifests.hold(&one, 256 * 1024).now_or_never().expect("it takes less than it might have");
    }

    #[tokio::test]
    async fn all_clusters_together_hold_so_much() {
        let manifests = Manifests::new().unwrap();
        let clusters: Vec<_> = (0..10).map(|_| ClusterManifests::default()).collect();
        let mut held = vec![];
        for cluster in &clusters {
            held.extend(manifests.hold(cluster, MIB).now_or_never());
        }
        assert_eq!(held.len(), OF_ALL / memory_to_read(MIB));
        assert_eq!(held[0].read(|| 7).await, 7);
        held.pop();
        assert!(manifests.hold(&clusters[0], MIB).now_or_never().is_none(), "its own room is taken");
        manifests.hold(&clusters[9], MIB).now_or_never().expect("one has ended");
    }
}
