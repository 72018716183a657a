//! Conditions, from statuses as real controllers write them.

mod cluster;
mod obstacles;

use causeway_records::{
    inputs::{ClaimBeside, DomainNameState, HostRecord, ListenerSetState, Published},
    status::{ConditionStatus, Conditions, NewCondition},
};
use causeway_render::{
    IssuedCertificates,
    conditions::{listener_set_state, listener_sets_applied, shared_gateway, shared_gateway_state, users_to_wake},
    gateway,
};
use cluster::{Cluster, HTTPS};
use serde_json::json;

const ALL: [&str; 7] = [
    "GatewayAccepted",
    "GatewayProgrammed",
    "AddressAssigned",
    "ListenersReady",
    "CertificatesReady",
    "RoutesAccepted",
    "RefsResolved",
];

#[test]
fn what_works_is_ready_step_by_step() {
    let cluster = Cluster::working();
    let conditions = cluster.conditions();
    assert_eq!(conditions.iter().map(|condition| condition.condition_type).collect::<Vec<_>>(), ALL);
    assert_eq!(cluster.blocked(), [""; 0]);
    assert!(
        shared_gateway(&cluster.shared(), &cluster.seen)
            .iter()
            .all(|condition| condition.status == ConditionStatus::True)
    );
    insta::assert_snapshot!(told(&conditions));
}

fn told(conditions: &[NewCondition]) -> String {
    conditions
        .iter()
        .map(|condition| {
            format!("{} {} {}: {}\n", condition.condition_type, condition.status, condition.reason, condition.message)
        })
        .collect()
}

#[test]
fn requests_that_go_to_another_gateway_instance_are_told() {
    let mut cluster = Cluster::working();
    let listener = cluster.inputs.shared_gateway.as_ref().unwrap().listener_sets.keys().next().unwrap().clone();
    let port = listener.port;
    cluster.inputs.beside = vec![ClaimBeside {
        listener,
        requests: "/cart".into(),
        redirect: false,
        gateway_instance_id: 900,
        gateway_instance: "cart".into(),
    }];
    cluster.plan = gateway::render(&cluster.inputs).unwrap();
    let (status, reason, message) = cluster.condition("RoutesAccepted");
    assert_eq!((status, reason.as_str()), (ConditionStatus::True, "RoutesAccepted"), "it is a warning");
    let sentence = format!("port {port}, what is for /cart goes to gateway instance cart");
    assert!(message.contains("; look at this: of ") && message.contains(&sentence), "{message}");
}

#[test]
fn nothing_seen_yet() {
    let mut cluster = Cluster::working();
    cluster.seen.clear();
    insta::assert_snapshot!(told(&cluster.conditions()));
}

#[test]
fn a_gateway_that_is_gone_takes_its_routes_along() {
    let mut cluster = Cluster::working();
    cluster.seen.remove(&cluster.gateway());
    assert_eq!(
        cluster.blocked(),
        ["GatewayAccepted", "GatewayProgrammed", "AddressAssigned", "ListenersReady", "RoutesAccepted"],
        "though ListenerSet and routes still say True"
    );
    let (status, reason, message) = cluster.condition("RoutesAccepted");
    assert_eq!((status, reason.as_str()), (ConditionStatus::False, "GatewayNotFound"));
    assert_eq!(
        message,
        "Gateway shared-gateway-102/shared-gateway-102 does not stand in the cluster yet; shared gateway shared makes it, see its conditions"
    );
}

#[test]
fn words_about_another_generation_do_not_count() {
    let mut cluster = Cluster::working();
    for observed in cluster.seen.values_mut() {
        observed.generation += 1;
    }
    let all_but_address = ALL.into_iter().filter(|kind| *kind != "AddressAssigned").collect::<Vec<_>>();
    assert_eq!(cluster.blocked(), all_but_address);
    assert!(cluster.conditions().iter().all(|condition| condition.status != ConditionStatus::False));
}

#[test]
fn dns_is_told_where_somebody_publishes() {
    let mut cluster = Cluster::working();
    assert!(cluster.conditions().iter().all(|condition| condition.condition_type != "DnsPublished"));
    let state = |hosts: &[(&str, bool, &str)]| {
        let record =
            |present, message: &str| HostRecord { present, message: message.into(), ttl: 300, ..HostRecord::default() };
        let hosts = hosts.iter().map(|(host, present, message)| ((*host).to_owned(), record(*present, message)));
        let published = Published { hosts: hosts.collect(), ..Published::default() };
        DomainNameState { id: 1, name: "shop-dns".into(), reconciled: false, published }
    };
    cluster.inputs.domain_names =
        vec![DomainNameState { reconciled: true, ..state(&[("other.example.net", true, "")]) }];
    assert!(
        cluster.conditions().iter().all(|condition| condition.condition_type != "DnsPublished"),
        "it is of another domain"
    );
    cluster.inputs.domain_names = vec![state(&[])];
    assert_eq!(cluster.condition("DnsPublished").0, ConditionStatus::Unknown);
    cluster.inputs.domain_names = vec![state(&[("shop.example.org", false, "the zone is not there")])];
    assert_eq!(
        cluster.condition("DnsPublished"),
        (
            ConditionStatus::False,
            "NotPublished".into(),
            "shop.example.org is not published by domain name instance shop-dns: the zone is not there".into()
        )
    );
    let mut withdrawn = state(&[("shop.example.org", false, "")]);
    if let Some(record) = withdrawn.published.hosts.get_mut("shop.example.org") {
        record.gone_since = Some(Default::default());
    }
    cluster.inputs.domain_names = vec![withdrawn];
    assert!(
        cluster.conditions().iter().all(|condition| condition.condition_type != "DnsPublished"),
        "it was withdrawn on purpose"
    );
    cluster.inputs.domain_names.push(state(&[("shop.example.org", true, "")]));
    assert_eq!(cluster.condition("DnsPublished").0, ConditionStatus::True);
}

#[test]
fn users_of_a_listener_are_woken_when_something_of_it_changed() {
    let mut cluster = Cluster::working();
    let mut known = ListenerSetState::default();
    let woken = |cluster: &Cluster, known: &mut ListenerSetState| {
        let set = &cluster.sets[0];
        let state = listener_set_state(set, &IssuedCertificates::default(), &cluster.seen);
        let woken: Vec<_> = users_to_wake(set, known, &state).into_iter().collect();
        let changed = state.users_see.iter().filter(|(name, see)| known.users_see.get(*name) != Some(*see));
        let changed: Vec<_> = changed.map(|(name, _)| name.clone()).collect();
        *known = state;
        (woken, changed)
    };
    let users: Vec<i64> = cluster.sets[0].listeners[0].users.iter().map(|user| user.gateway_instance_id).collect();
    let plain = "http-80-shop-example-org-eba1c86c72";
    assert_eq!(woken(&cluster, &mut known), (users.clone(), vec![plain.into(), HTTPS.into()]), "they saw nothing yet");
    assert_eq!(woken(&cluster, &mut known), (vec![], vec![]));
    let (set, gateway, certificate) = (cluster.set(), cluster.gateway(), cluster.certificate());
    cluster.status(set.clone())["listeners"][0]["attachedRoutes"] = json!(7);
    assert_eq!(woken(&cluster, &mut known), (vec![], vec![]), "counters are nobody's business");
    cluster.status(certificate)["conditions"][0]["status"] = json!("False");
    assert_eq!(woken(&cluster, &mut known), (users.clone(), vec![HTTPS.into()]));
    assert_eq!(woken(&cluster, &mut known), (vec![], vec![]));
    // A listener that is new in the set: its users' own reconcile says that no controller has reported it.
    let reported = cluster.status(set.clone())["listeners"].take();
    known.users_see.remove(plain);
    assert_eq!(
        woken(&cluster, &mut known),
        (users.clone(), vec![plain.into(), HTTPS.into()]),
        "of the other one they saw more"
    );
    known.users_see.remove(plain);
    assert_eq!(woken(&cluster, &mut known), (vec![], vec![plain.into()]));
    cluster.status(set)["listeners"] = reported;
    assert_eq!(woken(&cluster, &mut known), (users, vec![plain.into(), HTTPS.into()]));
    // Of the Gateway itself all of its users hear, and the sets.
    let before = shared_gateway_state(&cluster.shared(), &cluster.seen);
    assert_eq!(shared_gateway_state(&cluster.shared(), &cluster.seen), before);
    cluster.status(gateway)["addresses"][0]["value"] = json!("192.0.2.2");
    assert_ne!(shared_gateway_state(&cluster.shared(), &cluster.seen), before);
}

#[test]
fn a_shared_gateway_sums_up_its_listener_sets() {
    let mut cluster = Cluster::working();
    let ready = |cluster: &Cluster, kind: &str| {
        let all = shared_gateway(&cluster.shared(), &cluster.seen);
        let found = all.into_iter().find(|condition| condition.condition_type == kind).unwrap();
        (found.status, found.message)
    };
    assert_eq!(ready(&cluster, "ListenersReady"), (ConditionStatus::True, "3 listeners".into()));
    assert_eq!(ready(&cluster, "CertificatesReady"), (ConditionStatus::True, "one certificate".into()));
    cluster.status(cluster.certificate())["conditions"][0]["status"] = json!("False");
    assert_eq!(ready(&cluster, "CertificatesReady").0, ConditionStatus::False);
    // A listener that came since the set was reconciled.
    let mut shared = cluster.shared();
    shared.listener_sets[0].listeners += 1;
    let all = shared_gateway(&shared, &cluster.seen);
    let listeners = all.iter().find(|condition| condition.condition_type == "ListenersReady").unwrap();
    assert_eq!(listeners.status, ConditionStatus::Unknown);
    assert!(listeners.message.contains("ListenerSet shared-gateway-102/shared-gateway-102-0"), "{}", listeners.message);
    // One that could not be applied.
    assert_eq!(listener_sets_applied(&shared), None);
    let conflict = vec![NewCondition::not_met("Applied", "Conflict", "it is somebody's")];
    let conflict = Conditions::from_new(conflict, &Conditions::default(), 1, Default::default());
    shared.listener_sets[0].applied = conflict.get("Applied").cloned();
    let applied = listener_sets_applied(&shared).unwrap();
    assert_eq!(
        (applied.status, applied.reason.as_str(), applied.message.as_str()),
        (ConditionStatus::False, "Conflict", "it is somebody's")
    );
}
