//! Gateways with many hostnames, paths and listeners: how they are spread, and that the order of inputs changes nothing.

use crate::only;
use causeway_records::{
    inputs::{GatewayInputs, Listener, ListenerSetInputs, SharedGatewayInputs},
    nouns::{AcmeChallenge, DomainNameDefinition, Placement},
};
use causeway_render::{
    gateway, listener_set,
    samples::{self, Variant, http},
    shared_gateway,
};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeSet;

/// A gateway with more hostnames and paths than one route may hold, and the shared gateway that carries it.
fn large() -> (GatewayInputs, SharedGatewayInputs) {
    let paths: Vec<_> = (0..20).map(|i| http(443, &format!("/p{i}")).tls()).collect();
    let inputs = samples::gateway(1, "web", Some((21, samples::domain(21))), &paths, &[5432, 5433]);
    let scene = samples::shared(2, vec![inputs]);
    let mut shared = scene.shared.clone().expect("a shared gateway");
    let mut inputs = only(scene);
    let mut usage = inputs.shared_gateway.clone().expect("on it");
    inputs.hostnames = (0..40).map(|i| format!("h{i}.example.org")).collect();
    let https = shared.listeners.iter().find(|listener| listener.listener_set.is_some()).expect("HTTPS").clone();
    shared.listeners.retain(|listener| listener.listener_set.is_none());
    usage.listener_sets.retain(|_, listener_set| listener_set.is_none());
    for hostname in &inputs.hostnames {
        let mut listener = https.clone();
        listener.key.hostname = Some(hostname.clone());
        listener.listener_set = Some(i32::from(hostname.contains('3')));
        usage.listener_sets.insert(listener.key.clone(), listener.listener_set);
        shared.listeners.push(listener);
    }
    inputs.shared_gateway = Some(usage);
    (inputs, shared)
}

#[test]
fn large_gateways_are_spread_over_several_routes() {
    let plan = gateway::render(&large().0).unwrap();
    let routes: Vec<_> = plan.objects.iter().filter(|object| object.at.kind == "HTTPRoute").collect();
    assert_eq!(routes.len(), 3 * 2);
    let length = |route: &Value, field: &str| route["spec"][field].as_array().unwrap().len();
    for route in &routes {
        assert!(length(&route.body, "hostnames") <= 16 && length(&route.body, "rules") <= 16);
        assert_eq!(length(&route.body, "parentRefs"), length(&route.body, "hostnames"));
    }
    let served: usize =
        routes.iter().map(|route| length(&route.body, "hostnames") * length(&route.body, "rules")).sum();
    assert_eq!(served, 40 * 20);
    let mut names: Vec<_> = plan.objects.iter().map(|object| &object.at).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), plan.objects.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn order_of_inputs_changes_nothing(
        ports in Just(large().0.definition.spec.http_ports).prop_shuffle(),
        tcp_ports in Just(large().0.definition.spec.tcp_ports).prop_shuffle(),
        hostnames in Just(large().0.hostnames).prop_shuffle(),
        listeners in Just(large().1.listeners).prop_shuffle(),
    ) {
        let (instance, shared) = large();
        let mut mixed = instance.clone();
        (mixed.definition.spec.http_ports, mixed.definition.spec.tcp_ports) = (ports, tcp_ports);
        mixed.hostnames = hostnames;
        prop_assert_eq!(gateway::render(&mixed), gateway::render(&instance));
        let mut other = shared.clone();
        other.listeners = listeners;
        prop_assert_eq!(shared_gateway::render(&other), shared_gateway::render(&shared));
        prop_assert_eq!(shared_gateway::secrets(&other), shared_gateway::secrets(&shared));
        mixed.shared_gateway = None;
        mixed.hostnames.truncate(60);
        mixed.definition.spec.placement = Some(Placement::Dedicated);
        let mut straight = mixed.clone();
        straight.hostnames.sort();
        straight.definition.spec.http_ports.sort_by(|a, b| a.path.cmp(&b.path));
        straight.definition.spec.tcp_ports.sort_by_key(|port| port.port);
        prop_assert_eq!(gateway::render(&mixed), gateway::render(&straight));
    }
}

/// Listeners for a few hostnames on four ports, those of each hostname in one of three ListenerSets; the certificates are proved by plain HTTP.
fn spread(listeners: Vec<(usize, usize)>) -> (SharedGatewayInputs, Vec<ListenerSetInputs>) {
    let http01 = DomainNameDefinition { acme_challenge: Some(AcmeChallenge::Http01), ..samples::domain(21) };
    let ports = [http(80, "/"), http(8080, "/"), http(443, "/").tls(), http(8443, "/").tls()];
    let scene = samples::shared(2, vec![samples::gateway(1, "web", Some((21, http01)), &ports, &[5432])]);
    let shared = scene.shared.expect("a shared gateway");
    let named = &scene.listener_sets[0].listeners;
    let mut all: Vec<Listener> = shared.listeners.iter().filter(|l| l.listener_set.is_none()).cloned().collect();
    let mut taken = BTreeSet::new();
    for (port, hostname) in listeners {
        let mut listener = named[port].clone();
        listener.key.hostname = Some(format!("h{hostname}.example.org"));
        listener.listener_set = i32::try_from(hostname % 3).ok();
        if taken.insert(listener.key.clone()) {
            all.push(listener);
        }
    }
    samples::spread(shared.gateway, all, shared.domains, shared.accounts)
}

proptest! {
    #[test]
    fn every_listener_and_certificate_is_rendered_once_and_challenges_are_answered(
        listeners in proptest::collection::vec((0usize..4, 0usize..5), 1..16),
    ) {
        let (shared, sets) = spread(listeners);
        let mut objects = shared_gateway::render(&shared).unwrap().objects;
        for set in &sets {
            objects.extend(listener_set::render(set).unwrap().objects);
        }
        let kind = |kind: &str| objects.iter().filter(|object| object.at.kind == kind).collect::<Vec<_>>();
        let specs: Vec<&Value> = kind("ListenerSet").iter().flat_map(|set| set.body["spec"]["listeners"].as_array().unwrap()).collect();
        prop_assert_eq!(specs.len(), sets.iter().map(|set| set.listeners.len()).sum::<usize>());
        let secured: BTreeSet<&str> =
            specs.iter().filter(|spec| spec["protocol"] == "HTTPS").map(|spec| spec["hostname"].as_str().unwrap()).collect();
        prop_assert_eq!(kind("Certificate").len(), secured.len());
        let own_namespace = |spec: &Value| spec["allowedRoutes"].to_string().contains("\"shared-gateway-2\"");
        for spec in &specs {
            let plain = spec["port"] == 80 && secured.contains(spec["hostname"].as_str().unwrap());
            prop_assert_eq!(own_namespace(spec), plain, "{}", spec);
        }
        let answered: BTreeSet<&str> = specs.iter().filter(|spec| own_namespace(spec)).map(|spec| spec["hostname"].as_str().unwrap()).collect();
        let gateway = &kind("Gateway")[0].body["spec"]["listeners"];
        let default = gateway.as_array().unwrap().iter().find(|spec| spec["port"] == 80).unwrap();
        prop_assert_eq!(own_namespace(default), answered != secured);
    }
}
