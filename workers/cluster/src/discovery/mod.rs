//! Which kinds a cluster serves. Custom resource definitions come and go while we run, so a kind that is missing is asked for again.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use causeway_records::inventory::ObjectRef;
use http::{Request, header::ACCEPT};
use kube::{
    Client,
    core::discovery::v2::{ACCEPT_AGGREGATED_DISCOVERY_V2, APIGroupDiscovery, APIGroupDiscoveryList},
};
use serde_json::Value;
use tokio::{sync::Mutex, time::Instant};

pub use self::served_kinds::ServedKind;
pub(crate) use self::served_kinds::ServedKinds;
use super::{ClusterError, UnreachableCause, bounds, exchange::REQUEST_TIMEOUT};

mod served_kinds;

/// How long one "not served" counts for all callers: a thousand records that wait for a kind must not cause a thousand requests.
const NOT_SERVED_TTL: Duration = Duration::from_millis(500);

/// The kinds of one cluster, cached.
///
/// Own code instead of kube's `Discovery` because that one ignores `freshness: Stale`: a group whose server is down would seem to serve
/// nothing, and an object of it to be gone.
#[derive(Clone)]
pub struct Discovery {
    client: Client,
    known: Arc<RwLock<Arc<ServedKinds>>>,
    /// When the known answer was asked for. Held while asking: many who miss a kind ask once.
    asked: Arc<Mutex<Option<Instant>>>,
}

impl Discovery {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, known: Arc::default(), asked: Arc::default() }
    }

    /// Whether the cluster serves this group and kind in any version.
    ///
    /// # Errors
    /// Unreachable; Unanswered when the group's own server is down: "no" would be a lie then.
    pub async fn serves(&self, group: &str, kind: &str) -> Result<bool, ClusterError> {
        let at = ObjectRef {
            group: group.to_owned(),
            version: String::new(),
            kind: kind.to_owned(),
            namespace: None,
            name: "*".to_owned(),
        };
        Ok(self.find(&at).await?.is_some())
    }

    /// The kind of an object in its own version, or in another served one: for reading and deleting what an older version made.
    ///
    /// # Errors
    /// As [`Self::serves`].
    pub async fn find(&self, at: &ObjectRef) -> Result<Option<ServedKind>, ClusterError> {
        self.look_up(at, ServedKinds::find).await
    }

    /// The kind of an object in its own version: for writing.
    pub(crate) async fn find_exact(&self, at: &ObjectRef) -> Result<Option<ServedKind>, ClusterError> {
        self.look_up(at, ServedKinds::find_exact).await
    }

    async fn look_up(
        &self,
        at: &ObjectRef,
        find: for<'a> fn(&'a ServedKinds, &ObjectRef) -> Option<&'a ServedKind>,
    ) -> Result<Option<ServedKind>, ClusterError> {
        if let Some(kind) = find(&self.known(), at) {
            return Ok(Some(kind.clone()));
        }
        let snapshot = self.no_older_than(Instant::now().checked_sub(NOT_SERVED_TTL)).await?;
        match find(&snapshot, at) {
            Some(kind) => Ok(Some(kind.clone())),
            None if snapshot.silent().contains(&at.group) => Err(silent(at)),
            None => Ok(None),
        }
    }

    /// Whether the kind is served in this version, by the last answer. Asks nobody.
    pub fn knows(&self, at: &ObjectRef) -> bool {
        self.known().serves_exactly(at)
    }

    /// Whether the last answer left open what the group serves.
    pub(crate) fn is_silent(&self, group: &str) -> bool {
        self.known().silent().contains(group)
    }

    /// Asks anew, for callers that must not decide on an old answer.
    pub(crate) async fn fresh(&self) -> Result<Arc<ServedKinds>, ClusterError> {
        self.no_older_than(Some(Instant::now())).await
    }

    /// The cached answer was found wrong: the next look-up asks.
    pub(crate) async fn forget(&self) {
        let mut asked = self.asked.lock().await;
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::default();
        *asked = None;
    }

    fn known(&self) -> Arc<ServedKinds> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn no_older_than(&self, wanted: Option<Instant>) -> Result<Arc<ServedKinds>, ClusterError> {
        let mut asked = self.asked.lock().await;
        if asked.is_some() && *asked >= wanted {
            return Ok(self.known());
        }
        let now = Instant::now();
        let snapshot = Arc::new(self.ask().await?);
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = snapshot.clone();
        *asked = Some(now);
        Ok(snapshot)
    }

    async fn ask(&self) -> Result<ServedKinds, ClusterError> {
        let both = async { tokio::try_join!(self.groups("/api"), self.groups("/apis")) };
        let (core, named) = tokio::time::timeout(REQUEST_TIMEOUT, both).await.map_err(|_| {
            ClusterError::unreachable(UnreachableCause::Timeout, "discovery was not answered in time")
        })??;
        Ok(ServedKinds::from_groups(core.into_iter().chain(named).collect()))
    }

    /// kube's own calls take any JSON object for a list, an empty one if need be: a cluster would then seem to serve nothing.
    async fn groups(&self, path: &str) -> Result<Vec<APIGroupDiscovery>, ClusterError> {
        let request = Request::get(path).header(ACCEPT, ACCEPT_AGGREGATED_DISCOVERY_V2).body(vec![]);
        let mut request = request.map_err(|error| ClusterError::from_client(&kube::Error::HttpError(error)))?;
        bounds::expect_small(&mut request);
        let answer = self.client.request(request).await.map_err(|error| ClusterError::from_client(&error))?;
        list_of_groups(answer)
    }
}

fn silent(at: &ObjectRef) -> ClusterError {
    let reason = format!(
        "the server of API group {group} does not say what it serves; see what `kubectl get apiservice {version}.{group}` says, and repair \
         it, or delete it if nothing needs it",
        group = at.group,
        version = if at.version.is_empty() { "v1" } else { &at.version },
    );
    ClusterError::unanswered(at, reason)
}

fn list_of_groups(answer: Value) -> Result<Vec<APIGroupDiscovery>, ClusterError> {
    let wrong = |message: &str| Err(ClusterError::unreachable(UnreachableCause::ServerError, message));
    match answer["kind"].as_str() {
        Some("APIGroupDiscoveryList") => match serde_json::from_value::<APIGroupDiscoveryList>(answer) {
            Ok(list) => Ok(list.items),
            Err(error) => wrong(&format!("discovery was answered with a list that cannot be read: {error}")),
        },
        Some("APIVersions" | "APIGroupList") => {
            wrong("it does not offer aggregated discovery; Kubernetes 1.27 or newer is needed")
        }
        _ => wrong("discovery was answered with something that is no list of groups"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_list_of_groups_says_what_is_served() {
        let listed =
            |kind: &str| list_of_groups(json!({"kind": kind, "items": [{"metadata": {"name": "example.test"}}]}));
        assert_eq!(listed("APIGroupDiscoveryList").unwrap().len(), 1);
        assert!(listed("APIGroupList").unwrap_err().to_string().contains("1.27"));
        for other in ["Status", "ConfigMap"] {
            assert!(matches!(listed(other), Err(ClusterError::Unreachable { .. })), "{other}");
        }
    }
}
