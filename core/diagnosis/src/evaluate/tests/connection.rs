//! The steps from the address of the Gateway to the answer of the workload.

use super::{super::connection::covers, *};

const BREAKS: [Broken; 12] = [
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
        "a certificate that the authority refuses",
        |question, evidence| {
            question.uncertified = Some("Failed to create Order: 429 rateLimited".to_owned());
            evidence.contacts[1].attempt.tls = Some(Err("connection reset".to_owned()));
        },
        StepName::CertificateValid,
        "port 443 fails: connection reset; CertificatesReady: Failed to create Order: 429 rateLimited; see conditions",
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
        "a Service without endpoints, which the controller has told of",
        |question, evidence| {
            let found = "HTTPRoute shop/shop has nowhere to send traffic".to_owned();
            let next = "see the workload instance's conditions".to_owned();
            question.backends = Some(Backends::NotReady { found, next });
            evidence.contacts[1].attempt.answer = Some(Ok(503));
        },
        StepName::EndpointsReady,
        "HTTPRoute shop/shop has nowhere to send traffic; see the workload instance's conditions",
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
fn what_breaks_at_the_gateway_is_the_first_step_and_the_sentence() {
    assert_each_breaks(&BREAKS);
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
fn a_wildcard_stands_for_one_label() {
    assert!(covers("*.example.org", "www.example.org") && covers("WWW.example.org", "www.Example.org"));
    assert!(!covers("*.example.org", "example.org") && !covers("*.example.org", "a.www.example.org"));
}

#[test]
fn a_name_too_deep_for_the_certificate_of_its_wildcard_is_told_what_to_do() {
    let (mut question, evidence) = served();
    question.host = Host::Named("eu.shop.example.org".to_owned());
    let found = evaluate(&question, &evidence, now());
    let advice = "add eu.shop.example.org or *.shop.example.org to Hostnames of the gateway definition";
    assert!(found.summary.ends_with(advice), "{}", found.summary);
    question.host = Host::Named("shop.example.net".to_owned());
    let found = evaluate(&question, &evidence, now());
    assert!(found.summary.contains("not for shop.example.net; see conditions ListenersReady"), "{}", found.summary);
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
fn what_is_behind_the_routes_is_a_step_only_where_a_record_tells_of_it() {
    let (mut question, mut evidence) = served();
    let has_step = |question: &Question, evidence: &Evidence| {
        evaluate_connection(question, evidence, now()).steps.iter().any(|step| step.step == StepName::EndpointsReady)
    };
    assert!(has_step(&question, &evidence));
    // It needs no address: the records tell of it all the same.
    question.addresses.clear();
    evidence.contacts.clear();
    assert!(has_step(&question, &evidence));
    question.backends = None;
    assert!(!has_step(&question, &evidence));
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
