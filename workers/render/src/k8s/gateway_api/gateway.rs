//! GatewayClass, Gateway and ListenerSet.

use super::ParentReference;
use causeway_records::nouns::GatewayTls;
use serde::Serialize;
use std::collections::BTreeMap;

/// `spec` of a GatewayClass.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayClassSpec {
    /// The name under which the controller looks for its classes, `example.net/gateway-controller`.
    pub controller_name: &'static str,
}

/// `spec` of a Gateway.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewaySpec {
    /// `metadata.name` of its GatewayClass.
    pub gateway_class_name: String,
    /// 1 to 64; more go into ListenerSets.
    pub listeners: Vec<ListenerSpec>,
    /// Addresses to ask the cluster's load balancer for. Empty: whichever it gives.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<GatewayAddress>,
    /// For the Service and the Deployment of the proxies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infrastructure: Option<GatewayInfrastructure>,
    /// Which ListenerSets may attach. None: no ListenerSet at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_listeners: Option<GatewayAllowedListeners>,
    /// TLS beside what the listeners say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<GatewayTls>,
}

/// An address to ask the cluster's load balancer for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct GatewayAddress {
    /// `IPAddress` or `Hostname`.
    #[serde(rename = "type")]
    pub address_type: &'static str,
    /// As text: `192.0.2.7`, `lb.example.net`.
    pub value: String,
}

/// Labels and annotations of the objects that the controller makes for a Gateway. Never Causeway's own labels: with them, those objects
/// would be taken for Causeway's and pruned.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GatewayInfrastructure {
    /// At most 8.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// At most 16. Clouds read settings of their load balancers from them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// `spec` of a ListenerSet.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerSetSpec {
    /// The Gateway that the listeners are added to.
    pub parent_ref: ParentReference,
    /// 1 to 64.
    pub listeners: Vec<ListenerSpec>,
}

/// A listener of a Gateway or ListenerSet: the port, protocol and hostname that clients connect to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerSpec {
    /// Unique in the Gateway and all its ListenerSets; routes refer to it as `sectionName`.
    pub name: String,
    /// None: every hostname that no other listener of the port serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// The port that clients connect to; the proxies may bind another one.
    pub port: i32,
    /// `HTTP`, see [`Protocol::in_gateway_api`](causeway_records::inputs::Protocol::in_gateway_api).
    pub protocol: &'static str,
    /// Required for HTTPS and TLS, absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ListenerTls>,
    /// Which routes may attach.
    pub allowed_routes: ListenerAllowedRoutes,
}

/// What a listener does with TLS.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerTls {
    /// `Terminate`: the proxy decrypts. `Passthrough`: it doesn't.
    pub mode: &'static str,
    /// One Secret with certificate and key, in the namespace of the listener unless a record says another one; none for `Passthrough`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificate_refs: Vec<SecretObjectReference>,
}

/// Names a Secret.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SecretObjectReference {
    /// Empty: the core group.
    pub group: &'static str,
    /// `Secret`.
    pub kind: &'static str,
    /// `metadata.name` of the Secret.
    pub name: String,
    /// None: the namespace of the object that refers to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// Which routes may attach to a listener: both demands must be met.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ListenerAllowedRoutes {
    /// The namespaces that routes may be in.
    pub namespaces: Namespaces,
    /// Kinds of routes. Empty: all that fit the listener's protocol.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<RouteGroupKind>,
}

/// Which ListenerSets may attach to a Gateway.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GatewayAllowedListeners {
    /// The namespaces that ListenerSets may be in.
    pub namespaces: Namespaces,
}

/// A kind of route, in any version.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RouteGroupKind {
    /// [`GROUP`](super::GROUP), unless somebody says another one.
    pub group: String,
    /// `HTTPRoute`, or another kind of route.
    pub kind: String,
}

/// A choice of namespaces.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "from")]
pub enum Namespaces {
    /// All namespaces of the cluster.
    All,
    /// The namespace of the Gateway or ListenerSet itself.
    Same,
    /// Namespaces by their labels.
    Selector {
        /// Namespaces that match it.
        selector: LabelSelector,
    },
}

/// Selects objects by their labels.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelSelector {
    /// An object must have every one of them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
    /// An object must meet every one of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<LabelSelectorRequirement>,
}

/// One demand on one label.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelSelectorRequirement {
    /// Key of the label.
    pub key: String,
    /// `In`, `DoesNotExist`, or another one.
    pub operator: &'static str,
    /// Values that `In` accepts; empty for `DoesNotExist`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}
