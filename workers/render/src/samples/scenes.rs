//! Every mode of gateways, and a domain name instance.

use super::{
    CONTROL_PLANE, MANIFESTS,
    gateways::{Scene, Variant, gateway, given, given_listener, http, shared, tcp, tls, udp},
    records::{domain, named, parse, record, workload},
};
use crate::{
    hostnames::ZonesOf,
    targets::{Targets, TargetsOf},
};
use causeway_records::{
    inputs::{DomainGateway, DomainNameInputs, GatewayInputs, Published, PublishedZone},
    nouns::{
        AcmeChallenge, DomainNameDefinition, DomainNameInstance, GatewayGrpcRoute, GatewayHttpPort, GatewayHttpRoute,
        GatewayInstance, GatewayListener, GatewayTcpPort, GrpcRules, Hostnames, HttpRules, Infrastructure, IssuerKind,
        KeyType, ListenerProtocol, Placement, SharedGateway, Texts, TlsMode,
    },
    text::RenewalPercent,
};
use serde_json::json;
use std::collections::BTreeMap;

/// Every mode of gateways, by name.
pub fn scenes() -> Vec<(&'static str, Scene)> {
    let acme = |challenge| DomainNameDefinition { acme_challenge: Some(challenge), ..domain(21) };
    let kind = |id, issuer_kind, name: &str| DomainNameDefinition {
        issuer_kind: Some(issuer_kind),
        issuer_name: Some(parse(name)),
        ..domain(id)
    };
    let https = |id, definition| {
        gateway(id, "web", Some((21, definition)), &[http(80, "/").redirect(), http(443, "/").tls()], &[])
    };
    let dedicated = |id, definition| {
        let mut inputs = https(id, definition);
        inputs.definition.spec.placement = Some(Placement::Dedicated);
        inputs
    };
    let mut cloud = dedicated(307, kind(21, IssuerKind::SelfSigned, "unused"));
    cloud.definition.spec.tcp_ports = vec![tcp(5432)];
    cloud.definition.spec.addresses = Some(Texts(vec!["192.0.2.7".into(), "lb.example.net".into()]));
    cloud.definition.spec.infrastructure = Some(Infrastructure {
        labels: BTreeMap::from([("team".into(), "shop".into())]),
        annotations: BTreeMap::from([(
            "service.beta.kubernetes.io/aws-load-balancer-scheme".into(),
            "internal".into(),
        )]),
    });
    // With UDP and TCP on one port, as DNS has them.
    let dns = |id| {
        let mut inputs = gateway(id, "dns", None, &[], &[53]);
        inputs.definition.spec.udp_ports = vec![udp(53)];
        let ports = "ports:\n  - {name: udp, port: 53, protocol: UDP}\n";
        inputs.workload.definition.spec.yaml_document = MANIFESTS.replace("ports:\n", ports);
        inputs
    };
    let mut own_dns = dns(311);
    own_dns.definition.spec.placement = Some(Placement::Dedicated);
    let external_account = || DomainNameDefinition {
        acme_external_account_key_id: Some("kid-1".into()),
        acme_external_account_key: Some("zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W".into()),
        acme_profile: Some("shortlived".into()),
        key_type: Some(KeyType::Ecdsa256),
        renew_before_percentage: RenewalPercent::try_from(50).ok(),
        ..acme(AcmeChallenge::Dns01)
    };
    let shop = || (21, acme(AcmeChallenge::Dns01));
    let mut own_tls = with_tls(315, shop());
    own_tls.definition.spec.placement = Some(Placement::Dedicated);
    let wildcard = |id| {
        let one_for_all = DomainNameDefinition { wildcard_certificate: Some(true), ..acme(AcmeChallenge::Dns01) };
        with_hostnames(
            id,
            (21, one_for_all),
            &["a.shop.example.org", "api.example.org", "example.org", "shop.example.org"],
        )
    };
    let mut own_wildcard = wildcard(318);
    own_wildcard.definition.spec.placement = Some(Placement::Dedicated);
    let mut own_below = with_names_below(323, shop());
    own_below.definition.spec.placement = Some(Placement::Dedicated);
    let mut own_secrets = with_secrets(320);
    own_secrets.definition.spec.placement = Some(Placement::Dedicated);
    let mut own_routes = with_routes(313, shop());
    own_routes.definition.spec.placement = Some(Placement::Dedicated);
    vec![
        ("plain", shared(101, vec![gateway(301, "web", None, &[http(80, "/"), http(8080, "/")], &[])])),
        (
            "two_workloads",
            shared(
                102,
                vec![
                    gateway(302, "web", Some(shop()), &[http(80, "/").redirect(), http(443, "/").tls()], &[5432]),
                    gateway(303, "api", Some(shop()), &[http(80, "/api").redirect(), http(443, "/api/").tls()], &[]),
                ],
            ),
        ),
        ("http01", shared(103, vec![https(304, acme(AcmeChallenge::Http01))])),
        ("ca", shared(104, vec![https(305, kind(21, IssuerKind::Ca, "our-ca"))])),
        ("existing", shared(105, vec![https(306, kind(21, IssuerKind::Existing, "their-issuer"))])),
        ("dedicated", Scene { shared: None, listener_sets: Vec::new(), gateways: vec![cloud] }),
        (
            "dedicated_http01",
            Scene {
                shared: None,
                listener_sets: Vec::new(),
                gateways: vec![dedicated(308, acme(AcmeChallenge::Http01))],
            },
        ),
        (
            "dedicated_external_account",
            Scene { shared: None, listener_sets: Vec::new(), gateways: vec![dedicated(316, external_account())] },
        ),
        ("routes", shared(107, vec![with_routes(312, shop())])),
        ("dedicated_routes", Scene { shared: None, listener_sets: Vec::new(), gateways: vec![own_routes] }),
        ("tls", shared(108, vec![with_tls(314, shop())])),
        ("dedicated_tls", Scene { shared: None, listener_sets: Vec::new(), gateways: vec![own_tls] }),
        ("wildcard", shared(109, vec![wildcard(317)])),
        ("dedicated_wildcard", Scene { shared: None, listener_sets: Vec::new(), gateways: vec![own_wildcard] }),
        ("brought", shared(110, vec![with_secrets(319)])),
        ("dedicated_brought", Scene { shared: None, listener_sets: Vec::new(), gateways: vec![own_secrets] }),
        ("udp", shared(106, vec![dns(310)])),
        ("dedicated_udp", Scene { shared: None, listener_sets: Vec::new(), gateways: vec![own_dns] }),
        ("given", on_given_listeners(111, 321, shop())),
        ("names_below", shared(112, vec![with_names_below(322, shop())])),
        ("dedicated_names_below", Scene { shared: None, listener_sets: Vec::new(), gateways: vec![own_below] }),
    ]
}

/// One gateway on listeners of a platform team: a wildcard for HTTP and for HTTPS, a port of TCP, and a hostname of TLS that nobody has attached to.
fn on_given_listeners(id: i64, instance: i64, domain: (i64, DomainNameDefinition)) -> Scene {
    let below = Some("*.example.org");
    let passed = GatewayListener {
        tls_mode: Some(TlsMode::Passthrough),
        secret_name: None,
        ..given_listener("db", 443, ListenerProtocol::Tls, Some("db.example.org"))
    };
    let listeners = vec![
        given_listener("http", 80, ListenerProtocol::Http, below),
        given_listener("https", 443, ListenerProtocol::Https, below),
        passed,
        given_listener("postgres", 5432, ListenerProtocol::Tcp, None),
    ];
    let ports = [http(80, "/").redirect(), http(443, "/").tls()];
    given(id, listeners, vec![gateway(instance, "web", Some(domain), &ports, &[5432])])
}

/// One gateway with routes of both kinds on hostnames of their own, one of its Services in another namespace, and a third hostname without a route.
fn with_routes(id: i64, domain: (i64, DomainNameDefinition)) -> GatewayInputs {
    let names = ["api.example.org", "grpc.example.org", "shop.example.org"];
    let mut inputs = gateway(id, "web", Some(domain), &[http(80, "/").redirect(), http(443, "/").tls()], &[]);
    let only = |name: &str| Some(Hostnames(vec![parse(name)]));
    let weighted = |name: &str, weight: i64| json!({"name": name, "port": 8080, "weight": weight});
    let header = |name: &str, value: &str| json!({"name": name, "value": value});
    let rules = json!([
        {
            "name": "by-header",
            "matches": [{"path": {"type": "Exact", "value": "/v2"}, "method": "GET", "headers": [header("version", "2")], "queryParams": [header("q", "1")]}],
            "filters": [
                {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [header("x-by", "causeway")], "remove": ["x-old"]}},
                {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplaceFullPath", "replaceFullPath": "/"}}},
                {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "copy", "port": 8080}, "percent": 10}},
            ],
            "timeouts": {"request": "10s", "backendRequest": "2s"},
            "backendRefs": [weighted("web", 90), weighted("copy", 10)],
        },
        {
            "matches": [{"path": {"value": "/old"}}],
            "filters": [{"type": "RequestRedirect", "requestRedirect": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/new"}, "statusCode": 301}}],
        },
        {"backendRefs": [{"name": "web", "port": 8080}]},
    ]);
    let grpc =
        json!([{"matches": [{"method": {"service": "shop.v1.Cart"}}], "backendRefs": [{"name": "web", "port": 8080}]}]);
    let spec = &mut inputs.definition.spec;
    spec.hostnames = Some(Hostnames(names.iter().map(|name| parse(name)).collect()));
    spec.http_routes =
        vec![GatewayHttpRoute { rules: HttpRules(rules), hostnames: only(names[0]), ..GatewayHttpRoute::default() }];
    spec.grpc_routes =
        vec![GatewayGrpcRoute { rules: GrpcRules(grpc), hostnames: only(names[1]), ..GatewayGrpcRoute::default() }];
    spec.service_name = Some(parse("web"));
    inputs.hostnames = names.iter().map(ToString::to_string).collect();
    inputs.workload.definition.spec.yaml_document = format!(
        "{MANIFESTS}---\napiVersion: v1\nkind: Service\nmetadata: {{name: copy, namespace: copies}}\nspec: {{ports: [{{port: 8080}}]}}\n"
    );
    inputs
}

/// One gateway with HTTPS for these hostnames.
fn with_hostnames(id: i64, domain: (i64, DomainNameDefinition), names: &[&str]) -> GatewayInputs {
    let mut inputs = gateway(id, "web", Some(domain), &[http(443, "/").tls()], &[]);
    inputs.definition.spec.hostnames = Some(Hostnames(names.iter().map(|name| parse(name)).collect()));
    inputs.hostnames = names.iter().map(ToString::to_string).collect();
    inputs
}

/// One gateway for all names below a domain, over HTTP, HTTPS, and TLS that it passes on, with a name for itself.
fn with_names_below(id: i64, domain: (i64, DomainNameDefinition)) -> GatewayInputs {
    let names = ["*.example.org", "shop.example.org"];
    let mut inputs = with_hostnames(id, domain, &names);
    inputs.definition.spec.http_ports.insert(0, http(80, "/"));
    inputs.definition.spec.tcp_ports = vec![tls(8443, TlsMode::Passthrough, &names[..1])];
    inputs
}

/// One gateway without a domain, with HTTPS and a TCP port on which TLS ends, and Secrets that were brought for both.
fn with_secrets(id: i64) -> GatewayInputs {
    let names = ["db.example.org", "shop.example.org"];
    let https = GatewayHttpPort { tls_secret_name: Some(parse("shop-tls")), ..http(443, "/").tls() };
    let mut inputs = gateway(id, "web", None, &[https], &[]);
    let db = GatewayTcpPort { tls_secret_name: Some(parse("db-tls")), ..tls(5432, TlsMode::Terminate, &names[..1]) };
    let spec = &mut inputs.definition.spec;
    spec.hostnames = Some(Hostnames(names.iter().map(|name| parse(name)).collect()));
    spec.tcp_ports = vec![db];
    inputs.hostnames = names.iter().map(ToString::to_string).collect();
    inputs
}

/// One gateway with HTTPS, TLS that it ends, and TLS that it passes on, each for a hostname of its own; the first and the last on one port.
fn with_tls(id: i64, domain: (i64, DomainNameDefinition)) -> GatewayInputs {
    let names = ["db.example.org", "mail.example.org", "shop.example.org"];
    let mut inputs = gateway(id, "tls", Some(domain), &[], &[]);
    let spec = &mut inputs.definition.spec;
    spec.hostnames = Some(Hostnames(names.iter().map(|name| parse(name)).collect()));
    spec.tcp_ports = vec![
        tls(5432, TlsMode::Terminate, &[names[0]]),
        tls(443, TlsMode::Passthrough, &names[1..]),
        tls(443, TlsMode::Terminate, &[names[0]]),
    ];
    inputs.hostnames = names.iter().map(ToString::to_string).collect();
    inputs
}

/// A domain name instance for two gateways: one with two addresses, one behind a load balancer's name.
pub fn domain_name() -> (DomainNameInputs, TargetsOf) {
    let gateway = |id, hostname: &str| DomainGateway {
        instance: named("web", id, GatewayInstance { name: parse("web"), ..GatewayInstance::default() }),
        hostnames: vec![hostname.to_owned()],
        shared_gateway: Some(named("shared-gateway", 102, SharedGateway::default())),
    };
    let inputs = DomainNameInputs {
        wanted_elsewhere: Default::default(),
        held_elsewhere: Default::default(),
        control_plane: CONTROL_PLANE.into(),
        drained: false,
        instance: named(
            "shop-example-org",
            401,
            DomainNameInstance { name: parse("shop"), ..DomainNameInstance::default() },
        ),
        definition: record(21, domain(21)),
        accounts: Vec::new(),
        external_dns: None,
        workload: workload(11, "shop").instance,
        gateways: vec![gateway(302, "shop.example.org"), gateway(309, "example.org")],
        published: Published::default(),
    };
    let ips = vec![parse("192.0.2.1"), parse("2001:db8::1")];
    let targets = TargetsOf::from([
        (302, Targets { ips, hostnames: Vec::new() }),
        (309, Targets { ips: Vec::new(), hostnames: vec!["lb-1.example.net".into()] }),
    ]);
    (inputs, targets)
}

/// The zone of these hostnames. It lies above the domain, so that `example.org` may be a CNAME.
pub fn zones() -> ZonesOf {
    let zone = PublishedZone { id: "Z0123456789".into(), name: "org".into(), ..PublishedZone::default() };
    ["shop.example.org", "example.org"].map(|hostname| (hostname.to_owned(), zone.clone())).into()
}
