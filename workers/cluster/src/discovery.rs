//! Which kinds a cluster serves. Custom resource definitions come and go while we run, so a kind that is missing is asked for again.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use causeway_records::inventory::ObjectRef;
use http::{Request, header::ACCEPT};
use kube::{
    Client,
    core::{
        ApiResource, GroupVersionKind,
        discovery::v2::{
            ACCEPT_AGGREGATED_DISCOVERY_V2, APIGroupDiscovery, APIGroupDiscoveryList, APIResourceDiscovery,
        },
    },
};
use serde_json::Value;
use tokio::{sync::Mutex, time::Instant};

use super::{ClusterError, UnreachableCause, bounds, exchange::REQUEST_TIMEOUT};

/// How long one "not served" counts for all callers: a thousand records that wait for a kind must not cause a thousand requests.
const NOT_SERVED_TTL: Duration = Duration::from_millis(500);

/// One kind in one version, as the cluster serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedKind {
    pub resource: ApiResource,
    pub namespaced: bool,
    /// It can be listed and deleted: true for everything that is stored, false for reviews and metrics.
    pub stored: bool,
}

/// What a cluster served at one moment.
#[derive(Debug, Default)]
pub(crate) struct ServedKinds {
    /// By group and kind, the preferred version first.
    kinds: HashMap<(String, String), Vec<ServedKind>>,
    /// Groups whose own server doesn't answer, so that nothing is known of their kinds.
    silent: BTreeSet<String>,
}

impl ServedKinds {
    fn from_groups(groups: Vec<APIGroupDiscovery>) -> Self {
        let mut snapshot = Self::default();
        for group in groups {
            let name = group.metadata.and_then(|metadata| metadata.name).unwrap_or_default();
            for version in group.versions {
                if version.freshness.as_deref() == Some("Stale") {
                    snapshot.silent.insert(name.clone());
                }
                let number = version.version.unwrap_or_default();
                for kind in version.resources.iter().filter_map(|resource| served(&name, &number, resource)) {
                    snapshot.kinds.entry((name.clone(), kind.resource.kind.clone())).or_default().push(kind);
                }
            }
        }
        snapshot
    }

    fn versions(&self, at: &ObjectRef) -> &[ServedKind] {
        self.kinds.get(&(at.group.clone(), at.kind.clone())).map_or(&[], Vec::as_slice)
    }

    /// In the version of the reference, else in the one the cluster prefers.
    fn find(&self, at: &ObjectRef) -> Option<&ServedKind> {
        let versions = self.versions(at);
        versions.iter().find(|kind| kind.resource.version == at.version).or(versions.first())
    }

    fn find_exact(&self, at: &ObjectRef) -> Option<&ServedKind> {
        self.versions(at).iter().find(|kind| kind.resource.version == at.version)
    }

    /// Whether the kind is served in the version of the reference.
    pub(crate) fn serves_exactly(&self, at: &ObjectRef) -> bool {
        self.find_exact(at).is_some()
    }

    /// Each stored namespaced kind once, in its preferred version.
    pub(crate) fn namespaced(&self) -> impl Iterator<Item = &ServedKind> {
        self.kinds.values().filter_map(|versions| versions.first()).filter(|kind| kind.namespaced && kind.stored)
    }

    pub(crate) fn silent(&self) -> &BTreeSet<String> {
        &self.silent
    }
}

fn served(group: &str, version: &str, resource: &APIResourceDiscovery) -> Option<ServedKind> {
    let plural = resource.resource.as_deref()?;
    let said = resource.response_kind.as_ref()?;
    let kind = said.kind.as_deref()?;
    let gvk = GroupVersionKind::gvk(group, version, kind);
    let can = |verb: &str| resource.verbs.iter().any(|known| known == verb);
    Some(ServedKind {
        resource: ApiResource::from_gvk_with_plural(&gvk, plural),
        namespaced: resource.scope.as_deref() == Some("Namespaced"),
        stored: can("list") && can("delete"),
    })
}

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
            None if snapshot.silent.contains(&at.group) => Err(silent(at)),
            None => Ok(None),
        }
    }

    /// Whether the kind is served in this version, by the last answer. Asks nobody.
    pub fn knows(&self, at: &ObjectRef) -> bool {
        self.known().serves_exactly(at)
    }

    /// Whether the last answer left open what the group serves.
    pub(crate) fn is_silent(&self, group: &str) -> bool {
        self.known().silent.contains(group)
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

    fn snapshot() -> ServedKinds {
        let resource = |plural: &str, kind: &str, scope: &str, verbs: &[&str]| json!({"resource": plural, "responseKind": {"kind": kind}, "scope": scope, "verbs": verbs});
        let stored = ["get", "list", "delete"];
        let groups = json!([
            {"metadata": {"name": ""}, "versions": [{"version": "v1", "resources": [
                resource("namespaces", "Namespace", "Cluster", &stored),
                resource("configmaps", "ConfigMap", "Namespaced", &stored),
                resource("bindings", "Binding", "Namespaced", &["create"]),
            ]}]},
            {"metadata": {"name": "example.test"}, "versions": [
                {"version": "v2", "resources": [resource("widgets", "Widget", "Namespaced", &stored)]},
                {"version": "v1", "resources": [resource("widgets", "Widget", "Namespaced", &stored)]},
            ]},
            {"metadata": {"name": "down.test"}, "versions": [{"version": "v1", "freshness": "Stale"}]},
        ]);
        ServedKinds::from_groups(serde_json::from_value(groups).unwrap())
    }

    fn widget(version: &str) -> ObjectRef {
        ObjectRef {
            group: "example.test".into(),
            version: version.into(),
            kind: "Widget".into(),
            namespace: None,
            name: "w".into(),
        }
    }

    #[test]
    fn a_version_that_is_gone_still_finds_the_kind_but_not_for_writing() {
        let snapshot = snapshot();
        let version = |kind: Option<&ServedKind>| kind.map(|kind| kind.resource.version.clone());
        assert_eq!(version(snapshot.find(&widget("v1"))).as_deref(), Some("v1"));
        assert_eq!(version(snapshot.find(&widget("v1beta1"))).as_deref(), Some("v2"));
        assert_eq!(version(snapshot.find_exact(&widget("v1beta1"))), None);
    }

    #[test]
    fn what_may_stand_in_a_namespace_is_each_stored_kind_once() {
        let snapshot = snapshot();
        let mut names: Vec<_> = snapshot.namespaced().map(|kind| kind.resource.kind.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["ConfigMap", "Widget"]);
        assert!(snapshot.silent().contains("down.test"));
    }

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
