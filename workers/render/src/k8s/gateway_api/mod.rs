//! Gateway API v1 (standard channel of v1.6), with the server's defaults written out. Shared by all drivers whose controller speaks it.
//!
//! Why our own structs: the crate `gateway-api` brings a second version of kube and k8s-openapi with it, and its standard channel has no
//! TCPRoute. Types carry the names of the Go API, so that they can be replaced one by one when the versions meet.

mod gateway;
mod routes;

pub use gateway::{
    GatewayAddress, GatewayAllowedListeners, GatewayClassSpec, GatewayInfrastructure, GatewaySpec, LabelSelector,
    LabelSelectorRequirement, ListenerAllowedRoutes, ListenerSetSpec, ListenerSpec, ListenerTls, Namespaces,
    RouteGroupKind, SecretObjectReference,
};
pub use routes::{
    BackendRef, HttpPathMatch, HttpRequestRedirect, HttpRouteFilter, HttpRouteMatch, HttpRouteRule, HttpRouteSpec,
    Layer4RouteRule, Layer4RouteSpec, ReferenceGrantFrom, ReferenceGrantSpec, ReferenceGrantTo, RouteSpec,
    TlsRouteSpec,
};

use super::ObjectKind;
use causeway_records::{inputs::Protocol, inventory::ObjectRef};
use serde::Serialize;

/// The API group of Gateway API.
pub const GROUP: &str = "gateway.networking.k8s.io";

const fn kind(version: &'static str, kind: &'static str) -> ObjectKind {
    ObjectKind { group: GROUP, version, kind, exclusive: true }
}

/// Names the controller that is responsible for Gateways of the class. Cluster-scoped.
pub const GATEWAY_CLASS: ObjectKind = kind("v1", "GatewayClass");
/// Addresses and listeners, served by the proxies that the controller runs for it.
pub const GATEWAY: ObjectKind = kind("v1", "Gateway");
/// Further listeners of a Gateway, which itself holds at most 64.
pub const LISTENER_SET: ObjectKind = kind("v1", "ListenerSet");
/// Sends HTTP requests from listeners to Services, by hostname and path.
pub const HTTP_ROUTE: ObjectKind = kind("v1", "HTTPRoute");
/// Sends gRPC requests from listeners to Services, by hostname and method.
pub const GRPC_ROUTE: ObjectKind = kind("v1", "GRPCRoute");
/// Sends the connections of a TLS listener to a Service, by the hostname that each asks for.
pub const TLS_ROUTE: ObjectKind = kind("v1", "TLSRoute");
/// Sends the connections of a TCP listener to a Service.
pub const TCP_ROUTE: ObjectKind = kind("v1", "TCPRoute");
/// Sends the datagrams of a UDP listener to a Service.
pub const UDP_ROUTE: ObjectKind = kind("v1", "UDPRoute");
/// Permission to refer to another namespace. The only version that every bundle serves.
pub const REFERENCE_GRANT: ObjectKind = kind("v1beta1", "ReferenceGrant");

/// The kinds of routes that attach to listeners of a protocol.
pub const fn route_kinds(protocol: Protocol) -> &'static [ObjectKind] {
    match protocol {
        Protocol::Http | Protocol::Https => &[HTTP_ROUTE, GRPC_ROUTE],
        Protocol::Tls | Protocol::TlsPassthrough => &[TLS_ROUTE],
        Protocol::Tcp => &[TCP_ROUTE],
        Protocol::Udp => &[UDP_ROUTE],
    }
}

/// Whether an object is a route of any protocol.
pub fn is_route(at: &ObjectRef) -> bool {
    Protocol::ALL.iter().any(|protocol| route_kinds(*protocol).iter().any(|kind| kind.is(at)))
}

/// Names the Gateway or ListenerSet that a route or ListenerSet attaches to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ParentReference {
    /// [`GROUP`].
    pub group: &'static str,
    /// `Gateway` or `ListenerSet`.
    pub kind: &'static str,
    /// Always written, also for the route's own namespace.
    pub namespace: String,
    /// `metadata.name` of the parent.
    pub name: String,
    /// Name of the listener. None only in a ListenerSet, whose parent is the Gateway as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section_name: Option<String>,
}
