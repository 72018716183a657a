//! The steps from the parent of the zone to what a resolver says, and who may sign certificates.

use super::*;
use crate::evidence::Caa;

fn caa(issue: &[&str], issue_wild: &[&str]) -> Caa {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Caa { domain: "example.org".to_owned(), issue: names(issue), issue_wild: names(issue_wild) }
}

const BREAKS: [Broken; 8] = [
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
];

#[test]
fn what_breaks_before_the_gateway_is_the_first_step_and_the_sentence() {
    assert_each_breaks(&BREAKS);
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
fn the_addresses_that_a_name_of_the_gateway_leads_to_are_its_own() {
    let (mut question, mut evidence) = served();
    question.addresses = vec!["lb.example.net".to_owned()];
    evidence.contacts.iter_mut().for_each(|contact| contact.address = "lb.example.net 203.0.113.7".to_owned());
    assert!(evaluate(&question, &evidence, now()).served);
    evidence.resolved = Some(Ok(ips(&["203.0.113.9"])));
    assert!(!evaluate(&question, &evidence, now()).served);
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
