//! Everything in a cluster with a control plane's label, of whatever kind, as its API server lists it.

use anyhow::Result;
use futures::{StreamExt, TryStreamExt, stream};
use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DynamicObject, ListParams},
};
use serde_json::Value;

use crate::lane::Way;

/// The labels of our objects.
pub(crate) const CONTROL_PLANE: &str = "causeway.dev/control-plane";
const OWNER: &str = "causeway.dev/owner";
/// The kinds that records of the model have objects of.
const OURS: [&str; 14] = [
    "Namespace",
    "Service",
    "ConfigMap",
    "Secret",
    "GatewayClass",
    "Gateway",
    "ListenerSet",
    "HTTPRoute",
    "TCPRoute",
    "UDPRoute",
    "ClusterIssuer",
    "Certificate",
    "CertificateRequest",
    "DNSEndpoint",
];
/// Lists at the same time.
const LISTS: usize = 4;

/// An object.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) resource: ApiResource,
    pub(crate) inner: DynamicObject,
}

/// Objects of one control plane in one cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot(pub(crate) Vec<Object>);

impl Snapshot {
    /// The kinds that the model knows of, and these.
    pub(crate) async fn of(way: &Way, more: &[ApiResource], identity: &str) -> Result<Self> {
        let mut all = Self::where_kind(way, identity, |kind| OURS.contains(&kind)).await?;
        for kind in more {
            all.0.extend(of_kind(&way.cluster.kube, kind, identity).await?);
        }
        Ok(all)
    }

    /// All other kinds that there are: dear, so only when everything else is right.
    pub(crate) async fn of_the_rest(way: &Way, identity: &str) -> Result<Self> {
        Self::where_kind(way, identity, |kind| !OURS.contains(&kind)).await
    }

    async fn where_kind(way: &Way, identity: &str, wanted: impl Fn(&str) -> bool) -> Result<Self> {
        let kinds = way.cluster.kinds.iter().filter(|kind| wanted(&kind.kind));
        let lists: Vec<_> = kinds.map(|kind| of_kind(&way.cluster.kube, kind, identity)).collect();
        let lists: Vec<Vec<Object>> = stream::iter(lists).buffered(LISTS).try_collect().await?;
        Ok(Self(lists.into_iter().flatten().collect()))
    }

    /// The objects of a kind that we applied.
    pub(crate) fn applied<'a>(&'a self, kind: &'a str, identity: &'a str) -> impl Iterator<Item = &'a Object> {
        self.0.iter().filter(move |object| object.resource.kind == kind && object.is_applied_by(identity))
    }
}

/// The objects of a kind with the label.
pub(crate) async fn of_kind(kube: &Client, kind: &ApiResource, identity: &str) -> Result<Vec<Object>> {
    let api: Api<DynamicObject> = Api::all_with(kube.clone(), kind);
    let list = api.list(&ListParams::default().labels(&format!("{CONTROL_PLANE}={identity}"))).await?;
    Ok(list.items.into_iter().map(|inner| Object { resource: kind.clone(), inner }).collect())
}

impl Object {
    /// `HTTPRoute shop/web`.
    pub(crate) fn title(&self) -> String {
        let namespace = self.inner.namespace().map(|namespace| format!("{namespace}/")).unwrap_or_default();
        format!("{} {namespace}{}", self.resource.kind, self.inner.name_any())
    }

    /// Kind and id of the record in its label: `gateway-instance`, 42.
    pub(crate) fn owner(&self) -> Option<(&str, i64)> {
        let (kind, id) = self.inner.labels().get(OWNER)?.rsplit_once('-')?;
        Some((kind, id.parse().ok()?))
    }

    pub(crate) fn owner_kind(&self) -> Option<&str> {
        self.owner().map(|(kind, _)| kind)
    }

    /// Whether its fields were set by our workers. Controllers copy labels to objects that they make.
    pub(crate) fn is_applied_by(&self, identity: &str) -> bool {
        let manager = format!("causeway-{identity}");
        self.inner.managed_fields().iter().any(|entry| entry.manager.as_ref() == Some(&manager))
    }

    /// A value somewhere in it.
    pub(crate) fn at(&self, pointer: &str) -> &Value {
        self.inner.data.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// Objects of its kind and namespace.
    pub(crate) fn api(&self, kube: &Client) -> Api<DynamicObject> {
        match self.inner.namespace() {
            Some(namespace) => Api::namespaced_with(kube.clone(), &namespace, &self.resource),
            None => Api::all_with(kube.clone(), &self.resource),
        }
    }
}
