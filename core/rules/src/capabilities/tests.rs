use super::*;
use causeway_records::inputs::GatewayClassFacts;

const ALL: &[&str] = &["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute", "ListenerSet"];

fn api(version: &str, channel: &str, kinds: &[&str]) -> Option<GatewayApiFacts> {
    let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    Some(GatewayApiFacts { version: version.into(), channel: channel.into(), kinds })
}

fn class(controller: &str, features: &[&str]) -> Option<GatewayClassFacts> {
    let features = features.iter().map(|name| (*name).to_owned()).collect();
    Some(GatewayClassFacts { controller: controller.into(), features })
}

#[test]
fn of_what_nothing_is_known_everything_may_be_asked() {
    let nothing = ClassInCluster::default();
    for named in [None, Some("internal")] {
        let capabilities = Capabilities::new(named, &nothing);
        assert_eq!(capabilities.lacks("UDPRoute"), None);
        assert_eq!((capabilities.has_listener_sets(), capabilities.of_known_class()), (true, None), "{named:?}");
    }
    let silent = ClassInCluster { api: None, class: class("example.org/silent", &[]) };
    let capabilities = Capabilities::new(Some("silent"), &silent);
    assert_eq!(
        (capabilities.lacks("UDPRoute"), capabilities.has_listener_sets()),
        (None, false),
        "all have the Gateway"
    );
}

#[test]
fn a_controller_can_do_what_it_lists() {
    let known = ClassInCluster {
        api: api("v1.6.1", "standard", ALL),
        class: class("example.org/some", &["HTTPRoute", "TLSRoute"]),
    };
    let capabilities = Capabilities::new(Some("some"), &known);
    assert_eq!(capabilities.of_known_class(), Some(("some", "example.org/some")));
    let served: Vec<_> = Protocol::ALL.iter().filter(|protocol| capabilities.serves(**protocol)).collect();
    assert_eq!(served, [&Protocol::Http, &Protocol::Https, &Protocol::TlsPassthrough], "it can't end TLS");
    assert!(!capabilities.has_listener_sets());
    let with_sets = ClassInCluster { class: class("example.org/some", &["ListenerSet"]), ..known };
    assert!(Capabilities::new(Some("some"), &with_sets).has_listener_sets());
}

#[test]
fn envoy_gateway_lists_nothing_and_has_listener_sets() {
    let known =
        ClassInCluster { api: api("v1.6.1", "standard", ALL), class: class(Driver::EnvoyGateway.controller(), &[]) };
    let capabilities = Capabilities::new(Some("internal"), &known);
    assert!(capabilities.has_listener_sets() && Protocol::ALL.iter().all(|protocol| capabilities.serves(*protocol)));
}

#[test]
fn a_kind_that_the_cluster_does_not_serve_cannot_be_whatever_the_class() {
    let known = ClassInCluster { api: api("v1.5.0", "standard", &["HTTPRoute", "TLSRoute"]), class: None };
    let capabilities = Capabilities::new(None, &known);
    assert!(!capabilities.has_listener_sets() && !capabilities.serves(Protocol::Udp));
    assert!(capabilities.serves(Protocol::Tls) && capabilities.serves(Protocol::Http));
    let why = capabilities.lacks("UDPRoute").unwrap();
    assert!(why.starts_with("Gateway API v1.5.0 (standard) of the cluster doesn't serve that kind"), "{why}");
}

#[test]
fn a_field_is_in_the_standard_channel_from_a_release_on() {
    let lacks = |version: &str, channel: &str| {
        let known = ClassInCluster { api: api(version, channel, ALL), class: None };
        Capabilities::new(None, &known).lacks(CORS).is_some()
    };
    assert!(lacks("v1.5.1", "standard"));
    assert!(!lacks("v1.6.0", "standard") && !lacks("v2.0.0", "standard") && !lacks("v1.5.1", "experimental"));
    assert!(!lacks("", "standard") && !lacks("main", "standard"), "nothing says which it is");
}

#[test]
fn a_refusal_names_the_field_the_feature_and_what_to_do() {
    let known = ClassInCluster { api: None, class: class("example.org/some", &["HTTPRoute"]) };
    let capabilities = Capabilities::new(Some("some"), &known);
    let need = |feature| vec![Need { field: "UdpPorts[0]".into(), feature }];
    assert!(capabilities.check(&need("HTTPRoute"), "main").is_ok());
    let refusal = capabilities.check(&need("UDPRoute"), "main").unwrap_err();
    assert_eq!(refusal.reason, Reason::Unsupported);
    assert_eq!(
        refusal.to_string(),
        "UdpPorts[0]: needs UDPRoute of Gateway API, and kubernetes runtime instance main can't do it: GatewayClass some of the cluster doesn't list it \
         among the features that its controller (example.org/some) supports; leave it out, or take another GatewayClassName"
    );
}
