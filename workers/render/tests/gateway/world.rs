//! Many gateways of one cluster at random: each object has one name and one owner, whatever stands beside it.

use causeway_records::{
    inputs::{GatewayInputs, GrantedWorkload, ListenerKey},
    inventory::ObjectRef,
    nouns::{GatewayGrpcRoute, GatewayHttpPort, GatewayHttpRoute, GrpcRules, Hostnames, HttpRules, Placement, TlsMode},
    text::ListenerHostname,
};
use causeway_render::{
    gateway, listener_set, names,
    plan::{Object, Plan},
    samples::{self, Scene, Variant, http},
    shared_gateway, workload,
};
use causeway_rules::claims::claims_of;
use proptest::{
    prelude::*,
    sample::{Index, select, subsequence},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A shared gateway, beside the gateways that their instances have of their own.
const SHARED: i64 = 2;
const HOSTNAMES: [&str; 6] = [
    "example.org",
    "shop.example.org",
    "*.example.org",
    "eu.shop.example.org",
    "*.shop.example.org",
    "api.example.org",
];
/// What two workloads of one name have in common.
const WORKLOAD: i64 = 5000;

/// What one gateway instance is to have.
#[derive(Clone, Debug)]
struct Wish {
    ports: Vec<GatewayHttpPort>,
    hostnames: Vec<&'static str>,
    tcp: bool,
    udp: bool,
    passes_tls: bool,
    to_others: bool,
    routes: Option<bool>,
    dedicated: bool,
    in_common_workload: bool,
}

fn wish() -> impl Strategy<Value = Wish> {
    let ports =
        vec![http(80, "/"), http(80, "/api"), http(8080, "/").redirect(), http(443, "/").tls(), http(8443, "/a").tls()];
    let ports_beside = (any::<bool>(), any::<bool>(), any::<bool>());
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (
        subsequence(ports, 1..=5),
        subsequence(HOSTNAMES.to_vec(), 1..=6),
        select(vec![None, Some(true), Some(false)]),
        ports_beside,
        flags,
    )
        .prop_map(
            |(ports, hostnames, routes, (tcp, udp, passes_tls), (to_others, dedicated, in_common_workload))| Wish {
                ports,
                hostnames,
                tcp,
                udp,
                passes_tls,
                to_others,
                routes,
                dedicated,
                in_common_workload,
            },
        )
}

/// The instance of a wish, with the id that its place gives it. Ports of TCP and UDP are its own; another workload has granted all of them its Services.
fn instance(place: usize, wish: &Wish) -> GatewayInputs {
    let number = i32::try_from(place).expect("a few hundred of them");
    let tcp: Vec<i32> = wish.tcp.then_some(5432 + number).into_iter().collect();
    let mut inputs =
        samples::gateway(100 + i64::from(number), "web", Some((21, samples::domain(21))), &wish.ports, &tcp);
    let names: Vec<ListenerHostname> = wish.hostnames.iter().map(|name| name.parse().expect("a hostname")).collect();
    let spec = &mut inputs.definition.spec;
    if wish.passes_tls {
        spec.tcp_ports.push(samples::tls(7443 + number, TlsMode::Passthrough, &wish.hostnames[..1]));
    }
    spec.udp_ports = wish.udp.then(|| samples::udp(5432 + number)).into_iter().collect();
    // Those that only redirect have no port for rules.
    if wish.ports.iter().any(|port| port.https_redirect != Some(true)) {
        let backend = match wish.to_others {
            true => json!([{"name": "search", "namespace": "other", "port": 80}]),
            false => json!([{"name": "web", "port": 8080}]),
        };
        let hostnames = Some(Hostnames(names[..1].to_vec()));
        match wish.routes {
            None => {}
            Some(true) => {
                let rules = HttpRules(
                    json!([{"matches": [{"path": {"value": "/"}, "method": "GET"}], "backendRefs": backend}]),
                );
                spec.http_routes = vec![GatewayHttpRoute { rules, hostnames, ..GatewayHttpRoute::default() }];
            }
            Some(false) => {
                // A hostname of a port has routes of one kind.
                spec.http_ports.retain(|port| port.path.as_ref().is_some_and(|path| path.as_str() == "/"));
                let rules =
                    GrpcRules(json!([{"matches": [{"method": {"service": "shop.v1.Cart"}}], "backendRefs": backend}]));
                let has_port = spec.http_ports.iter().any(|port| port.https_redirect != Some(true));
                let grpc = GatewayGrpcRoute { rules, hostnames, ..GatewayGrpcRoute::default() };
                spec.grpc_routes = has_port.then_some(grpc).into_iter().collect();
            }
        }
    }
    if spec.http_ports.is_empty() {
        spec.http_ports = vec![http(80, "/")];
    }
    spec.hostnames = Some(Hostnames(names));
    spec.placement = Some(if wish.dedicated { Placement::Dedicated } else { Placement::Shared });
    inputs.hostnames = wish.hostnames.iter().map(ToString::to_string).collect();
    inputs.hostnames.sort();
    if wish.in_common_workload {
        inputs.workload = samples::workload(WORKLOAD, "common");
    }
    let ports = "ports:\n  - {name: udp, port: 53, protocol: UDP}\n";
    inputs.workload.definition.spec.yaml_document = samples::MANIFESTS.replace("ports:\n", ports);
    let (workload, namespace) = ("other".to_owned(), "other-9".to_owned());
    inputs.granted = vec![GrantedWorkload { workload, namespace, services: None, kinds: None }];
    inputs
}

/// All gateways of a cluster, rendered.
#[derive(Debug, PartialEq)]
struct World {
    /// Of each instance by its id, and of its workload.
    own: BTreeMap<i64, Vec<Object>>,
    /// Of the shared gateway and its ListenerSets.
    shared: BTreeMap<ObjectRef, Value>,
}

fn world(instances: &[GatewayInputs]) -> World {
    let is_shared = |inputs: &&GatewayInputs| inputs.definition.spec.placement() == Placement::Shared;
    let Scene { shared, listener_sets, gateways } =
        samples::shared(SHARED, instances.iter().filter(is_shared).cloned().collect());
    let dedicated = instances.iter().filter(|inputs| !is_shared(inputs)).cloned();
    let own = gateways
        .into_iter()
        .chain(dedicated)
        .map(|inputs| (inputs.instance.record.id(), gateway::render(&inputs).expect("it can be rendered").objects));
    let shared = shared.iter().map(|shared| shared_gateway::render(shared).expect("it can be rendered"));
    let sets = listener_sets.iter().map(|set| listener_set::render(set).expect("it can be rendered"));
    let plans: Vec<Plan> = shared.chain(sets).collect();
    let objects = plans.into_iter().flat_map(|plan| plan.objects);
    World { own: own.collect(), shared: objects.map(|object| (object.at, object.body)).collect() }
}

/// All objects, those of workloads, too.
fn all(instances: &[GatewayInputs], world: &World) -> Vec<ObjectRef> {
    let workloads: BTreeMap<i64, _> =
        instances.iter().map(|inputs| (inputs.workload.instance.record.id(), &inputs.workload)).collect();
    let of_workload = workloads.into_values().flat_map(|inputs| {
        let manifests = workload::manifests(inputs).expect("manifests are good");
        workload::render(inputs, manifests, &samples::scopes).expect("they are rendered").objects
    });
    let own = world.own.values().flatten().cloned().chain(of_workload).map(|object| object.at);
    own.chain(world.shared.keys().cloned()).collect()
}

fn listeners(instances: &[&GatewayInputs]) -> BTreeSet<ListenerKey> {
    let domain = samples::domain(21).domain;
    let claims = instances
        .iter()
        .flat_map(|inputs| claims_of(&inputs.definition.spec, Some(&domain)).expect("the definition is good"));
    claims.map(|claim| claim.listener).collect()
}

fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        (1..=63).contains(&label.len()) && label.chars().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

/// The listeners of an object by name, without whose routes they take.
fn listeners_in(body: &Value) -> BTreeMap<&str, Value> {
    let all = body.pointer("/spec/listeners").and_then(Value::as_array).into_iter().flatten();
    let plain = |listener: &Value| {
        let mut listener = listener.clone();
        listener["allowedRoutes"]["namespaces"].take();
        listener
    };
    all.map(|listener| (listener["name"].as_str().expect("a listener has a name"), plain(listener))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn names_are_valid_and_no_two_objects_have_one(wishes in proptest::collection::vec(wish(), 1..6)) {
        let instances: Vec<_> = wishes.iter().enumerate().map(|(place, wish)| instance(place, wish)).collect();
        let world = world(&instances);
        let all = all(&instances, &world);
        for at in &all {
            prop_assert!(is_name(&at.name) && at.namespace.iter().all(|namespace| is_name(namespace)), "{}", at);
        }
        let rendered: usize = all.len();
        let distinct: BTreeSet<_> = all.into_iter().collect();
        prop_assert_eq!(distinct.len(), rendered);
        for (at, body) in &world.shared {
            let names = listeners_in(body);
            let count = body.pointer("/spec/listeners").and_then(Value::as_array).map_or(0, Vec::len);
            prop_assert_eq!(names.len(), count, "{}", at);
            prop_assert!(names.keys().all(|name| is_name(name) && !name.contains('.')), "{}", at);
        }
    }

    #[test]
    fn the_same_is_rendered_again_and_in_whatever_order_instances_are_read(
        wishes in proptest::collection::vec(wish(), 1..6), by in any::<Index>(),
    ) {
        let instances: Vec<_> = wishes.iter().enumerate().map(|(place, wish)| instance(place, wish)).collect();
        let first = world(&instances);
        prop_assert_eq!(&first, &world(&instances));
        let mut turned = instances.clone();
        turned.rotate_left(by.index(instances.len()));
        prop_assert_eq!(&first, &world(&turned));
        turned.reverse();
        for inputs in &mut turned {
            inputs.hostnames.reverse();
            let spec = &mut inputs.definition.spec;
            spec.http_ports.reverse();
            spec.tcp_ports.reverse();
            spec.hostnames.iter_mut().for_each(|hostnames| hostnames.0.reverse());
        }
        prop_assert_eq!(&first, &world(&turned));
    }

    #[test]
    fn who_goes_takes_nothing_of_others_along(
        wishes in proptest::collection::vec(wish(), 2..6), leaves in any::<Index>(),
    ) {
        let instances: Vec<_> = wishes.iter().enumerate().map(|(place, wish)| instance(place, wish)).collect();
        let before = world(&instances);
        let mut staying = instances.clone();
        let gone = staying.remove(leaves.index(instances.len()));
        let after = world(&staying);
        // 1. Others render what they did, to the last field.
        let mut expected = before.own.clone();
        expected.remove(&gone.instance.record.id());
        prop_assert_eq!(&expected, &after.own);
        // 2. Of the shared gateway's objects nothing is new, and only listeners and certificates go that nobody else uses.
        let is_shared = |inputs: &&GatewayInputs| inputs.definition.spec.placement() == Placement::Shared;
        let left = listeners(&staying.iter().filter(is_shared).collect::<Vec<_>>());
        let goes: BTreeSet<ListenerKey> = match is_shared(&&gone) {
            true => listeners(&[&gone]).into_iter().filter(|key| !left.contains(key)).collect(),
            false => BTreeSet::new(),
        };
        let goes: BTreeSet<String> = goes.iter().map(names::listener).collect();
        let secured: BTreeSet<_> = left.iter().filter(|key| key.protocol.ends_tls()).filter_map(|key| key.hostname.as_deref()).collect();
        for (at, body) in &before.shared {
            let (was, is) = (listeners_in(body), after.shared.get(at).map(listeners_in).unwrap_or_default());
            let lost: BTreeSet<&str> = was.keys().filter(|name| !is.contains_key(*name)).copied().collect();
            prop_assert!(left.is_empty() || lost.iter().all(|name| goes.contains(*name)), "{} loses {:?}, {:?} go", at, lost, goes);
            prop_assert!(is.iter().all(|(name, listener)| was.get(name) == Some(listener)), "{}", at);
            if at.kind == "Certificate" && !after.shared.contains_key(at) {
                let hostname = body["spec"]["dnsNames"][0].as_str().unwrap();
                prop_assert!(!secured.contains(hostname), "{} is still needed", hostname);
            }
        }
        prop_assert!(after.shared.keys().all(|at| before.shared.contains_key(at)));
    }
}
