use super::*;
use causeway_records::nouns::{GrantedRoutes, Ids, ListenerProtocol, TlsMode};
use proptest::prelude::*;

fn listener(port: i32, protocol: ListenerProtocol, hostname: &str) -> GatewayListener {
    let at = hostname.replace(['*', '.'], "-");
    GatewayListener {
        name: format!("{}-{port}{at}", protocol.as_str().to_ascii_lowercase()).trim_end_matches('-').parse().unwrap(),
        port: i64::from(port).try_into().unwrap(),
        protocol,
        hostname: (!hostname.is_empty()).then(|| hostname.parse().unwrap()),
        ..GatewayListener::default()
    }
}

fn with(listeners: Vec<GatewayListener>) -> SharedGateway {
    SharedGateway {
        name: "main".parse().unwrap(),
        namespace: "ingress".parse().ok(),
        listeners: Some(GatewayListeners(listeners)),
        ..SharedGateway::default()
    }
}

fn key(port: i32, protocol: Protocol, hostname: &str) -> ListenerKey {
    ListenerKey { port, protocol, hostname: (!hostname.is_empty()).then(|| hostname.to_owned()) }
}

fn chosen(listeners: Vec<GatewayListener>, claimed: &ListenerKey) -> Option<String> {
    listener_for(&GatewayListeners(listeners), claimed).map(|listener| listener.name.to_string())
}

#[test]
fn the_nearest_listener_of_a_port_serves_a_hostname() {
    let http = |hostname: &str| listener(80, ListenerProtocol::Http, hostname);
    let all = || {
        vec![http(""), http("*.a.test"), http("*.b.a.test"), http("c.a.test"), listener(81, ListenerProtocol::Http, "")]
    };
    let of = |hostname: &str| chosen(all(), &key(80, Protocol::Http, hostname));
    assert_eq!(of("other.test").as_deref(), Some("http-80"));
    assert_eq!(of("").as_deref(), Some("http-80"));
    assert_eq!(of("x.a.test").as_deref(), Some("http-80--a-test"));
    assert_eq!(of("x.y.a.test").as_deref(), Some("http-80--a-test"), "a wildcard stands for several labels");
    assert_eq!(of("x.b.a.test").as_deref(), Some("http-80--b-a-test"));
    assert_eq!(of("c.a.test").as_deref(), Some("http-80c-a-test"));
    assert_eq!(of("a.test").as_deref(), Some("http-80"), "not the domain itself");
    let below = || vec![http("*.a.test")];
    for hostname in ["", "a.test", "xa.test", "b.test"] {
        assert_eq!(chosen(below(), &key(80, Protocol::Http, hostname)), None, "{hostname}");
    }
    assert_eq!(chosen(below(), &key(443, Protocol::Https, "x.a.test")), None, "another port");
}

#[test]
fn a_listener_serves_a_wildcard_if_it_is_for_all_of_it() {
    let http = |hostname: &str| listener(80, ListenerProtocol::Http, hostname);
    let all = || vec![http("*.a.test"), http("*.b.a.test"), http("c.a.test")];
    let of = |hostname: &str| chosen(all(), &key(80, Protocol::Http, hostname));
    assert_eq!(of("*.a.test").as_deref(), Some("http-80--a-test"));
    assert_eq!(of("*.c.a.test").as_deref(), Some("http-80--a-test"), "c.a.test alone is for another listener");
    assert_eq!(of("*.b.a.test").as_deref(), Some("http-80--b-a-test"));
    assert_eq!(of("*.x.b.a.test").as_deref(), Some("http-80--b-a-test"));
    assert_eq!(of("*.test"), None, "no listener is for all names below");
}

#[test]
fn a_listener_of_another_protocol_that_is_nearer_takes_the_hostname() {
    let https = listener(443, ListenerProtocol::Https, "*.a.test");
    let passed =
        GatewayListener { tls_mode: Some(TlsMode::Passthrough), ..listener(443, ListenerProtocol::Tls, "db.a.test") };
    let of = |protocol, hostname: &str| chosen(vec![https.clone(), passed.clone()], &key(443, protocol, hostname));
    assert!(of(Protocol::Https, "www.a.test").is_some() && of(Protocol::TlsPassthrough, "db.a.test").is_some());
    assert_eq!(of(Protocol::Https, "db.a.test"), None);
    assert_eq!(of(Protocol::Tls, "db.a.test"), None, "it isn't ended");
    let both = || vec![listener(53, ListenerProtocol::Tcp, ""), listener(53, ListenerProtocol::Udp, "")];
    assert_eq!(chosen(both(), &key(53, Protocol::Udp, "")).as_deref(), Some("udp-53"));
    assert_eq!(chosen(both(), &key(53, Protocol::Http, "")), None);
}

#[test]
fn without_being_let_nobody_attaches() {
    let labels =
        |value: &str| Labels([("purpose".to_owned(), value.to_owned()), ("more".to_owned(), String::new())].into());
    let own = labels("workloads");
    let workload =
        |id: i64, namespace: &'static str| AttachingWorkload { id, namespace, labels: Some(&own), is_granted: false };
    let may = |gateway: &SharedGateway| may_attach(gateway, &workload(7, "shop-7"));
    let by = |by| SharedGateway { attachable_by: Some(by), ..with(vec![]) };
    assert!(!may(&with(vec![])) && may(&SharedGateway { namespace: "shop-7".parse().ok(), ..with(vec![]) }));
    assert!(may(&by(AttachableBy::All)));
    let selecting = |value: &str| SharedGateway {
        namespace_selector: Some(Labels([("purpose".to_owned(), value.to_owned())].into())),
        ..by(AttachableBy::Selector)
    };
    assert!(may(&selecting("workloads")) && !may(&selecting("other")) && !may(&by(AttachableBy::Selector)));
    let empty = SharedGateway { namespace_selector: Some(Labels::default()), ..by(AttachableBy::Selector) };
    assert!(!may(&empty), "nothing is no demand that everybody meets");
    let bare = AttachingWorkload { id: 7, namespace: "shop-7", labels: None, is_granted: false };
    assert!(!may_attach(&selecting("workloads"), &bare));
    let granted = AttachingWorkload { is_granted: true, ..bare };
    assert!(may_attach(&selecting("workloads"), &granted) && !lets(&selecting("workloads"), &granted));
    let named = |ids: &[i64]| SharedGateway {
        workload_instance_ids: Some(Ids(ids.to_vec())),
        ..by(AttachableBy::WorkloadInstances)
    };
    assert!(may(&named(&[6, 7])) && !may(&named(&[6])) && !may(&by(AttachableBy::WorkloadInstances)));
    assert_eq!(
        not_allowed(&selecting("workloads"), "shop"),
        "shared gateway main doesn't let workload instance shop attach: it takes workload instances whose NamespaceLabels have \
         purpose=workloads; ask an admin for a gateway grant, or name another shared gateway"
    );
}

#[test]
fn a_grant_is_for_a_gateway_that_lets_somebody_in_and_a_workload_of_its_cluster() {
    let workload = WorkloadInstance { name: "shop".parse().unwrap(), ..WorkloadInstance::default() };
    let gateway = with(vec![listener(80, ListenerProtocol::Http, "")]);
    assert!(check_grant(&gateway, &workload).is_ok());
    let refused = |gateway: &SharedGateway| {
        let refusal = check_grant(gateway, &workload).unwrap_err();
        (refusal.reason, refusal.details[0].field.clone(), refusal.details[0].problem.clone())
    };
    let (reason, field, problem) = refused(&SharedGateway { listeners: None, ..gateway.clone() });
    assert_eq!((reason, field.as_str()), (Reason::InvalidField, "SharedGatewayID"));
    assert!(problem.starts_with("shared gateway main has no Listeners of its own"), "{problem}");
    let (reason, field, problem) = refused(&SharedGateway { kubernetes_runtime_instance_id: 9, ..gateway });
    assert_eq!((reason, field.as_str()), (Reason::InvalidField, "GrantedWorkloadInstanceID"));
    assert_eq!(
        problem,
        "workload instance shop is in another cluster (0) than shared gateway main (9); name one of that cluster"
    );
}

#[test]
fn what_a_gateway_cannot_carry_is_refused_with_the_remedy() {
    let claim =
        |listener| RouteClaim { listener, requests: "/".into(), grpc: false, redirect: false, tls_secret: None };
    let claims = [claim(key(80, Protocol::Http, "x.a.test")), claim(key(443, Protocol::Https, "x.a.test"))];
    let asked = |count: usize| Attachment { placement: Placement::Shared, class: None, claims: &claims[..count] };
    let refuse = |gateway: &SharedGateway, asked: &Attachment<'_>| {
        let refusal = check(gateway, asked).unwrap_err();
        assert_eq!(refusal.details[0].field, "SharedGatewayID");
        (refusal.reason, refusal.sentence)
    };
    let gateway = with(vec![listener(80, ListenerProtocol::Http, "*.a.test")]);
    assert!(check(&gateway, &asked(1)).is_ok());
    let (reason, sentence) = refuse(&gateway, &asked(2));
    assert_eq!(reason, Reason::NotAttachable);
    assert_eq!(
        sentence,
        "SharedGatewayID: shared gateway main has no listener for HTTPS port 443 for x.a.test; it has http-80--a-test (HTTP port 80 for *.a.test): \
         change ports and Hostnames of the gateway definition, or ask an admin for a listener"
    );
    let common = SharedGateway { listeners: None, ..with(vec![]) };
    assert!(refuse(&common, &asked(1)).1.contains("main has no Listeners of its own"));
    let dedicated = Attachment { placement: Placement::Dedicated, ..asked(1) };
    assert_eq!(refuse(&gateway, &dedicated).0, Reason::InvalidField);
    let other = Attachment { class: Some("internal"), ..asked(1) };
    assert!(refuse(&gateway, &other).1.contains("asks for GatewayClassName internal"));
    let same = SharedGateway { gateway_class_name: "internal".parse().ok(), ..gateway };
    assert!(check(&same, &other).is_ok() && check(&same, &asked(1)).is_ok());
    let brought = [RouteClaim { tls_secret: Some("shop-tls".into()), ..claims[0].clone() }];
    let (reason, sentence) = refuse(&same, &Attachment { claims: &brought, ..asked(1) });
    assert_eq!(reason, Reason::InvalidField);
    assert!(
        sentence.contains("names Secret shop-tls in TLSSecretName on port 80")
            && sentence.contains("leave TLSSecretName out"),
        "{sentence}"
    );
}

#[test]
fn a_listener_takes_routes_of_its_kinds() {
    let only = |kinds: &[GrantedRoute]| {
        let own = listener(80, ListenerProtocol::Http, "*.a.test");
        with(vec![
            listener(80, ListenerProtocol::Http, ""),
            GatewayListener { route_kinds: Some(GrantedRoutes(kinds.to_vec())), ..own },
        ])
    };
    let asked = |grpc: bool| {
        let listener = key(80, Protocol::Http, "x.a.test");
        [RouteClaim { listener, requests: "/".into(), grpc, redirect: false, tls_secret: None }]
    };
    let checked = |gateway: &SharedGateway, grpc| {
        check(gateway, &Attachment { placement: Placement::Shared, class: None, claims: &asked(grpc) })
    };
    let grpc = only(&[GrantedRoute::Grpc]);
    assert!(checked(&grpc, true).is_ok() && checked(&only(&[GrantedRoute::Http, GrantedRoute::Grpc]), false).is_ok());
    let refusal = checked(&grpc, false).unwrap_err();
    assert_eq!(refusal.reason, Reason::NotAttachable);
    // The listener for every hostname isn't the nearest.
    assert_eq!(
        refusal.sentence,
        "SharedGatewayID: listener http-80--a-test of shared gateway main takes GRPCRoutes (its RouteKinds), and x.a.test/ on HTTP port 80 is asked for by \
         HTTPRoutes: change ports and routes of the gateway definition, or ask an admin for another listener"
    );
}

#[test]
fn ports_that_the_proxy_maps_to_one_are_refused() {
    let http = |port| listener(port, ListenerProtocol::Http, "");
    let check = |listeners| check_sockets(Driver::EnvoyGateway, &GatewayListeners(listeners));
    let refusal = check(vec![http(80), http(8080), http(10_080)]).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "Listeners[2].Port: 10080 can't stand beside port 80 of listener http-80: the proxy binds both to 10080; take another port"
    );
    assert!(
        check(vec![
            http(80),
            listener(80, ListenerProtocol::Http, "a.test"),
            listener(10_080, ListenerProtocol::Udp, "")
        ])
        .is_ok()
    );
}

proptest! {
    #[test]
    fn what_serves_a_claim_has_its_port_and_protocol_and_covers_its_hostname(
        hostnames in proptest::collection::vec("(\\*\\.)?([ab]\\.){0,2}test", 0..5),
        claimed in "([ab]\\.){0,3}test",
    ) {
        let listeners: Vec<_> = hostnames.iter().map(|hostname| listener(80, ListenerProtocol::Http, hostname)).collect();
        let listeners = GatewayListeners(listeners);
        let found = listener_for(&listeners, &key(80, Protocol::Http, &claimed));
        let serves = |hostname: &String| {
            *hostname == claimed || hostname.strip_prefix("*.").is_some_and(|parent| claimed.ends_with(&format!(".{parent}")))
        };
        prop_assert_eq!(found.is_some(), hostnames.iter().any(serves));
        if let Some(found) = found {
            let hostname = found.hostname.as_ref().unwrap().to_string();
            prop_assert!(serves(&hostname));
            prop_assert!(hostname == claimed || !hostnames.contains(&claimed), "{} before {}", hostname, claimed);
        }
    }
}
