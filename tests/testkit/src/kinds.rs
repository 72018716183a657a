//! Kinds of Kubernetes objects, and the labels of the control plane's own objects.
//!
//! The labels are written out here, and not taken from the product: a test must notice when they change.

#![expect(missing_docs, reason = "the names are those of the kinds")]

/// Group, version and kind.
pub type Gvk<'a> = (&'a str, &'a str, &'a str);

/// The label whose value is the id of the control plane.
pub const CONTROL_PLANE: &str = "causeway.dev/control-plane";
/// The label whose value names the record: `gateway-instance-7`.
pub const OWNER: &str = "causeway.dev/owner";

pub const CERTIFICATE: Gvk<'static> = ("cert-manager.io", "v1", "Certificate");
pub const CLUSTER_ISSUER: Gvk<'static> = ("cert-manager.io", "v1", "ClusterIssuer");
pub const CLUSTER_ROLE: Gvk<'static> = ("rbac.authorization.k8s.io", "v1", "ClusterRole");
pub const CLUSTER_ROLE_BINDING: Gvk<'static> = ("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding");
pub const CONFIG_MAP: Gvk<'static> = ("", "v1", "ConfigMap");
pub const CUSTOM_RESOURCE_DEFINITION: Gvk<'static> = ("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
pub const DEPLOYMENT: Gvk<'static> = ("apps", "v1", "Deployment");
pub const DNS_ENDPOINT: Gvk<'static> = ("externaldns.k8s.io", "v1alpha1", "DNSEndpoint");
pub const GATEWAY: Gvk<'static> = ("gateway.networking.k8s.io", "v1", "Gateway");
pub const GATEWAY_CLASS: Gvk<'static> = ("gateway.networking.k8s.io", "v1", "GatewayClass");
pub const GRPC_ROUTE: Gvk<'static> = ("gateway.networking.k8s.io", "v1", "GRPCRoute");
pub const HTTP_ROUTE: Gvk<'static> = ("gateway.networking.k8s.io", "v1", "HTTPRoute");
pub const LISTENER_SET: Gvk<'static> = ("gateway.networking.k8s.io", "v1", "ListenerSet");
pub const NAMESPACE: Gvk<'static> = ("", "v1", "Namespace");
pub const NODE: Gvk<'static> = ("", "v1", "Node");
pub const POD: Gvk<'static> = ("", "v1", "Pod");
pub const REFERENCE_GRANT: Gvk<'static> = ("gateway.networking.k8s.io", "v1beta1", "ReferenceGrant");
pub const ROLE: Gvk<'static> = ("rbac.authorization.k8s.io", "v1", "Role");
pub const SECRET: Gvk<'static> = ("", "v1", "Secret");
pub const SERVICE: Gvk<'static> = ("", "v1", "Service");
pub const SERVICE_ACCOUNT: Gvk<'static> = ("", "v1", "ServiceAccount");
pub const TCP_ROUTE: Gvk<'static> = ("gateway.networking.k8s.io", "v1", "TCPRoute");
pub const TLS_ROUTE: Gvk<'static> = ("gateway.networking.k8s.io", "v1", "TLSRoute");
pub const UDP_ROUTE: Gvk<'static> = ("gateway.networking.k8s.io", "v1", "UDPRoute");
