//! HTTPRoute and the routes of layer 4, and the ReferenceGrant that lets them send to a Service in another namespace.

use super::ParentReference;
use serde::Serialize;
use serde_json::Value;

/// `spec` of an HTTPRoute.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRouteSpec {
    /// The listeners that the route attaches to, at most 32.
    pub parent_refs: Vec<ParentReference>,
    /// At most 16. Empty: every hostname that the listeners serve.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hostnames: Vec<String>,
    /// 1 to 16. Of several that match a request the one with the longest path applies.
    pub rules: Vec<HttpRouteRule>,
}

/// What happens to the requests that match.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRouteRule {
    /// A request must meet one of them.
    pub matches: Vec<HttpRouteMatch>,
    /// Applied in order, before the request goes to a backend.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<HttpRouteFilter>,
    /// The Service that answers; empty with a redirect, which answers by itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub backend_refs: Vec<BackendRef>,
}

/// A demand on a request. Causeway matches paths only.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HttpRouteMatch {
    /// Demand on the path.
    pub path: HttpPathMatch,
}

/// A demand on the path of a request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HttpPathMatch {
    /// `PathPrefix`: compared segment by segment.
    #[serde(rename = "type")]
    pub match_type: &'static str,
    /// Starts with a slash.
    pub value: String,
}

/// A step in the processing of a request. Causeway redirects only.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type")]
pub enum HttpRouteFilter {
    /// Answers with a redirect.
    #[serde(rename_all = "camelCase")]
    RequestRedirect {
        /// The parts of the URL that change; the others stay as the client sent them.
        request_redirect: HttpRequestRedirect,
    },
}

/// The parts of a URL that a redirect changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRequestRedirect {
    /// `https`.
    pub scheme: &'static str,
    /// None: the default port of the scheme.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<i32>,
    /// 301, so that clients remember it.
    pub status_code: i32,
}

/// `spec` of an HTTPRoute or a GRPCRoute whose rules are a user's.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteSpec {
    /// The listeners that the route attaches to, at most 32.
    pub parent_refs: Vec<ParentReference>,
    /// At most 16. Empty: every hostname that the listeners serve.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hostnames: Vec<String>,
    /// With every default of Gateway API.
    pub rules: Value,
}

/// The Service port that requests or connections are sent to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BackendRef {
    /// Empty: the core group.
    pub group: &'static str,
    /// `Service`.
    pub kind: &'static str,
    /// `metadata.name` of the Service.
    pub name: String,
    /// None: the namespace of the route. Any other needs a ReferenceGrant there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// `spec.ports[].port` of the Service, not the port of its pods.
    pub port: i32,
    /// Its share: this of the sum of all weights of the rule. 1 is the server's default.
    pub weight: i32,
}

/// `spec` of a route of layer 4, such as a TCPRoute: those of all protocols are alike.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Layer4RouteSpec {
    /// Exactly one listener: such a port has no hostnames to tell routes apart by.
    pub parent_refs: Vec<ParentReference>,
    /// Exactly one rule.
    pub rules: Vec<Layer4RouteRule>,
}

/// `spec` of a TLSRoute.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsRouteSpec {
    /// The listeners of the hostnames.
    pub parent_refs: Vec<ParentReference>,
    /// What clients ask for; at least one.
    pub hostnames: Vec<String>,
    /// Exactly one rule.
    pub rules: Vec<Layer4RouteRule>,
}

/// Where the traffic of a listener of layer 4 goes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Layer4RouteRule {
    /// 1 to 16.
    pub backend_refs: Vec<BackendRef>,
}

/// `spec` of a ReferenceGrant, which is in the namespace of the objects that are referred to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReferenceGrantSpec {
    /// The objects that may refer.
    pub from: Vec<ReferenceGrantFrom>,
    /// The objects that may be referred to.
    pub to: Vec<ReferenceGrantTo>,
}

/// Objects of one kind in one namespace, which may refer to objects elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReferenceGrantFrom {
    /// [`GROUP`](super::GROUP).
    pub group: &'static str,
    /// `HTTPRoute`, or another kind of route.
    pub kind: &'static str,
    /// The namespace of the routes.
    pub namespace: String,
}

/// An object that may be referred to from another namespace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReferenceGrantTo {
    /// Empty: the core group.
    pub group: &'static str,
    /// `Service`.
    pub kind: &'static str,
    /// `metadata.name` of the Service.
    pub name: String,
}
