//! Envoy Gateway: <https://gateway.envoyproxy.io>.

/// For a Service without endpoints Envoy Gateway sets `ResolvedRefs` to False on a TCPRoute, and this one on an HTTPRoute.
pub(super) const BACKEND_CONDITIONS: &[&str] = &["BackendsAvailable"];
