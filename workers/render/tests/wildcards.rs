//! One certificate for all hostnames of a domain: who makes it, who has it, and that nobody loses one before the next is valid.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use causeway_records::{
    inputs::{GatewayInputs, ListenerSetInputs, SharedGatewayInputs},
    inventory::ObjectRef,
    status::ConditionStatus,
};
use causeway_render::{
    IssuedCertificates,
    conditions::{
        certificates, gateway_instance, is_taken_up, issued_certificates, listener_set_state,
        shared_gateway as conditions_of,
    },
    gateway,
    k8s::cert_manager::CERTIFICATE,
    labels::Owner,
    listener_set,
    observed::{Observed, Seen},
    plan::Plan,
    samples, shared_gateway,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The hostnames of the sample that the wildcard is for, and one that is two labels under the domain.
const COVERED: [&str; 3] = ["api.example.org", "example.org", "shop.example.org"];
const DEEPER: &str = "a.shop.example.org";

struct Shared {
    gateway: SharedGatewayInputs,
    set: ListenerSetInputs,
    instance: GatewayInputs,
}

fn shared(wildcard: bool) -> Shared {
    let scene = samples::scenes().into_iter().find(|(name, _)| *name == "wildcard").unwrap().1;
    let (mut gateway, mut set, mut instance) =
        (scene.shared.unwrap(), scene.listener_sets[0].clone(), scene.gateways[0].clone());
    let domains = gateway.domains.iter_mut().chain(&mut set.domains).chain(&mut instance.domain);
    domains.for_each(|domain| domain.spec.wildcard_certificate = Some(wildcard));
    if !wildcard {
        instance.shared_gateway.as_mut().unwrap().wildcards.clear();
    }
    Shared { gateway, set, instance }
}

fn dedicated(wildcard: bool) -> GatewayInputs {
    let scene = samples::scenes().into_iter().find(|(name, _)| *name == "dedicated_wildcard").unwrap().1;
    let mut inputs = scene.gateways[0].clone();
    inputs.domain.as_mut().unwrap().spec.wildcard_certificate = Some(wildcard);
    inputs
}

/// Names in the Certificates of a plan, by the names of their objects.
fn made(plan: &Plan) -> BTreeMap<String, Value> {
    let certificates = plan.objects.iter().filter(|object| CERTIFICATE.is(&object.at));
    certificates.map(|object| (object.at.name.clone(), object.body["spec"]["dnsNames"].clone())).collect()
}

/// The Secret of each hostname's listener.
fn named(plan: &Plan) -> BTreeMap<String, String> {
    let listeners = plan.objects.iter().filter_map(|object| object.body["spec"]["listeners"].as_array()).flatten();
    let secret = |listener: &Value| {
        let secret = listener["tls"]["certificateRefs"][0]["name"].as_str()?;
        Some((listener["hostname"].as_str()?.to_owned(), secret.to_owned()))
    };
    listeners.filter_map(secret).collect()
}

/// As cert-manager shows Certificates that it has issued.
fn see(seen: &mut Seen, at: ObjectRef) {
    let ready = json!({"type": "Ready", "status": "True", "reason": "Ready", "observedGeneration": 1});
    let status = json!({"notAfter": "2026-06-01T00:00:00Z", "conditions": [ready]});
    seen.insert(at.clone(), Observed { at, uid: "u".into(), generation: 1, replicas: None, status });
}

fn issue(plan: &Plan, seen: &mut Seen) -> IssuedCertificates {
    plan.objects.iter().filter(|object| CERTIFICATE.is(&object.at)).for_each(|object| see(seen, object.at.clone()));
    issued_certificates(seen)
}

#[test]
fn a_shared_gateway_makes_it_once_and_its_listener_sets_name_it() {
    let Shared { gateway, set, .. } = shared(true);
    let of_domain = made(&shared_gateway::render(&gateway).unwrap());
    assert_eq!(of_domain.values().collect::<Vec<_>>(), [&json!(["*.example.org", "example.org"])]);
    let name = of_domain.keys().next().unwrap();
    let plan = listener_set::render(&set).unwrap();
    let (named, own) = (named(&plan), made(&plan));
    for hostname in COVERED {
        assert_eq!(&named[hostname], name, "{hostname}");
    }
    assert_eq!(own.values().collect::<Vec<_>>(), [&json!([DEEPER])]);
    assert!(own.contains_key(&named[DEEPER]), "a wildcard stands for one label");
}

#[test]
fn the_domain_itself_is_in_it_only_where_it_is_served() {
    let mut gateway = shared(true).gateway;
    gateway.listeners.retain(|listener| listener.key.hostname.as_deref() != Some("example.org"));
    let of_domain = made(&shared_gateway::render(&gateway).unwrap());
    assert_eq!(of_domain.values().collect::<Vec<_>>(), [&json!(["*.example.org"])]);
}

#[test]
fn when_it_is_turned_on_each_listener_keeps_its_certificate_until_the_new_one_is_valid() {
    let (before, after) = (shared(false), shared(true));
    let mut seen = Seen::default();
    let old = listener_set::render(&before.set).unwrap();
    assert_eq!(made(&old).len(), 4);
    let issued = issue(&old, &mut seen);
    let meanwhile = listener_set::render_over(&after.set, &issued).unwrap();
    assert_eq!((named(&meanwhile), made(&meanwhile)), (named(&old), made(&old)));
    assert!(listener_set_state(&after.set, &issued, &seen).wildcards.is_empty());

    let of_domain = shared_gateway::render(&after.gateway).unwrap();
    let issued = issue(&of_domain, &mut seen);
    let then = listener_set::render_over(&after.set, &issued).unwrap();
    assert_eq!(Ok(&then), listener_set::render(&after.set).as_ref(), "as it would be from the beginning");
    assert_eq!(then.superseded.objects.len(), 3, "they stay until the set is taken up");
    assert_eq!(made(&then).len(), 1);
    let state = listener_set_state(&after.set, &issued, &seen);
    assert_eq!(state.wildcards.iter().map(ToString::to_string).collect::<Vec<_>>(), ["example.org"]);
    assert_eq!((state.certificates.number, state.certificates.not_ready), (1, 0));
}

#[test]
fn when_it_is_turned_off_it_stays_until_no_listener_has_it() {
    let (on, mut off) = (shared(true), shared(false));
    let mut seen = Seen::default();
    let of_domain = shared_gateway::render(&on.gateway).unwrap();
    issue(&of_domain, &mut seen);
    let issued = issue(&listener_set::render(&on.set).unwrap(), &mut seen);
    let meanwhile = listener_set::render_over(&off.set, &issued).unwrap();
    assert_eq!(named(&meanwhile), named(&listener_set::render(&on.set).unwrap()));
    assert_eq!(made(&meanwhile).len(), 4, "those of their own are on their way");
    let state = listener_set_state(&off.set, &issued, &seen);
    off.gateway.listener_sets[0].state = Some(state);
    assert_eq!(made(&shared_gateway::render(&off.gateway).unwrap()), made(&of_domain));

    let issued = issue(&meanwhile, &mut seen);
    assert_eq!(listener_set::render_over(&off.set, &issued), listener_set::render(&off.set));
    off.gateway.listener_sets[0].state = Some(listener_set_state(&off.set, &issued, &seen));
    assert_eq!(made(&shared_gateway::render(&off.gateway).unwrap()).len(), 0);
}

#[test]
fn a_gateway_of_its_own_changes_over_in_the_same_way_and_says_what_goes_without_loss() {
    let (off, on) = (dedicated(false), dedicated(true));
    let mut seen = Seen::default();
    let old = gateway::render(&off).unwrap();
    let issued = issue(&old, &mut seen);
    let meanwhile = gateway::render_over(&on, &issued).unwrap();
    assert_eq!(named(&meanwhile), named(&old));
    assert_eq!(made(&meanwhile).len(), 5, "four of their own and that of the domain");
    assert!(meanwhile.superseded.objects.is_empty());
    let issued = issue(&meanwhile, &mut seen);
    let then = gateway::render_over(&on, &issued).unwrap();
    assert_eq!(made(&then).len(), 2);
    let gone: Vec<_> = then.superseded.objects.iter().map(|at| at.name.as_str()).collect();
    assert_eq!(gone, COVERED.map(|hostname| named(&old)[hostname].clone()), "each had one of its own");

    // Back again: that of the domain is there until the others are.
    let mut seen = Seen::default();
    let issued = issue(&then, &mut seen);
    let meanwhile = gateway::render_over(&off, &issued).unwrap();
    assert_eq!((named(&meanwhile), made(&meanwhile).len()), (named(&then), 5));
    let issued = issue(&meanwhile, &mut seen);
    let last = gateway::render_over(&off, &issued).unwrap();
    assert_eq!(made(&last), made(&old));
    assert!(last.superseded.objects.iter().all(|at| made(&then).contains_key(&at.name)), "that of the domain");
    assert_eq!((last.superseded.objects.len(), last.superseded.by), (1, Some(gateway::gateway_ref(&off))));
}

#[test]
fn it_is_judged_and_listed_like_every_other() {
    let Shared { mut gateway, set, instance } = shared(true);
    let of_domain = shared_gateway::render(&gateway).unwrap();
    let plan = gateway::render(&instance).unwrap();
    let mut seen = Seen::default();
    let of_instance = |seen: &Seen| {
        let all = gateway_instance(&instance, &plan, seen);
        let ready = all.into_iter().find(|condition| condition.condition_type == "CertificatesReady").unwrap();
        (ready.status, ready.message)
    };
    let at = gateway::observed_refs(&instance);
    let name = made(&of_domain).keys().next().unwrap().clone();
    assert!(at.contains(&CERTIFICATE.at("shared-gateway-109", &name)), "{at:?}");
    let issued = issue(&listener_set::render(&set).unwrap(), &mut seen);
    let (status, message) = of_instance(&seen);
    assert_eq!(status, ConditionStatus::Unknown);
    assert_eq!(
        message,
        format!("Certificate shared-gateway-109/{name} for *.example.org is not seen in the cluster yet")
    );

    let of_gateway = |gateway: &SharedGatewayInputs, seen: &Seen| {
        let all = conditions_of(gateway, seen);
        all.into_iter().find(|condition| condition.condition_type == "CertificatesReady").unwrap()
    };
    gateway.listener_sets[0].state = Some(listener_set_state(&set, &issued, &seen));
    assert_eq!(of_gateway(&gateway, &seen).status, ConditionStatus::Unknown);
    let state = shared_gateway_state(&gateway, &seen);
    issue(&of_domain, &mut seen);
    assert_eq!(of_instance(&seen), (ConditionStatus::True, "2 certificates".into()));
    assert_eq!(of_gateway(&gateway, &seen).message, "2 certificates");
    assert_ne!(shared_gateway_state(&gateway, &seen), state, "its users and its sets hear of it");

    let owner = Owner { kind: causeway_records::Kind::SharedGateway, id: 109 };
    let listed = certificates(&of_domain, &seen, owner);
    let [listed] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!(listed.hostnames, ["*.example.org", "example.org"]);
    assert!(listed.valid && listed.owner_id == 109);
}

#[test]
fn a_listener_set_is_taken_up_when_something_was_said_of_each_listener_as_it_is_now() {
    let seen = |conditions: [i64; 2]| {
        let entry = |generation: &i64| json!({"conditions": [{"type": "ResolvedRefs", "status": "False", "observedGeneration": generation}]});
        let status = json!({"listeners": conditions.iter().map(entry).collect::<Vec<_>>()});
        let at = listener_set::listener_set_ref(&shared(true).set);
        is_taken_up(&Observed { at, uid: "u".into(), generation: 3, replicas: None, status })
    };
    assert!(seen([3, 3]) && !seen([3, 2]) && !seen([2, 2]));
}

/// With the Gateway in the cluster: without it nothing is published.
fn shared_gateway_state(gateway: &SharedGatewayInputs, seen: &Seen) -> Value {
    let mut seen = seen.clone();
    see(&mut seen, shared_gateway::gateway_ref(&gateway.gateway));
    causeway_render::conditions::shared_gateway_state(gateway, &seen)
}
