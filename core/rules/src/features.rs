//! Features of Gateway API that a record's objects need, by the names that GatewayClasses list in `status.supportedFeatures`. What every controller has to
//! support goes without a name, but for the kinds of routes.

use crate::routes::{protocol, routes};
use causeway_gateway_api::RouteKind;
use causeway_records::{
    inputs::Protocol,
    nouns::{GatewayDefinition, Infrastructure, SharedGateway, Texts, TlsMode},
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
mod tests {
    use super::*;
    use causeway_records::nouns::{
        GatewayGrpcRoute, GatewayHttpPort, GatewayHttpRoute, GatewayTcpPort, GatewayUdpPort, GrpcRules, HttpRules,
    };
    use serde_json::json;

    fn shown(definition: &GatewayDefinition) -> Vec<String> {
        of_definition(definition).into_iter().map(|need| format!("{} {}", need.field, need.feature)).collect()
    }

    fn with_rules(rules: Value) -> GatewayDefinition {
        let route = GatewayHttpRoute { rules: HttpRules(rules), ..GatewayHttpRoute::default() };
        GatewayDefinition { http_routes: vec![route], ..GatewayDefinition::default() }
    }

    #[test]
    fn each_kind_of_port_needs_its_kind_of_route() {
        let tcp = |mode: Option<TlsMode>| GatewayTcpPort {
            tls_enabled: Some(mode.is_some()),
            tls_mode: mode,
            ..GatewayTcpPort::default()
        };
        let definition = GatewayDefinition {
            http_ports: vec![GatewayHttpPort { https_redirect: Some(true), ..GatewayHttpPort::default() }],
            tcp_ports: vec![tcp(None), tcp(Some(TlsMode::Terminate)), tcp(Some(TlsMode::Passthrough))],
            udp_ports: vec![GatewayUdpPort::default()],
            ..GatewayDefinition::default()
        };
        assert_eq!(
            shown(&definition),
            [
                "HttpPorts[0] HTTPRoute",
                "HttpPorts[0].HTTPSRedirect HTTPRouteSchemeRedirect",
                "TcpPorts[0] TCPRoute",
                "TcpPorts[1] TLSRoute",
                "TcpPorts[1] TLSRouteModeTerminate",
                "TcpPorts[2] TLSRoute",
                "UdpPorts[0] UDPRoute",
            ]
        );
    }

    #[test]
    fn rules_need_what_their_fields_are_called() {
        let rules = json!([{
            "name": "one",
            "matches": [{"method": "GET", "queryParams": []}, {"queryParams": [{"name": "a", "value": "b"}]}],
            "timeouts": {"request": "1s", "backendRequest": "1s"},
            "filters": [
                {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x"]}},
                {"type": "CORS", "cors": {}},
                {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "a"}, "percent": 5}},
                {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "b"}}},
                {"type": "URLRewrite", "urlRewrite": {"hostname": "a.test"}},
            ],
            "backendRefs": [{"name": "web", "filters": [{"type": "ResponseHeaderModifier"}]}],
        }, {
            "filters": [{"type": "RequestRedirect", "requestRedirect": {"port": 8443, "statusCode": 308}}],
        }]);
        assert_eq!(
            shown(&with_rules(rules)),
            [
                "HttpRoutes[0].Rules[0].backendRefs[0].filters HTTPRouteBackendRequestHeaderModification",
                "HttpRoutes[0].Rules[0].backendRefs[0].filters[0] HTTPRouteResponseHeaderModification",
                "HttpRoutes[0].Rules[0].filters[1] HTTPRouteCORS",
                "HttpRoutes[0].Rules[0].filters[2] HTTPRouteRequestMirror",
                "HttpRoutes[0].Rules[0].filters[2].requestMirror.percent HTTPRouteRequestPercentageMirror",
                "HttpRoutes[0].Rules[0].filters[3] HTTPRouteRequestMultipleMirrors",
                "HttpRoutes[0].Rules[0].filters[4].urlRewrite.hostname HTTPRouteHostRewrite",
                "HttpRoutes[0].Rules[0].matches[0].method HTTPRouteMethodMatching",
                "HttpRoutes[0].Rules[0].matches[1].queryParams HTTPRouteQueryParamMatching",
                "HttpRoutes[0].Rules[0].name HTTPRouteNamedRouteRule",
                "HttpRoutes[0].Rules[0].timeouts.backendRequest HTTPRouteBackendTimeout",
                "HttpRoutes[0].Rules[0].timeouts.request HTTPRouteRequestTimeout",
                "HttpRoutes[0].Rules[1].filters[0].requestRedirect.port HTTPRoutePortRedirect",
                "HttpRoutes[0].Rules[1].filters[0].requestRedirect.statusCode HTTPRoute308RedirectStatusCode",
            ]
        );
    }

    #[test]
    fn what_every_controller_supports_needs_nothing() {
        let core = json!([{
            "matches": [{"path": {"type": "Exact", "value": "/"}, "headers": [{"name": "a", "value": "b"}]}],
            "filters": [{"type": "RequestRedirect", "requestRedirect": {"hostname": "a.test", "statusCode": 301}}],
            "backendRefs": [{"name": "web", "port": 80, "weight": 1, "filters": []}],
        }]);
        assert_eq!(shown(&with_rules(core)), [""; 0]);
        assert_eq!(shown(&with_rules(json!("no list"))), [""; 0]);
    }

    #[test]
    fn grpc_is_a_kind_of_its_own() {
        let route = GatewayGrpcRoute {
            rules: GrpcRules(json!([{"name": "calls", "matches": [{"method": {"service": "a"}}]}])),
            ..GatewayGrpcRoute::default()
        };
        let definition = GatewayDefinition { grpc_routes: vec![route], ..GatewayDefinition::default() };
        assert_eq!(
            shown(&definition),
            ["GrpcRoutes[0] GRPCRoute", "GrpcRoutes[0].Rules[0].name GRPCRouteNamedRouteRule"]
        );
    }
}
