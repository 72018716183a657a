//! Gateway API v1 (standard channel of v1.6), with the server's defaults written out.

use super::Kind;
use serde::Serialize;
use std::collections::BTreeMap;

/// The API group.
pub const GROUP: &str = "gateway.networking.k8s.io";

const fn kind(version: &'static str, kind: &'static str) -> Kind {
    Kind { group: GROUP, version, kind, exclusive: true }
}

/// Which controller looks after Gateways.
pub const GATEWAY_CLASS: Kind = kind("v1", "GatewayClass");
/// Listeners with addresses.
pub const GATEWAY: Kind = kind("v1", "Gateway");
/// Further listeners of a Gateway.
pub const LISTENER_SET: Kind = kind("v1", "ListenerSet");
/// Routing of HTTP.
pub const HTTP_ROUTE: Kind = kind("v1", "HTTPRoute");
/// Routing of a TCP port.
pub const TCP_ROUTE: Kind = kind("v1", "TCPRoute");
/// Permission to refer to another namespace. The only version that every bundle serves.
pub const REFERENCE_GRANT: Kind = kind("v1beta1", "ReferenceGrant");

/// Envoy Gateway's name as a controller.
pub const ENVOY_GATEWAY: &str = "gateway.envoyproxy.io/gatewayclass-controller";

/// Spec of a GatewayClass.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayClassSpec {
    /// The controller.
    pub controller_name: &'static str,
}

/// Spec of a Gateway.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewaySpec {
    /// Its class.
    pub gateway_class_name: String,
    /// 1 to 64.
    pub listeners: Vec<Listener>,
    /// Addresses to ask for; empty: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<Address>,
    /// Labels and annotations of what the controller makes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infrastructure: Option<Infrastructure>,
    /// Who may add ListenerSets; None: nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_listeners: Option<Allowed>,
}

/// An address to ask for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Address {
    /// `IPAddress` or `Hostname`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The address.
    pub value: String,
}

/// Labels and annotations of what the controller makes for a Gateway. Never our own labels: these would claim the controller's objects.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Infrastructure {
    /// At most 8.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// At most 16.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// Spec of a ListenerSet.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerSetSpec {
    /// Its Gateway.
    pub parent_ref: ParentReference,
    /// 1 to 64.
    pub listeners: Vec<Listener>,
}

/// Where clients connect.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    /// Unique in the Gateway.
    pub name: String,
    /// None: every one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// The port.
    pub port: i32,
    /// `HTTP`, `HTTPS`, `TCP`.
    pub protocol: &'static str,
    /// HTTPS only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ListenerTls>,
    /// Which routes may attach.
    pub allowed_routes: AllowedRoutes,
}

/// How TLS ends.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerTls {
    /// `Terminate`.
    pub mode: &'static str,
    /// The Secret with the certificate.
    pub certificate_refs: Vec<SecretReference>,
}

/// Names a Secret in the same namespace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SecretReference {
    /// The core group.
    pub group: &'static str,
    /// `Secret`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
}

/// Which routes may attach to a listener.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AllowedRoutes {
    /// From where.
    pub namespaces: Namespaces,
    /// Of which kinds.
    pub kinds: Vec<RouteKind>,
}

/// Who may attach to a Gateway.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Allowed {
    /// From where.
    pub namespaces: Namespaces,
}

/// A kind of route.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RouteKind {
    /// [`GROUP`].
    pub group: &'static str,
    /// `HTTPRoute`.
    pub kind: &'static str,
}

/// A choice of namespaces.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "from")]
pub enum Namespaces {
    /// Every one.
    All,
    /// The object's own.
    Same,
    /// Those with certain labels.
    Selector {
        /// The labels.
        selector: Selector,
    },
}

/// Labels that a namespace must have.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Selector {
    /// All of them.
    pub match_expressions: Vec<Requirement>,
}

/// One demand on a label.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Requirement {
    /// The label.
    pub key: &'static str,
    /// `In`, `DoesNotExist`.
    pub operator: &'static str,
    /// Empty for `DoesNotExist`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// Names the Gateway or ListenerSet that a route or ListenerSet belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ParentReference {
    /// [`GROUP`].
    pub group: &'static str,
    /// `Gateway` or `ListenerSet`.
    pub kind: &'static str,
    /// Always written, also for the route's own namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The listener; None (ListenerSets only): the whole Gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section_name: Option<String>,
}

/// Spec of an HTTPRoute.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRouteSpec {
    /// At most 32.
    pub parent_refs: Vec<ParentReference>,
    /// At most 16; empty: every one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hostnames: Vec<String>,
    /// 1 to 16.
    pub rules: Vec<HttpRule>,
}

/// What happens to some requests.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRule {
    /// Which requests.
    pub matches: Vec<HttpMatch>,
    /// What is done to them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<Filter>,
    /// Where they go; empty with a redirect.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub backend_refs: Vec<BackendRef>,
}

/// Which requests a rule is for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HttpMatch {
    /// By path.
    pub path: PathMatch,
}

/// Which paths.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PathMatch {
    /// `PathPrefix`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The beginning of the path.
    pub value: String,
}

/// What is done to requests.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type")]
pub enum Filter {
    /// They are sent elsewhere.
    #[serde(rename_all = "camelCase")]
    RequestRedirect {
        /// Where to.
        request_redirect: Redirect,
    },
}

/// Where a redirect leads.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Redirect {
    /// `https`.
    pub scheme: &'static str,
    /// None: the scheme's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<i32>,
    /// 301.
    pub status_code: i32,
}

/// Where requests go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BackendRef {
    /// The core group.
    pub group: &'static str,
    /// `Service`.
    pub kind: &'static str,
    /// The Service.
    pub name: String,
    /// None: the route's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Port of the Service.
    pub port: i32,
    /// Its share; 1.
    pub weight: i32,
}

/// Spec of a TCPRoute.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpRouteSpec {
    /// One.
    pub parent_refs: Vec<ParentReference>,
    /// One.
    pub rules: Vec<TcpRule>,
}

/// Where connections go.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpRule {
    /// One.
    pub backend_refs: Vec<BackendRef>,
}

/// Spec of a ReferenceGrant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReferenceGrantSpec {
    /// Who may refer.
    pub from: Vec<GrantFrom>,
    /// To what.
    pub to: Vec<GrantTo>,
}

/// Objects that may refer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GrantFrom {
    /// [`GROUP`].
    pub group: &'static str,
    /// `HTTPRoute`.
    pub kind: &'static str,
    /// Where they are.
    pub namespace: String,
}

/// Objects that may be referred to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GrantTo {
    /// The core group.
    pub group: &'static str,
    /// `Service`.
    pub kind: &'static str,
    /// The one.
    pub name: String,
}
