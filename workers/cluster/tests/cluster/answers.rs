//! Something between us and the API server that says 200 to a request, and means nothing by it.

use causeway_cluster::{Cluster, ClusterAccess, ClusterAuth, ClusterError, ObjectChange, WriteOutcome};
use causeway_rig::{
    Endpoints,
    faults::{Answer, Answers},
};
use serde_json::json;

use crate::support::{Fixture, access, config_map_ref};

/// A fixture of the shared API server that is reached through a proxy.
struct Between {
    fixture: Fixture,
    /// The same cluster without the proxy.
    straight: Cluster,
    proxy: Answers,
}

impl Between {
    async fn new() -> Self {
        let rig = Endpoints::from_env().unwrap();
        let fixture = Fixture::new().await;
        let dir = rig.run_dir.join(format!("answers-{}", fixture.namespace));
        let proxy = Answers::before(rig.cluster(), &dir).await.unwrap();
        Self { straight: fixture.cluster.clone(), fixture, proxy }
    }

    /// The same fixture without a connection or an answer of discovery; its `n`th request is answered by somebody else.
    fn anew(&mut self, n: usize) {
        self.proxy.forget();
        let cluster = self.proxy.cluster();
        // Whoever comes through the proxy is let in.
        let auth = ClusterAuth::Token("anybody".into());
        let access =
            ClusterAccess { endpoint: cluster.server.clone(), ca_pem: Some(cluster.ca.clone()), auth, ..access() };
        self.fixture.cluster = Cluster::connect(&access).unwrap();
        self.proxy.script((0..n).map(|_| Answer::Real).chain([Answer::Code(200)]));
    }

    /// Whether the wrong answer was given.
    fn was_wrong(&self) -> bool {
        self.proxy.left() == 0
    }
}

/// Nothing but that the cluster failed, or nobody answered for the object.
fn failed(outcome: &WriteOutcome) {
    let of = |error: &ClusterError| matches!(error, ClusterError::Unreachable { .. } | ClusterError::Unanswered { .. });
    assert!(outcome.errors.first().is_some_and(of), "{outcome:?}");
}

#[tokio::test]
async fn an_object_stands_and_goes_whichever_answer_is_about_something_else() {
    let mut between = Between::new().await;
    let mut wrong = 0;
    for n in 0.. {
        let map = between.fixture.config_map(&format!("web-{n}"), "one");
        between.anew(n);
        let mut applied = between.fixture.apply(std::slice::from_ref(&map), &[]).await;
        if !applied.errors.is_empty() {
            failed(&applied);
            applied = between.fixture.applied(std::slice::from_ref(&map), &applied.inventory).await;
        }
        let mut pruned = between.fixture.prune(&applied.inventory).await;
        if !pruned.errors.is_empty() {
            failed(&pruned);
            assert_eq!(pruned.inventory, applied.inventory, "it is remembered as long as nobody knows that it is gone");
            pruned = between.fixture.prune(&pruned.inventory).await;
        }
        assert_eq!(pruned.change(&map.at), Some(&ObjectChange::Deleted), "request {n}");
        assert!(between.fixture.read(&map.at).await.is_none(), "request {n}");
        if !between.was_wrong() {
            break;
        }
        wrong += 1;
    }
    assert!(wrong >= 7, "discovery (2), look, apply, look, deletion, look: {wrong}");
}

#[tokio::test]
async fn a_namespace_is_not_empty_because_an_answer_names_nothing() {
    let mut between = Between::new().await;
    let space = between.fixture.own_namespace();
    between.fixture.applied(std::slice::from_ref(&space), &[]).await;
    between.fixture.create(&config_map_ref(&space.at.name, "theirs"), json!({})).await;
    let mut wrong = 0;
    for n in 0.. {
        between.fixture.cluster = between.straight.clone();
        let applied = between.fixture.applied(std::slice::from_ref(&space), &[]).await;
        between.anew(n);
        let pruned = between.fixture.prune(&applied.inventory).await;
        match pruned.change(&space.at) {
            Some(ObjectChange::Released(why)) => assert!(why.contains("theirs"), "request {n}: {why}"),
            Some(other) => panic!("request {n}: {other:?}"),
            None => failed(&pruned),
        }
        let live = between.fixture.read(&space.at).await.unwrap();
        assert!(live.metadata.deletion_timestamp.is_none(), "request {n}");
        if !between.was_wrong() {
            break;
        }
        wrong += 1;
    }
    assert!(wrong > 10, "every kind is asked for: {wrong}");
}
