mod connection;
mod dns;

use super::*;
use crate::evidence::{Attempt, Backends, Contact, Endpoint, Ground, Protocol, Served, Stored, TlsSeen, Zone};
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

/// A hostname that is served, over HTTP, HTTPS and TCP.
fn served() -> (Question, Evidence) {
    let contacts: Vec<_> = [Protocol::Http, Protocol::Https, Protocol::Tcp].map(contact).into();
    let question = Question {
        host: Host::Named(HOST.to_owned()),
        stored: Stored::Present(Zone { name: "example.org".to_owned(), private: false }),
        shared: false,
        addresses: vec!["203.0.113.7".to_owned()],
        blocked: None,
        uncertified: None,
        backends: Some(Backends::Ready),
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
type Broken = (&'static str, Break, StepName, &'static str);

/// Of each the step fails first that it names, and the summary says so.
fn assert_each_breaks(breaks: &[Broken]) {
    for (what, broken, step, says) in breaks {
        let (mut question, mut evidence) = served();
        broken(&mut question, &mut evidence);
        let found = evaluate(&question, &evidence, now());
        assert!(!found.served, "{what}: {found:#?}");
        let first = &found.steps[0];
        assert_eq!((first.step, first.verdict), (*step, Verdict::Failed), "{what}: {found:#?}");
        assert!(found.summary.starts_with("www.example.org is not served: "), "{what}: {}", found.summary);
        assert!(found.summary.contains(says), "{what}: {}", found.summary);
        assert!(!first.advice.is_empty(), "{what}");
    }
}

#[test]
fn what_cannot_be_seen_from_here_fails_nothing() {
    let unseen: [(&str, Break); 6] = [
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
        ("routes that no controller has taken up", |question, _| {
            question.backends =
                Some(Backends::NotSeen("HTTPRoute shop/shop is not seen in the cluster yet".to_owned()));
        }),
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
fn a_gateway_without_hostname_is_judged_by_its_address_alone() {
    let (question, mut evidence) = served();
    let question = Question { host: Host::Any, ..question };
    assert_eq!(evaluate(&question, &evidence, now()).summary, "the gateway is served");
    evidence.contacts[0].attempt.answer = Some(Ok(503));
    let found = evaluate(&question, &evidence, now());
    assert!(found.summary.starts_with("the gateway is not served: port 80/ answers 503"), "{}", found.summary);
}
