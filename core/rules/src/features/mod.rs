//! Features of Gateway API that a record's objects need, by the names that GatewayClasses list in `status.supportedFeatures`. What every controller has to
//! support goes without a name, but for the kinds of routes.

use crate::routes::{protocol, routes};
use causeway_gateway_api::RouteKind;
use causeway_records::{
    inputs::Protocol,
    nouns::{
        AllowedListeners, ClientCertificates, ClientValidationMode, GatewayDefinition, Infrastructure, SharedGateway,
        Texts, TlsMode,
    },
};
use serde_json::Value;
use std::collections::BTreeSet;

/// The name of a feature.
pub type Feature = &'static str;

/// Listeners beside those on the Gateway itself.
pub const LISTENER_SET: Feature = "ListenerSet";
/// Requests of other websites' scripts.
pub const CORS: Feature = "HTTPRouteCORS";
const STATIC_ADDRESSES: Feature = "GatewayStaticAddresses";
const INFRASTRUCTURE: Feature = "GatewayInfrastructurePropagation";
/// Certificates of clients.
pub const CLIENT_VALIDATION: Feature = "GatewayFrontendClientCertificateValidation";
const INSECURE_FALLBACK: Feature = "GatewayFrontendClientCertificateValidationInsecureFallback";
const HTTP_ROUTE: Feature = "HTTPRoute";
const GRPC_ROUTE: Feature = "GRPCRoute";
const TLS_ROUTE: Feature = "TLSRoute";
const TLS_TERMINATE: Feature = "TLSRouteModeTerminate";
const TCP_ROUTE: Feature = "TCPRoute";
const UDP_ROUTE: Feature = "UDPRoute";
const SCHEME_REDIRECT: Feature = "HTTPRouteSchemeRedirect";
const PORT_REDIRECT: Feature = "HTTPRoutePortRedirect";

/// Features that are kinds of objects, too: the cluster has to serve them.
pub const KINDS: &[Feature] = &[HTTP_ROUTE, GRPC_ROUTE, TLS_ROUTE, TCP_ROUTE, UDP_ROUTE, LISTENER_SET];

/// A feature, and the field that needs it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// Path of the field in the record: `HttpRoutes[0].Rules[1].timeouts.request`.
    pub field: String,
    /// What it needs.
    pub feature: Feature,
}

/// What the listeners of a protocol need beside HTTP.
pub fn of_protocol(protocol: Protocol) -> &'static [Feature] {
    match protocol {
        Protocol::Http | Protocol::Https => &[HTTP_ROUTE],
        Protocol::Tls => &[TLS_ROUTE, TLS_TERMINATE],
        Protocol::TlsPassthrough => &[TLS_ROUTE],
        Protocol::Tcp => &[TCP_ROUTE],
        Protocol::Udp => &[UDP_ROUTE],
    }
}

/// What a gateway definition with its ports and routes needs; a field may need several, and each is told once.
pub fn of_definition(definition: &GatewayDefinition) -> Vec<Need> {
    let mut needs = Needs::default();
    for (n, port) in definition.http_ports.iter().enumerate() {
        needs.all(&format!("HttpPorts[{n}]"), of_protocol(protocol(port)));
        if port.https_redirect == Some(true) {
            needs.add(format!("HttpPorts[{n}].HTTPSRedirect"), SCHEME_REDIRECT);
        }
    }
    for (n, port) in definition.tcp_ports.iter().enumerate() {
        let protocol = match port.tls() {
            None => Protocol::Tcp,
            Some(TlsMode::Terminate) => Protocol::Tls,
            Some(TlsMode::Passthrough) => Protocol::TlsPassthrough,
        };
        needs.all(&format!("TcpPorts[{n}]"), of_protocol(protocol));
    }
    for n in 0..definition.udp_ports.len() {
        needs.all(&format!("UdpPorts[{n}]"), of_protocol(Protocol::Udp));
    }
    for route in routes(definition) {
        let at = format!("{}[{}]", route.list(), route.ordinal);
        if route.kind == RouteKind::Grpc {
            needs.add(at.clone(), GRPC_ROUTE);
        }
        for (n, rule) in list(route.rules).enumerate() {
            needs.rule(&format!("{at}.Rules[{n}]"), route.kind, rule);
        }
    }
    needs.gateway(definition.addresses.as_ref(), definition.infrastructure.as_ref());
    needs.0.into_iter().collect()
}

/// What a shared gateway with listeners of its own needs.
pub fn of_shared_gateway(gateway: &SharedGateway) -> Vec<Need> {
    let mut needs = Needs::default();
    for (n, listener) in gateway.listeners.iter().flat_map(|listeners| &listeners.0).enumerate() {
        needs.all(&format!("Listeners[{n}].Protocol"), of_protocol(listener.protocol()));
        for kind in listener.route_kinds.iter().flat_map(|kinds| &kinds.0) {
            needs.add(format!("Listeners[{n}].RouteKinds"), kind.as_str());
        }
    }
    if let Some(frontend) = gateway.tls.as_ref().and_then(|tls| tls.frontend.as_ref()) {
        needs.clients("TLS.frontend.default", &frontend.default);
        for (n, port) in frontend.per_port.iter().enumerate() {
            needs.clients(&format!("TLS.frontend.perPort[{n}].tls"), &port.tls);
        }
    }
    if gateway.allowed_listeners.as_ref().is_some_and(AllowedListeners::lets_some_in) {
        needs.add("AllowedListeners".to_owned(), LISTENER_SET);
    }
    needs.gateway(gateway.addresses.as_ref(), gateway.infrastructure.as_ref());
    needs.0.into_iter().collect()
}

/// Each once.
#[derive(Default)]
struct Needs(BTreeSet<Need>);

impl Needs {
    fn add(&mut self, field: String, feature: Feature) {
        self.0.insert(Need { field, feature });
    }

    fn all(&mut self, field: &str, features: &[Feature]) {
        features.iter().for_each(|feature| self.add(field.to_owned(), feature));
    }

    fn gateway(&mut self, addresses: Option<&Texts>, infrastructure: Option<&Infrastructure>) {
        if addresses.is_some_and(|addresses| !addresses.0.is_empty()) {
            self.add("Addresses".to_owned(), STATIC_ADDRESSES);
        }
        if infrastructure.is_some_and(|made| made != &Infrastructure::default()) {
            self.add("Infrastructure".to_owned(), INFRASTRUCTURE);
        }
    }

    /// Certificates that clients show.
    fn clients(&mut self, at: &str, clients: &ClientCertificates) {
        let Some(validation) = &clients.validation else { return };
        self.add(format!("{at}.validation"), CLIENT_VALIDATION);
        if validation.mode == ClientValidationMode::AllowInsecureFallback {
            self.add(format!("{at}.validation.mode"), INSECURE_FALLBACK);
        }
    }

    fn rule(&mut self, at: &str, kind: RouteKind, rule: &Value) {
        let named = if kind == RouteKind::Grpc { "GRPCRouteNamedRouteRule" } else { "HTTPRouteNamedRouteRule" };
        self.if_there(rule, at, "name", named);
        if kind == RouteKind::Grpc {
            return;
        }
        for (n, of) in list(&rule["matches"]).enumerate() {
            let at = format!("{at}.matches[{n}]");
            self.if_there(of, &at, "method", "HTTPRouteMethodMatching");
            self.if_there(of, &at, "queryParams", "HTTPRouteQueryParamMatching");
        }
        self.if_there(&rule["timeouts"], &format!("{at}.timeouts"), "request", "HTTPRouteRequestTimeout");
        self.if_there(&rule["timeouts"], &format!("{at}.timeouts"), "backendRequest", "HTTPRouteBackendTimeout");
        self.filters(at, rule);
        for (n, backend) in list(&rule["backendRefs"]).enumerate() {
            let at = format!("{at}.backendRefs[{n}]");
            self.if_there(backend, &at, "filters", "HTTPRouteBackendRequestHeaderModification");
            self.filters(&at, backend);
        }
    }

    fn filters(&mut self, at: &str, holder: &Value) {
        let mut mirrors = 0;
        for (n, filter) in list(&holder["filters"]).enumerate() {
            let at = format!("{at}.filters[{n}]");
            match filter["type"].as_str().unwrap_or_default() {
                "ResponseHeaderModifier" => self.add(at, "HTTPRouteResponseHeaderModification"),
                "CORS" => self.add(at, CORS),
                "RequestRedirect" => self.redirect(&format!("{at}.requestRedirect"), &filter["requestRedirect"]),
                "URLRewrite" => {
                    let (at, rewrite) = (format!("{at}.urlRewrite"), &filter["urlRewrite"]);
                    self.if_there(rewrite, &at, "hostname", "HTTPRouteHostRewrite");
                    self.if_there(rewrite, &at, "path", "HTTPRoutePathRewrite");
                }
                "RequestMirror" => {
                    mirrors += 1;
                    let part = if mirrors > 1 { "HTTPRouteRequestMultipleMirrors" } else { "HTTPRouteRequestMirror" };
                    self.add(at.clone(), part);
                    let (at, mirror) = (format!("{at}.requestMirror"), &filter["requestMirror"]);
                    self.if_there(mirror, &at, "percent", "HTTPRouteRequestPercentageMirror");
                    self.if_there(mirror, &at, "fraction", "HTTPRouteRequestPercentageMirror");
                }
                _ => {}
            }
        }
    }

    fn redirect(&mut self, at: &str, redirect: &Value) {
        self.if_there(redirect, at, "scheme", SCHEME_REDIRECT);
        self.if_there(redirect, at, "port", PORT_REDIRECT);
        self.if_there(redirect, at, "path", "HTTPRoutePathRedirect");
        let code = match redirect["statusCode"].as_i64() {
            Some(303) => "HTTPRoute303RedirectStatusCode",
            Some(307) => "HTTPRoute307RedirectStatusCode",
            Some(308) => "HTTPRoute308RedirectStatusCode",
            _ => return,
        };
        self.add(format!("{at}.statusCode"), code);
    }

    /// An empty list asks for nothing.
    fn if_there(&mut self, holder: &Value, at: &str, key: &str, feature: Feature) {
        let value = &holder[key];
        if !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()) {
            self.add(format!("{at}.{key}"), feature);
        }
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests;
