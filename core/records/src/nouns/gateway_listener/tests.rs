use super::*;
use serde_json::{Value, json};

fn problems(listeners: Value) -> Vec<String> {
    problems_with(listeners, false)
}

fn problems_with(listeners: Value, has_domain: bool) -> Vec<String> {
    let listeners: GatewayListeners = serde_json::from_value(listeners).unwrap();
    listeners.check(has_domain).iter().map(ToString::to_string).collect()
}

fn listener(name: &str, port: i32, protocol: &str, more: Value) -> Value {
    let mut listener = json!({"Name": name, "Port": port, "Protocol": protocol});
    listener.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    listener
}

#[test]
fn listeners_are_told_apart_as_gateway_api_does() {
    let https =
        |name: &str, hostname: &str| listener(name, 443, "HTTPS", json!({"Hostname": hostname, "SecretName": "tls"}));
    let passed = listener("db", 443, "TLS", json!({"Hostname": "db.example.org", "TLSMode": "Passthrough"}));
    let all = json!([
        listener("http", 80, "HTTP", json!({})),
        listener("own", 80, "HTTP", json!({"Hostname": "*.example.org"})),
        https("https", "*.example.org"),
        passed,
        listener("dns-tcp", 53, "TCP", json!({})),
        listener("dns-udp", 53, "UDP", json!({})),
    ]);
    assert_eq!(problems(all), [""; 0]);
    let twice =
        json!([https("a", "a.test"), https("b", "A.test"), https("a", "b.test"), listener("c", 443, "TCP", json!({}))]);
    assert_eq!(
        problems(twice),
        [
            "Listeners[1].Hostname: listener a is for the same hostname on port 443; take one of them away",
            "Listeners[2].Name: a is the name of another listener; each needs its own",
            "Listeners[3].Protocol: listener a speaks HTTPS on port 443; take another port",
        ]
    );
    assert_eq!(problems(json!([])), ["Listeners: holds 0 listeners; 1 to 64 are allowed"]);
}

#[test]
fn tls_has_a_secret_where_the_gateway_ends_it() {
    let wrong = |protocol: &str, more: Value| problems(json!([listener("a", 443, protocol, more)]));
    assert!(wrong("HTTPS", json!({}))[0].starts_with("Listeners[0].SecretName: is needed where the Gateway ends TLS"));
    assert!(wrong("TLS", json!({}))[0].starts_with("Listeners[0].SecretName: is needed"), "Terminate is the default");
    assert_eq!(wrong("HTTPS", json!({"SecretName": "tls", "TLSMode": "Terminate"})), [""; 0]);
    let passed = wrong("TLS", json!({"TLSMode": "Passthrough", "SecretName": "tls"}));
    assert_eq!(passed, ["Listeners[0].SecretName: the Gateway ends no TLS here; leave it out"]);
    let mode = wrong("HTTPS", json!({"SecretName": "tls", "TLSMode": "Passthrough"}));
    assert!(mode[0].starts_with("Listeners[0].TLSMode: goes with Protocol TLS"), "{mode:?}");
    let elsewhere = wrong("HTTPS", json!({"SecretName": "tls", "SecretNamespace": "certificates"}));
    assert_eq!(elsewhere, [""; 0]);
    let alone = wrong("HTTP", json!({"SecretNamespace": "certificates"}));
    assert!(
        alone.len() == 1 && alone[0].starts_with("Listeners[0].SecretNamespace: goes with SecretName"),
        "{alone:?}"
    );
    let hostname = wrong("UDP", json!({"Hostname": "a.test"}));
    assert!(hostname[0].starts_with("Listeners[0].Hostname: a client names no hostname"), "{hostname:?}");
}

#[test]
fn which_routes_are_let_in_is_checked_where_it_stands() {
    let of = |routes: Value| problems(json!([listener("a", 80, "HTTP", json!({"AllowedRoutes": routes}))]));
    assert_eq!(of(json!({"namespaces": {"from": "All"}})), [""; 0]);
    let wrong = of(json!({"namespaces": {"from": "Selector"}}));
    assert_eq!(wrong, ["Listeners[0].AllowedRoutes.namespaces.selector: is needed with from Selector"]);
}

#[test]
fn kinds_of_routes_fit_the_protocol() {
    let of = |protocol: &str, more: Value| problems(json!([listener("a", 80, protocol, more)]));
    assert_eq!(of("HTTP", json!({"RouteKinds": ["GRPCRoute"]})), [""; 0]);
    assert_eq!(of("UDP", json!({"RouteKinds": ["UDPRoute"]})), [""; 0]);
    let odd = [
        "Listeners[0].RouteKinds: names what can't attach, or nothing; with this Protocol name HTTPRoute or GRPCRoute",
    ];
    assert_eq!(of("HTTP", json!({"RouteKinds": ["HTTPRoute", "TCPRoute"]})), odd);
    assert_eq!(of("HTTP", json!({"RouteKinds": []})), odd);
    let both = of("HTTP", json!({"RouteKinds": ["HTTPRoute"], "AllowedRoutes": {}}));
    assert!(both.len() == 1 && both[0].starts_with("Listeners[0].RouteKinds: goes without AllowedRoutes"), "{both:?}");
    let takes = |more: Value, kind| {
        let listener: GatewayListener = serde_json::from_value(listener("a", 80, "HTTP", more)).unwrap();
        listener.takes(kind)
    };
    assert!(takes(json!({}), GrantedRoute::Http) && takes(json!({"RouteKinds": ["GRPCRoute"]}), GrantedRoute::Grpc));
    assert!(!takes(json!({"RouteKinds": ["GRPCRoute"]}), GrantedRoute::Http));
}

#[test]
fn a_certificate_is_ordered_from_the_issuer_of_a_domain() {
    let of = |more: Value| problems_with(json!([listener("a", 443, "HTTPS", more)]), true);
    assert_eq!(of(json!({"Hostname": "*.example.org"})), [""; 0]);
    assert_eq!(of(json!({"SecretName": "tls"})), [""; 0], "for every hostname, with a Secret of somebody's own");
    assert!(of(json!({}))[0].starts_with("Listeners[0].Hostname: is needed for the certificate that is ordered"));
    let needs = |more: Value| {
        let listener: GatewayListener = serde_json::from_value(listener("a", 443, "TLS", more)).unwrap();
        listener.needs_certificate()
    };
    assert!(needs(json!({"Hostname": "a.test"})) && !needs(json!({"SecretName": "tls"})));
    assert!(!needs(json!({"TLSMode": "Passthrough"})));
}
