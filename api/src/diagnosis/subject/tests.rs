use super::*;
use causeway_records::{
    inputs::{Published, PublishedZone},
    status::NewCondition,
};

fn claim(hostname: &str, port: i32, protocol: &str, path: &str) -> ClaimedRoute {
    ClaimedRoute {
        gateway_instance_id: 1,
        gateway_id: 2,
        port,
        protocol: protocol.to_owned(),
        hostname: hostname.to_owned(),
        path: path.to_owned(),
        redirect: false,
        tls_secret: None,
    }
}

fn subject(conditions: Vec<NewCondition>) -> Subject {
    let zone = PublishedZone { id: "Z1".to_owned(), name: "example.org".to_owned(), ..PublishedZone::default() };
    let record = HostRecord { present: true, zone: Some(zone), ..HostRecord::default() };
    let hosts = [("*.example.org".to_owned(), record)].into();
    let mut instance = Record::<GatewayInstance>::default();
    instance.status.conditions =
        Some(Conditions::from_new(conditions, &Conditions::default(), 1, chrono::DateTime::UNIX_EPOCH));
    Subject {
        instance,
        workload: Conditions::default(),
        claims: vec![
            claim("*.example.org", 443, "HTTPS", "/api"),
            claim("shop.example.org", 80, "HTTP", ""),
            claim("", 5432, "TCP", ""),
            claim("", 53, "UDP", ""),
        ],
        domain: None,
        published: vec![DomainNameState {
            id: 3,
            name: "shop".to_owned(),
            reconciled: true,
            published: Published { hosts, ..Published::default() },
        }],
        addresses: vec!["10.0.0.7".to_owned(), "lb.example.net".to_owned()],
    }
}

#[test]
fn a_wildcard_is_asked_about_with_some_name_at_its_own_ports() {
    let assigned = NewCondition::met("AddressAssigned", "AddressAssigned", "it has some");
    let subject = subject(vec![assigned, NewCondition::not_met("RefsResolved", "No", "no pod is ready")]);
    assert_eq!(subject.hostnames().into_iter().collect::<Vec<_>>(), ["*.example.org", "shop.example.org"]);
    let question = subject.question(Some("*.example.org"));
    assert_eq!(question.host, Host::Named("causeway-diagnosis.example.org".to_owned()));
    assert_eq!(question.addresses, ["10.0.0.7", "lb.example.net"]);
    assert_eq!(question.blocked, Some(("RefsResolved".to_owned(), "no pod is ready".to_owned())));
    let ports: Vec<_> = question.endpoints.iter().map(|at| (at.port, at.protocol, at.path.as_str())).collect();
    assert_eq!(ports, [(443, Protocol::Https, "/api"), (5432, Protocol::Tcp, "/")]);
    assert!(question.is_wildcard && question.issuer.is_none() && question.datagram_ports == [53].into());
    assert!(matches!(question.stored, Stored::Present(_)));
    assert_eq!(subject.question(Some("shop.example.org")).stored, Stored::NotAsked);
}

#[test]
fn a_name_below_a_wildcard_is_asked_about_as_it_is() {
    let subject = subject(vec![]);
    for name in ["cart.example.org", "eu.cart.example.org"] {
        assert_eq!(subject.serving(name), Some("*.example.org"));
        let question = subject.question(Some(name));
        assert_eq!(question.host, Host::Named(name.to_owned()));
        assert!(question.is_wildcard && matches!(question.stored, Stored::Present(_)), "{question:?}");
        let ports: Vec<_> = question.endpoints.iter().map(|at| at.port).collect();
        assert_eq!(ports, [443, 5432], "those of the wildcard, and those that see no hostname");
    }
    assert_eq!(subject.serving("shop.example.org"), Some("shop.example.org"), "the more specific one");
    assert_eq!((subject.serving("example.org"), subject.serving("example.net")), (None, None));
}

#[test]
fn a_hostname_with_the_certificate_of_its_domain_needs_leave_to_sign_a_wildcard() {
    let domain = |wildcard| DomainNameDefinition {
        domain: "example.org".parse().unwrap(),
        wildcard_certificate: Some(wildcard),
        ..DomainNameDefinition::default()
    };
    let is_wildcard = |wildcard, hostname| {
        let mut subject = Subject { domain: Some(domain(wildcard)), ..subject(vec![]) };
        subject.claims.retain(|claim| !claim.hostname.starts_with('*'));
        subject.question(Some(hostname)).is_wildcard
    };
    assert!(is_wildcard(true, "shop.example.org") && is_wildcard(true, "example.org"));
    assert!(!is_wildcard(false, "shop.example.org") && !is_wildcard(true, "a.shop.example.org"));
}

#[test]
fn who_signs_a_certificate_that_was_brought_is_not_known() {
    let domain = || DomainNameDefinition { domain: "example.org".parse().unwrap(), ..DomainNameDefinition::default() };
    let question = |tls_secret: Option<&str>| {
        let mut subject = Subject { domain: Some(domain()), ..subject(vec![]) };
        subject.claims[0].tls_secret = tls_secret.map(str::to_owned);
        subject.question(Some("*.example.org"))
    };
    let ordered = question(None);
    assert!(ordered.known_authority && ordered.issuer.is_some());
    let brought = question(Some("shop-tls"));
    assert!(!brought.known_authority && brought.issuer.is_none());
}

#[test]
fn what_is_behind_the_routes_is_what_their_controller_has_found() {
    let nowhere = "HTTPRoute a/b has nowhere to send traffic: Failed to find endpoints; no pod of the Service is ready; \
                   see the workload instance's conditions (and 2 more)";
    let backends = |condition| subject(vec![condition]).question(None).backends;
    assert_eq!(backends(NewCondition::met("RefsResolved", "RefsResolved", "all")), Some(Backends::Ready));
    assert_eq!(
        backends(NewCondition::unknown("RefsResolved", "Pending", "HTTPRoute a/b is not seen yet")),
        Some(Backends::NotSeen("HTTPRoute a/b is not seen yet".to_owned()))
    );
    let found = "HTTPRoute a/b has nowhere to send traffic: Failed to find endpoints; no pod of the Service is ready (and 2 more)";
    let not_ready = |next: &str| Some(Backends::NotReady { found: found.to_owned(), next: next.to_owned() });
    let no_endpoints = || NewCondition::not_met("RefsResolved", "EndpointsNotFound", nowhere);
    assert_eq!(backends(no_endpoints()), not_ready("see the workload instance's conditions"));
    // The workload itself says what is wrong.
    let pods = NewCondition::not_met("ResourcesReady", "NotReady", "Deployment a/web has 0 of 2 replicas");
    let workload = Conditions::from_new(vec![pods], &Conditions::default(), 1, chrono::DateTime::UNIX_EPOCH);
    let subject = Subject { workload, ..subject(vec![no_endpoints()]) };
    let next = "see condition ResourcesReady of the workload instance: Deployment a/web has 0 of 2 replicas";
    assert_eq!(subject.question(None).backends, not_ready(next));
    // A sentence without a next step stays whole.
    let (found, next) = found_and_next("a rule sends to Service web, which hasn't granted it");
    assert_eq!(found, "a rule sends to Service web, which hasn't granted it");
    assert_eq!(next, "see condition RefsResolved of the gateway instance");
    assert_eq!(backends(NewCondition::met("Applied", "Applied", "4 objects")), None);
}

#[test]
fn what_is_wrong_with_a_certificate_is_what_its_condition_says() {
    let uncertified = |condition| subject(vec![condition]).question(None).uncertified;
    let refused = NewCondition::not_met("CertificatesReady", "Failed", "429 rateLimited");
    assert_eq!(uncertified(refused).as_deref(), Some("429 rateLimited"));
    assert_eq!(uncertified(NewCondition::met("CertificatesReady", "CertificatesReady", "1 certificate")), None);
}

#[test]
fn who_signs_for_the_listeners_of_a_shared_gateways_record_is_not_known() {
    let domain = DomainNameDefinition {
        domain: "example.org".parse().unwrap(),
        wildcard_certificate: Some(true),
        ..DomainNameDefinition::default()
    };
    let mut subject = Subject { domain: Some(domain), ..subject(vec![]) };
    subject.claims.push(claim("shop.example.org", 443, "HTTPS", "/"));
    let known = |subject: &Subject| {
        let question = subject.question(Some("shop.example.org"));
        [question.known_authority, question.issuer.is_some(), question.is_wildcard]
    };
    assert_eq!(known(&subject), [true; 3]);
    subject.instance.spec.shared_gateway_id = Some(2);
    assert_eq!(known(&subject), [false; 3]);
}

#[test]
fn an_address_that_is_not_assigned_is_none() {
    let none = NewCondition::not_met("AddressAssigned", "AddressNotAssigned", "Gateway a/b has no address yet");
    assert!(subject(vec![none]).question(None).addresses.is_empty());
}

#[test]
fn a_public_authority_is_the_default() {
    let mut domain = DomainNameDefinition::default();
    assert!(domain.has_known_authority());
    assert_eq!(caa_name(&domain), Some("letsencrypt.org"));
    domain.acme_server = Some("https://dv.acme-v02.api.pki.goog/directory".parse().unwrap());
    assert_eq!(caa_name(&domain), Some("pki.goog"));
    domain.acme_server = Some("https://acme.example.org/dir".parse().unwrap());
    assert!(!domain.has_known_authority());
    assert_eq!(caa_name(&domain), None, "it may have any name");
}
