//! Tells news about one object from news about the cluster.
//!
//! A request about an object may fail as if the cluster did: the server of an aggregated API is down (503), an admission webhook hangs
//! (no answer), somebody's API server answers nonsense. Everything that looks so is doubted: if the cluster answers a small read of
//! something that every cluster has, the failure is about the object, and nothing else has to wait for it.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use causeway_records::inventory::ObjectRef;
use tokio::{sync::Mutex, time::Instant};

use super::{Cluster, ClusterError, UnreachableCause, live::LiveObject};

/// For the read of namespace kube-system, which comes from etcd and passes no webhook.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// A check of the cluster: when it began, and what came of it.
type Check = (Instant, Result<(), ClusterError>);

#[derive(Clone, Default)]
pub(crate) struct Reachability {
    /// The last check. Held while checking: many who doubt check once.
    last: Arc<Mutex<Option<Check>>>,
    /// The uid of kube-system when it was read first. If another cluster answers, nothing is known about this one.
    uid: Arc<OnceLock<String>>,
}

impl Reachability {
    /// Whether this namespace kube-system is the one of the cluster that answered first.
    pub(crate) fn is_same(&self, system: &LiveObject) -> bool {
        self.uid.get_or_init(|| system.uid().to_owned()) == system.uid()
    }
}

/// Namespace kube-system.
pub(crate) fn system_ref() -> ObjectRef {
    ObjectRef {
        group: String::new(),
        version: "v1".to_owned(),
        kind: "Namespace".to_owned(),
        namespace: None,
        name: "kube-system".to_owned(),
    }
}

impl Cluster {
    /// What came of a request about this object, with its failure attributed.
    pub(crate) async fn attribute<T>(
        &self,
        at: &ObjectRef,
        result: Result<T, ClusterError>,
    ) -> Result<T, ClusterError> {
        match result {
            Ok(done) => Ok(done),
            Err(error) => Err(self.attributed(at, error).await),
        }
    }

    /// The failure of a request about this object; one that looks like the cluster's is the object's where the cluster answers.
    pub(crate) async fn attributed(&self, at: &ObjectRef, error: ClusterError) -> ClusterError {
        if !matches!(error, ClusterError::Unreachable { .. }) {
            return error;
        }
        match self.ensure_answers().await {
            Ok(()) => error.about_object(at),
            Err(cluster) => cluster,
        }
    }

    /// Fails if the cluster doesn't answer now.
    pub(crate) async fn ensure_answers(&self) -> Result<(), ClusterError> {
        let doubted = Instant::now();
        let mut last = self.reachability.last.lock().await;
        if let Some((begun, found)) = &*last
            && *begun >= doubted
        {
            return found.clone();
        }
        let begun = Instant::now();
        let found = tokio::time::timeout(CHECK_TIMEOUT, self.check()).await.unwrap_or_else(|_| {
            let what = format!("no answer to a small read within {}s", CHECK_TIMEOUT.as_secs());
            Err(ClusterError::unreachable(UnreachableCause::Timeout, what))
        });
        *last = Some((begun, found.clone()));
        found
    }

    async fn check(&self) -> Result<(), ClusterError> {
        let wrong = |what: &str| Err(ClusterError::unreachable(UnreachableCause::ServerError, what));
        match self.read_builtin(&system_ref()).await? {
            Some(system) if self.reachability.is_same(&system) => Ok(()),
            Some(_) => wrong("another cluster answers than before"),
            None => wrong("it has no namespace kube-system, which tells clusters apart"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::{
        Json, Router,
        http::StatusCode,
        response::{IntoResponse, Response},
        routing::get,
    };
    use serde_json::{Value, json};

    use super::*;
    use crate::{Lookup, fake};

    fn config_map() -> ObjectRef {
        ObjectRef { kind: "ConfigMap".into(), namespace: Some("shop".into()), name: "web".into(), ..system_ref() }
    }

    fn system(uid: &str) -> Value {
        json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "kube-system", "uid": uid}})
    }

    fn down() -> Response {
        (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"kind": "Status", "message": "service unavailable"})))
            .into_response()
    }

    async fn cluster(
        object: fn() -> Response,
        system: impl Fn() -> Response + Clone + Send + Sync + 'static,
    ) -> Cluster {
        let answers = fake::core_kinds()
            .route("/api/v1/namespaces/shop/configmaps/web", get(async move || object()))
            .route("/api/v1/namespaces/kube-system", get(async move || system()));
        fake::cluster(Router::new().merge(answers)).await
    }

    #[tokio::test]
    async fn a_failure_is_the_objects_while_the_cluster_answers() {
        let nonsense = || Json(json!({"kind": "ConfigMap", "metadata": {"name": "other", "uid": "u"}})).into_response();
        for object in [down as fn() -> Response, nonsense] {
            let cluster = cluster(object, || Json(system("s1")).into_response()).await;
            let error = cluster.get(&config_map()).await.unwrap_err();
            assert!(matches!(error, ClusterError::Unanswered { .. }), "{error}");
        }
    }

    #[tokio::test]
    async fn a_failure_is_the_clusters_when_nothing_is_answered() {
        let cluster = cluster(down, down).await;
        let error = cluster.get(&config_map()).await.unwrap_err();
        assert!(matches!(error, ClusterError::Unreachable { .. }), "{error}");
    }

    #[tokio::test]
    async fn another_cluster_that_answers_says_nothing_about_this_one() {
        static CHECKS: AtomicUsize = AtomicUsize::new(0);
        let system = || Json(system(&CHECKS.fetch_add(1, Ordering::Relaxed).to_string())).into_response();
        let cluster = cluster(down, system).await;
        assert!(matches!(cluster.get(&config_map()).await, Err(ClusterError::Unanswered { .. })));
        assert!(matches!(cluster.get(&config_map()).await, Err(ClusterError::Unreachable { .. })));
    }

    #[tokio::test]
    async fn what_is_answered_is_not_doubted() {
        let absent = || {
            let body = json!({"kind": "Status", "details": {"name": "web", "kind": "configmaps"}});
            (StatusCode::NOT_FOUND, Json(body)).into_response()
        };
        let cluster = cluster(absent, || panic!("it is not asked")).await;
        assert!(matches!(cluster.get(&config_map()).await, Ok(Lookup::Absent)));
    }
}
