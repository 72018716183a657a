//! Seeing what happens to our objects, and waking whom it concerns.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use causeway_cluster::{Cluster, ClusterAccess, ClusterError, ObjectCache};
use causeway_render::labels::OWNER;
use serde_json::json;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::Instant,
};

use crate::{
    exclusive::{definition, group, widget},
    support::{DEADLINE, Fixture, RECORD, access, entry, eventually},
};

/// Whom the watches woke, in order.
#[derive(Clone, Default)]
struct Woken(Arc<Mutex<Vec<String>>>);

impl Woken {
    fn watches(&self, cluster: &Cluster, fixture: &Fixture) -> ObjectCache {
        let woken = self.0.clone();
        ObjectCache::new(cluster.clone(), fixture.control_plane.as_str(), move |owner| {
            woken.lock().unwrap().push(owner.to_owned());
        })
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    async fn next(&self, what: &str) {
        eventually(what, async || !self.0.lock().unwrap().is_empty()).await;
        assert!(self.take().iter().all(|owner| owner == RECORD));
    }
}

#[tokio::test]
async fn drift_and_loss_wake_the_owner_and_noise_does_not() {
    let fixture = Fixture::new().await;
    let map = fixture.config_map("web", "one");
    let (woken, applied) = (Woken::default(), fixture.applied(std::slice::from_ref(&map), &[]).await);
    let watches = woken.watches(&fixture.cluster, &fixture);
    watches.ensure_watched(&map.at);
    assert!(watches.wait_synced(Instant::now() + DEADLINE).await);
    assert!(watches.is_synced("", "ConfigMap"));
    woken.next("the first list wakes").await;
    let seen = watches.get(&map.at).unwrap();
    let known = entry(&applied.inventory, &map.at);
    assert_eq!((Some(&seen.uid), Some(&seen.live_hash)), (known.uid.as_ref(), known.live_hash.as_ref()));

    // An annotation of somebody else's, then a change of data: the first must not wake, the second must.
    fixture.edit(&map.at, json!({"metadata": {"annotations": {"noise": "1"}, "labels": {"noise": "1"}}})).await;
    fixture.edit(&map.at, json!({"data": {"text": "drift"}})).await;
    eventually("the drift is seen", async || {
        watches.get(&map.at).is_some_and(|seen| Some(&seen.live_hash) != known.live_hash.as_ref())
    })
    .await;
    assert_eq!(woken.take(), [RECORD], "once, for the drift alone");

    let again = fixture.applied(std::slice::from_ref(&map), &applied.inventory).await;
    woken.next("being put right wakes").await;
    assert_eq!(again.inventory, applied.inventory);

    fixture.edit(&map.at, json!({"metadata": {"labels": {OWNER: null}}})).await;
    woken.next("a lost owner label wakes").await;
    fixture.delete(&map.at).await;
    eventually("the loss is seen", async || watches.get(&map.at).is_none()).await;
}

#[tokio::test]
async fn a_kind_that_appears_later_is_watched_then() {
    let fixture = Fixture::new().await;
    let (kind, ours) = (definition(&fixture, &group(&fixture)), widget(&fixture, json!([])));
    let woken = Woken::default();
    let watches = woken.watches(&fixture.cluster, &fixture);
    watches.ensure_watched(&ours.at);
    eventually("the watch says why it does not stand", async || {
        watches.unsynced().iter().any(|kind| matches!(kind.error, Some(ClusterError::Refused { .. })))
    })
    .await;
    fixture.applied(&[kind, ours.clone()], &[]).await;
    watches.ensure_watched(&ours.at);
    assert!(watches.wait_synced(Instant::now() + DEADLINE).await);
    assert!(watches.unsynced().is_empty());
    woken.next("the new object wakes").await;
    let before = watches.get(&ours.at).unwrap();

    // Status: what ticks does not wake, what says something does.
    let status = |routes: u32, ready: &str| json!({"status": {"attachedRoutes": routes, "conditions": [{"type": "Ready", "status": ready}]}});
    fixture.set_status(&ours.at, status(1, "False")).await;
    woken.next("a first status wakes").await;
    fixture.set_status(&ours.at, status(2, "False")).await;
    fixture.set_status(&ours.at, status(3, "True")).await;
    eventually("the status is seen", async || {
        watches.get(&ours.at).is_some_and(|seen| seen.status()["conditions"][0]["status"] == "True")
    })
    .await;
    assert_eq!(woken.take(), [RECORD], "once, for the condition alone");
    let after = watches.get(&ours.at).unwrap();
    assert_eq!(after.live_hash, before.live_hash);
    assert_eq!(after.status().get("attachedRoutes"), None);
}

#[tokio::test]
async fn a_cluster_that_goes_away_and_comes_back_is_noticed_both_times() {
    let fixture = Fixture::new().await;
    let map = fixture.config_map("web", "one");
    let applied = fixture.applied(std::slice::from_ref(&map), &[]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let link = Link::up(listener);
    let through = Cluster::connect(&ClusterAccess { endpoint: format!("https://{address}"), ..access() }).unwrap();
    let woken = Woken::default();
    let watches = woken.watches(&through, &fixture);
    watches.ensure_watched(&map.at);
    assert!(watches.wait_synced(Instant::now() + DEADLINE).await);
    woken.next("the first list wakes").await;

    drop(link);
    eventually("the cut is noticed", async || !watches.is_synced("", "ConfigMap")).await;
    assert!(watches.get(&map.at).is_none(), "nothing is claimed to be known");
    eventually("and explained", async || {
        watches.unsynced().iter().any(|kind| matches!(kind.error, Some(ClusterError::Unreachable { .. })))
    })
    .await;
    let cut = through
        .apply(&fixture.writer(), &crate::support::plan(std::slice::from_ref(&map)), &applied.inventory, &watches)
        .await;
    assert!(cut.errors[0].stops_everything(), "{cut:?}");
    assert_eq!(cut.inventory, applied.inventory, "nothing is forgotten");
    fixture.delete(&map.at).await;

    let _link = Link::up(TcpListener::bind(address).await.unwrap());
    watches.ensure_watched(&map.at);
    assert!(watches.wait_synced(Instant::now() + DEADLINE).await);
    woken.next("what was lost meanwhile wakes").await;
}

/// The way to the API server; dropping it cuts every connection.
struct Link(#[expect(dead_code, reason = "held for its tasks, which end when it is dropped")] JoinSet<()>);

impl Link {
    fn up(listener: TcpListener) -> Self {
        let target: SocketAddr = access().endpoint.trim_start_matches("https://").parse().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                connections.spawn(async move {
                    if let Ok(mut far) = TcpStream::connect(target).await {
                        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        });
        Self(tasks)
    }
}
