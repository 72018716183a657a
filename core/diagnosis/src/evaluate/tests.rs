use super::{connection::covers, *};
use crate::evidence::{Attempt, Caa, Contact, Endpoint, Ground, Protocol, Served, Stored, TlsSeen, Zone};
use std::net::IpAddr;

const HOST: &str = "www.example.org";

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_000)
}

fn ips(texts: &[&str]) -> BTreeSet<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn contact(protocol: Protocol) -> Contact {
    let port = match protocol {
        Protocol::Http => 80,
        Protocol::Https => 443,
        Protocol::Tcp => 5432,
        Protocol::Tls | Protocol::TlsPassthrough => 8443,
    };
    let certificate = TlsSeen {
        names: vec!["*.example.org".to_owned()],
        issuer: "CN=Authority".to_owned(),
        not_after: now() + chrono::TimeDelta::days(60),
        untrusted: None,
    };
    let attempt = Attempt {
        tls: (!matches!(protocol, Protocol::Http | Protocol::Tcp)).then_some(Ok(certificate)),
        answer: matches!(protocol, Protocol::Http | Protocol::Https).then_some(Ok(200)),
        ..Attempt::default()
    };
    Contact { address: "203.0.113.7".to_owned(), endpoint: Endpoint { port, protocol, path: "/".to_owned() }, attempt }
}

fn caa(issue: &[&str], issue_wild: &[&str]) -> Caa {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Caa { domain: "example.org".to_owned(), issue: names(issue), issue_wild: names(issue_wild) }
}

/// A hostname that is served, over HTTP, HTTPS and TCP.
fn served() -> (Question, Evidence) {
    let contacts: Vec<_> = [Protocol::Http, Protocol::Https, Protocol::Tcp].map(contact).into();
    let question = Question {
        host: Host::Named(HOST.to_owned()),
        stored: Stored::Present(Zone { name: "example.org".to_owned(), private: false }),
        shared: false,
        addresses: vec!["203.0.113.7".to_owned()],
        blocked: None,
        endpoints: contacts.iter().map(|contact| contact.endpoint.clone()).collect(),
        datagram_ports: BTreeSet::new(),
        known_authority: true,
        issuer: Some("letsencrypt.org".to_owned()),
        is_wildcard: false,
    };
    let evidence = Evidence {
        delegation: Some(Ok(["ns-1.example.net.".to_owned()].into())),
        served: vec![Served { server: "ns-1.example.net.".to_owned(), answer: Ok(ips(&["203.0.113.7"])) }],
        resolved: Some(Ok(ips(&["203.0.113.7"]))),
        caa: Some(Err(Ground::Absent)),
        contacts,
    };
    (question, evidence)
}

#[test]
fn every_step_of_a_hostname_that_is_served_passes_in_the_order_of_a_request() {
    let (question, evidence) = served();
    let found = evaluate(&question, &evidence, now());
    assert_eq!(found.steps.iter().map(|step| step.step).collect::<Vec<_>>(), StepName::ALL, "{found:#?}");
    assert!(found.steps.iter().all(|step| step.verdict == Verdict::Passed && step.advice.is_empty()), "{found:#?}");
    assert!(found.served);
    assert_eq!(found.summary, "www.example.org is served");
}

type Break = fn(&mut Question, &mut Evidence);

/// What breaks, the step that fails first, and words of the sentence.
const BREAKS: [(&str, Break, StepName, &str); 18] = [
    (
        "another authority may sign",
        |_, evidence| evidence.caa = Some(Ok(caa(&["digicert.com"], &[]))),
        StepName::IssuanceAllowed,
        "the CAA records of example.org let digicert.com sign, and not letsencrypt.org; add the CAA record 0 issue \"letsencrypt.org\" there",
    ),
    (
        "nobody publishes it",
        |question, evidence| (question.stored, evidence.resolved) = (Stored::NotAsked, Some(Err(Ground::Absent))),
        StepName::ZoneFound,
        "no domain name instance publishes www.example.org; make one",
    ),
    (
        "no zone",
        |question, _| question.stored = Stored::NoZone("account a has no zone for it".to_owned()),
        StepName::ZoneFound,
        "account a has no zone for it; make the hosted zone",
    ),
    (
        "not delegated",
        |_, evidence| evidence.delegation = Some(Err(Ground::Absent)),
        StepName::Delegated,
        "no name server is told for zone example.org; enter the hosted zone's name servers",
    ),
    (
        "records missing",
        |question, _| {
            let zone = Zone { name: "example.org".to_owned(), private: false };
            question.stored = Stored::Missing(zone, "somebody else has a CNAME there".to_owned());
        },
        StepName::RecordStored,
        "doesn't hold the records of www.example.org: somebody else has a CNAME there; see condition DnsPublished",
    ),
    (
        "a name server without it",
        |_, evidence| evidence.served[0].answer = Err(Ground::Absent),
        StepName::RecordServed,
        "name server ns-1.example.net. has no address",
    ),
    (
        "a name server with another address",
        |_, evidence| evidence.served[0].answer = Ok(ips(&["203.0.113.8"])),
        StepName::RecordServed,
        "says 203.0.113.8 for www.example.org; the Gateway has 203.0.113.7",
    ),
    (
        "a resolver that remembers an old address",
        |_, evidence| evidence.resolved = Some(Ok(ips(&["203.0.113.9"]))),
        StepName::Resolved,
        "a resolver says 203.0.113.9",
    ),
    (
        "no address",
        |question, evidence| {
            question.addresses.clear();
            evidence.contacts.clear();
            question.blocked = Some(("AddressAssigned".to_owned(), "the cloud has given none".to_owned()));
        },
        StepName::AddressAssigned,
        "AddressAssigned is not met: the cloud has given none; see condition AddressAssigned",
    ),
    (
        "a port that is closed",
        |_, evidence| evidence.contacts[0].attempt.refused = Some("connection refused".to_owned()),
        StepName::Connected,
        "port 80 of 203.0.113.7 is not reached: connection refused; see condition GatewayProgrammed",
    ),
    (
        "a handshake that fails",
        |_, evidence| evidence.contacts[1].attempt.tls = Some(Err("unrecognized name".to_owned())),
        StepName::CertificateValid,
        "the TLS handshake at port 443 fails: unrecognized name; see conditions ListenersReady",
    ),
    (
        "a certificate for another name",
        |_, evidence| tls(evidence).names = vec!["*.www.example.org".to_owned(), "example.org".to_owned()],
        StepName::CertificateValid,
        "is for *.www.example.org, example.org, not for www.example.org",
    ),
    (
        "a certificate that is over",
        |_, evidence| tls(evidence).not_after = now() - chrono::TimeDelta::days(1),
        StepName::CertificateValid,
        "the certificate at port 443 ended 2024-10-03",
    ),
    (
        "an authority that nobody knows",
        |_, evidence| tls(evidence).untrusted = Some("UnknownIssuer".to_owned()),
        StepName::CertificateValid,
        "signed by CN=Authority, is not trusted: UnknownIssuer",
    ),
    (
        "no pods",
        |_, evidence| evidence.contacts[1].attempt.answer = Some(Ok(503)),
        StepName::Answered,
        "port 443/ answers 503: no pod takes the request; see whether the workload's pods are ready",
    ),
    (
        "pods that speak something else",
        |_, evidence| evidence.contacts[1].attempt.answer = Some(Ok(502)),
        StepName::Answered,
        "port 443/ answers 502",
    ),
    (
        "a workload that fails",
        |_, evidence| evidence.contacts[0].attempt.answer = Some(Ok(500)),
        StepName::Answered,
        "port 80/ answers 500; see the logs",
    ),
    (
        "no answer",
        |_, evidence| evidence.contacts[0].attempt.answer = Some(Err("it takes longer than 5 s".to_owned())),
        StepName::Answered,
        "port 80/ gives no answer of HTTP: it takes longer than 5 s",
    ),
];

fn tls(evidence: &mut Evidence) -> &mut TlsSeen {
    evidence.contacts[1].attempt.tls.as_mut().unwrap().as_mut().unwrap()
}

#[test]
fn what_breaks_is_the_first_step_and_the_sentence() {
    for (what, broken, step, says) in BREAKS {
        let (mut question, mut evidence) = served();
        broken(&mut question, &mut evidence);
        let found = evaluate(&question, &evidence, now());
        assert!(!found.served, "{what}: {found:#?}");
        let first = &found.steps[0];
        assert_eq!((first.step, first.verdict), (step, Verdict::Failed), "{what}: {found:#?}");
        assert!(found.summary.starts_with("www.example.org is not served: "), "{what}: {}", found.summary);
        assert!(found.summary.contains(says), "{what}: {}", found.summary);
        assert!(!first.advice.is_empty(), "{what}");
    }
}

#[test]
fn what_cannot_be_seen_from_here_fails_nothing() {
    let unseen: [(&str, Break); 5] = [
        ("a private zone", |question, evidence| {
            question.stored = Stored::Present(Zone { name: "example.org".to_owned(), private: true });
            (evidence.delegation, evidence.resolved) = (None, None);
            evidence.served.clear();
        }),
        ("a resolver that is down", |_, evidence| evidence.resolved = Some(Err(Ground::Failed("timeout".to_owned())))),
        ("name servers that are down", |_, evidence| {
            evidence.served[0].answer = Err(Ground::Failed("timeout".to_owned()));
        }),
        ("a closed address", |_, evidence| {
            evidence.contacts = vec![Contact {
                attempt: Attempt { closed: Some("127.0.0.1 is this machine".to_owned()), ..Attempt::default() },
                ..contact(Protocol::Tcp)
            }];
        }),
        ("somebody else's record", |question, _| question.stored = Stored::NotAsked),
    ];
    for (what, hide) in unseen {
        let (mut question, mut evidence) = served();
        hide(&mut question, &mut evidence);
        let found = evaluate(&question, &evidence, now());
        assert!(found.served, "{what}: {found:#?}");
        assert!(
            found.summary.starts_with("nothing fails on the way to www.example.org, as far as"),
            "{what}: {}",
            found.summary
        );
    }
}

#[test]
fn a_hostname_on_several_clusters_may_lead_to_another_one() {
    let (mut question, mut evidence) = served();
    evidence.served[0].answer = Ok(ips(&["203.0.113.8"]));
    evidence.resolved = Some(Ok(ips(&["203.0.113.8"])));
    assert!(!evaluate(&question, &evidence, now()).served);
    question.shared = true;
    let found = evaluate(&question, &evidence, now());
    assert!(found.served, "{found:#?}");
    assert!(found.steps.iter().any(|step| step.evidence.contains("another one of its clusters")), "{found:#?}");
}

#[test]
fn a_certificate_of_an_own_authority_is_not_at_fault_for_not_being_known() {
    let (mut question, mut evidence) = served();
    question.known_authority = false;
    tls(&mut evidence).untrusted = Some("UnknownIssuer".to_owned());
    let found = evaluate(&question, &evidence, now());
    assert!(found.served, "{found:#?}");
    let step = found.steps.iter().find(|step| step.step == StepName::CertificateValid).unwrap();
    assert!(step.evidence.contains("who visits must be told to trust its authority"), "{step:?}");
}

#[test]
fn a_gateway_without_hostname_is_judged_by_its_address_alone() {
    let (question, mut evidence) = served();
    let question = Question { host: Host::Any, ..question };
    assert_eq!(evaluate(&question, &evidence, now()).summary, "the gateway is served");
    evidence.contacts[0].attempt.answer = Some(Ok(503));
    let found = evaluate(&question, &evidence, now());
    assert!(found.summary.starts_with("the gateway is not served: port 80/ answers 503"), "{}", found.summary);
}

#[test]
fn the_addresses_that_a_name_of_the_gateway_leads_to_are_its_own() {
    let (mut question, mut evidence) = served();
    question.addresses = vec!["lb.example.net".to_owned()];
    evidence.contacts.iter_mut().for_each(|contact| contact.address = "lb.example.net 203.0.113.7".to_owned());
    assert!(evaluate(&question, &evidence, now()).served);
    evidence.resolved = Some(Ok(ips(&["203.0.113.9"])));
    assert!(!evaluate(&question, &evidence, now()).served);
}

#[test]
fn a_wildcard_stands_for_one_label() {
    assert!(covers("*.example.org", "www.example.org") && covers("WWW.example.org", "www.Example.org"));
    assert!(!covers("*.example.org", "example.org") && !covers("*.example.org", "a.www.example.org"));
}

#[test]
fn who_may_sign_a_wildcard_has_a_record_of_its_own() {
    let verdict = |is_wildcard, issue: &[&str], issue_wild: &[&str]| {
        let (mut question, mut evidence) = served();
        (question.is_wildcard, evidence.caa) = (is_wildcard, Some(Ok(caa(issue, issue_wild))));
        let steps = evaluate(&question, &evidence, now()).steps;
        let step = steps.into_iter().find(|step| step.step == StepName::IssuanceAllowed).unwrap();
        (step.verdict, step.evidence + &step.advice)
    };
    assert_eq!(verdict(true, &["letsencrypt.org"], &[]).0, Verdict::Passed);
    assert_eq!(verdict(false, &["letsencrypt.org"], &[""]).0, Verdict::Passed);
    assert_eq!(verdict(false, &[], &["pki.goog"]).0, Verdict::Passed, "wildcards alone are restricted");
    let (failed, text) = verdict(true, &["letsencrypt.org"], &[""]);
    assert_eq!(failed, Verdict::Failed);
    assert!(text.contains("let nobody sign") && text.contains("0 issuewild"), "{text}");
}

#[test]
fn tls_that_the_workload_ends_is_not_ours_to_trust() {
    let (mut question, mut evidence) = served();
    let mut passed_on = contact(Protocol::TlsPassthrough);
    if let Some(Ok(tls)) = &mut passed_on.attempt.tls {
        tls.untrusted = Some("UnknownIssuer".to_owned());
    }
    (question.endpoints, evidence.contacts) = (vec![passed_on.endpoint.clone()], vec![passed_on]);
    let found = evaluate(&question, &evidence, now());
    assert!(
        found.served && found.steps.iter().any(|step| step.evidence.ends_with("the workload presents it")),
        "{found:#?}"
    );
    if let Some(Ok(tls)) = &mut evidence.contacts[0].attempt.tls {
        tls.not_after = now();
    }
    let found = evaluate(&question, &evidence, now());
    assert!(found.summary.ends_with("see its own certificate and its logs"), "{}", found.summary);
}

#[test]
fn nobody_confirms_datagrams() {
    let (mut question, mut evidence) = served();
    question.endpoints.clear();
    evidence.contacts.clear();
    question.datagram_ports = [53].into();
    let found = evaluate(&question, &evidence, now());
    assert!(found.served && found.summary.contains("port 53 takes datagrams"), "{}", found.summary);
}
