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
    assert_eq!(shown(&definition), ["GrpcRoutes[0] GRPCRoute", "GrpcRoutes[0].Rules[0].name GRPCRouteNamedRouteRule"]);
}

#[test]
fn a_gateway_needs_what_its_own_fields_are_called() {
    let listeners =
        json!([{"Name": "https", "Port": 443, "Protocol": "HTTPS", "SecretName": "tls", "RouteKinds": ["GRPCRoute"]}]);
    let bundle =
        |mode: &str| json!({"validation": {"caCertificateRefs": [{"kind": "ConfigMap", "name": "ca"}], "mode": mode}});
    let tls = json!({
        "backend": {"clientCertificateRef": {"name": "client"}},
        "frontend": {"default": bundle("AllowValidOnly"), "perPort": [{"port": 443, "tls": bundle("AllowInsecureFallback")}]},
    });
    let gateway = SharedGateway {
        listeners: Some(serde_json::from_value(listeners).unwrap()),
        tls: Some(serde_json::from_value(tls).unwrap()),
        allowed_listeners: Some(serde_json::from_value(json!({"namespaces": {"from": "Same"}})).unwrap()),
        ..SharedGateway::default()
    };
    let shown: Vec<_> =
        of_shared_gateway(&gateway).into_iter().map(|need| format!("{} {}", need.field, need.feature)).collect();
    assert_eq!(
        shown,
        [
            "AllowedListeners ListenerSet",
            "Listeners[0].Protocol HTTPRoute",
            "Listeners[0].RouteKinds GRPCRoute",
            "TLS.frontend.default.validation GatewayFrontendClientCertificateValidation",
            "TLS.frontend.perPort[0].tls.validation GatewayFrontendClientCertificateValidation",
            "TLS.frontend.perPort[0].tls.validation.mode GatewayFrontendClientCertificateValidationInsecureFallback",
        ]
    );
    let none = SharedGateway { tls: None, allowed_listeners: Some(AllowedListeners::default()), ..gateway };
    assert_eq!(of_shared_gateway(&none).len(), 2);
}
