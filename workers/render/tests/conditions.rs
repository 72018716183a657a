//! Conditions, from statuses as real controllers write them.

use causeway_records::{
    inputs::{
        ClaimBeside, DomainNameState, GatewayInputs, HostRecord, ListenerSetInputs, ListenerSetState, Published,
        SharedGatewayInputs,
    },
    inventory::ObjectRef,
    status::{ConditionStatus, Conditions, NewCondition},
};
use causeway_render::{
    IssuedCertificates,
    conditions::{
        gateway_instance, listener_set_state, listener_sets_applied, shared_gateway, shared_gateway_state,
        users_to_wake,
    },
    gateway, k8s,
    observed::{Observed, Seen},
    plan::Plan,
    samples,
};
use serde_json::{Value, json};

/// Generation of every object that is seen.
const GENERATION: i64 = 3;

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({ "type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": GENERATION })
}

fn holds(kinds: &[&str]) -> Value {
    kinds.iter().map(|kind| condition(kind, "True", kind, "")).collect()
}

/// The sample with two workloads on one hostname, and a cluster in which all of it works.
struct Cluster {
    shared: SharedGatewayInputs,
    sets: Vec<ListenerSetInputs>,
    inputs: GatewayInputs,
    plan: Plan,
    seen: Seen,
}

const HTTPS: &str = "https-443-shop-example-org-eba1c86c72";

impl Cluster {
    fn working() -> Self {
        let scene = samples::scenes().into_iter().find(|(name, _)| *name == "two_workloads").expect("in the sample").1;
        let (shared, sets, inputs) =
            (scene.shared.expect("in the sample"), scene.listener_sets, scene.gateways[0].clone());
        let plan = gateway::render(&inputs).expect("in the sample");
        let mut cluster = Self { plan, shared, sets, inputs, seen: Seen::new() };
        let works = holds(&["Accepted", "Programmed", "ResolvedRefs"]);
        let entry = |name: &str| json!({ "name": name, "conditions": works });
        let mut of_gateway =
            json!({ "addresses": [{ "type": "IPAddress", "value": "192.0.2.1" }], "conditions": works });
        of_gateway["listeners"] = json!([entry("http-80"), entry("tcp-5432")]);
        cluster.see(cluster.gateway(), of_gateway);
        let of_set =
            json!({ "conditions": works, "listeners": [entry("http-80-shop-example-org-eba1c86c72"), entry(HTTPS)] });
        cluster.see(cluster.set(), of_set);
        cluster.see(cluster.certificate(), json!({ "conditions": holds(&["Ready"]) }));
        for route in cluster.plan.objects.clone() {
            let parents: Vec<Value> = route.body["spec"]["parentRefs"].as_array().expect("in the sample").iter().map(|parent| {
                json!({ "parentRef": parent, "controllerName": "x", "conditions": holds(&["Accepted", "ResolvedRefs"]) })
            }).collect();
            cluster.see(route.at, json!({ "parents": parents }));
        }
        cluster
    }

    fn gateway(&self) -> ObjectRef {
        k8s::gateway_api::GATEWAY.at("shared-gateway-102", "shared-gateway-102")
    }
    fn set(&self) -> ObjectRef {
        k8s::gateway_api::LISTENER_SET.at("shared-gateway-102", "shared-gateway-102-0")
    }
    fn certificate(&self) -> ObjectRef {
        k8s::cert_manager::CERTIFICATE.at("shared-gateway-102", "shop-example-org-279e3d3999")
    }
    fn route(&self, end: &str) -> ObjectRef {
        self.plan.objects.iter().find(|object| object.at.name.ends_with(end)).expect("in the sample").at.clone()
    }

    fn see(&mut self, at: ObjectRef, status: Value) {
        self.seen.insert(at.clone(), Observed { at, uid: "u".into(), generation: GENERATION, replicas: None, status });
    }

    fn see_challenge(&mut self, number: &str, state: &str, reason: &str) {
        let name = format!("shop-example-org-279e3d3999-1-22-{number}");
        let challenge = k8s::cert_manager::CHALLENGE.at("shared-gateway-102", &name);
        self.see(challenge, json!({ "state": state, "reason": reason }));
    }

    fn status(&mut self, at: ObjectRef) -> &mut Value {
        &mut self.seen.get_mut(&at).expect("in the sample").status
    }

    /// As the store reads it after the ListenerSets were reconciled.
    fn shared(&self) -> SharedGatewayInputs {
        let mut shared = self.shared.clone();
        for (status, set) in shared.listener_sets.iter_mut().zip(&self.sets) {
            status.state = Some(listener_set_state(set, &IssuedCertificates::default(), &self.seen));
        }
        shared
    }

    fn conditions(&self) -> Vec<NewCondition> {
        gateway_instance(&self.inputs, &self.plan, &self.seen)
    }
    /// Status, reason and message of one step.
    fn condition(&self, kind: &str) -> (ConditionStatus, String, String) {
        let condition =
            self.conditions().into_iter().find(|condition| condition.condition_type == kind).expect("in the sample");
        (condition.status, condition.reason, condition.message)
    }
    /// The steps that don't hold.
    fn blocked(&self) -> Vec<&'static str> {
        let open =
            |condition: NewCondition| (condition.status != ConditionStatus::True).then_some(condition.condition_type);
        self.conditions().into_iter().filter_map(open).collect()
    }
}

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

/// What is changed in a working cluster, the step that then doesn't hold, its reason, and a part of its message.
type Case = (&'static str, fn(&mut Cluster), &'static str, &'static str, &'static str);

#[test]
fn each_obstacle_is_told_by_its_step() {
    let cases: [Case; 16] = [
        (
            "no address",
            |c| {
                let gateway = c.gateway();
                c.status(gateway)["addresses"] = json!([]);
            },
            "AddressAssigned",
            "AddressNotAssigned",
            "Services of type LoadBalancer",
        ),
        (
            "no proxies",
            |c| {
                let gateway = c.gateway();
                c.status(gateway)["conditions"][1] =
                    condition("Programmed", "False", "NoResources", "Envoy replicas unavailable");
            },
            "GatewayProgrammed",
            "NoResources",
            "is not programmed: Envoy replicas unavailable; its proxies do not run yet",
        ),
        (
            "unknown class",
            |c| {
                let gateway = c.gateway();
                let pending = json!({ "type": "Accepted", "status": "Unknown", "reason": "Pending", "message": "Waiting for controller" });
                c.status(gateway)["conditions"][0] = pending;
            },
            "GatewayAccepted",
            "Pending",
            "no controller has taken up Gateway",
        ),
        (
            "secret missing",
            |c| {
                let set = c.set();
                let entry = &mut c.status(set)["listeners"][1]["conditions"];
                entry[1] = condition("Programmed", "False", "ListenersNotValid", "Listener is invalid");
                entry[2] = condition("ResolvedRefs", "False", "InvalidCertificateRef", "Secret does not exist.");
            },
            "ListenersReady",
            "InvalidCertificateRef",
            "the listener for HTTPS port 443 for shop.example.org of ListenerSet shared-gateway-102/shared-gateway-102-0 does not work: \
             Secret does not exist; its certificate may still be on the way",
        ),
        (
            "grant missing, no Accepted at all",
            |c| {
                let set = c.set();
                c.status(set)["listeners"][1]["conditions"] = json!([
                    condition("ResolvedRefs", "False", "RefNotPermitted", "not permitted"),
                    condition("Programmed", "False", "ListenersNotValid", ""),
                ]);
            },
            "ListenersReady",
            "RefNotPermitted",
            "not permitted",
        ),
        (
            "hostname held by another",
            |c| {
                let set = c.set();
                c.status(set)["listeners"][1]["conditions"] = json!([
                    condition("Accepted", "False", "HostnameConflict", ""),
                    condition("Conflicted", "True", "HostnameConflict", "hostname conflicts"),
                ]);
            },
            "ListenersReady",
            "HostnameConflict",
            "conflicts with another one: hostname conflicts",
        ),
        (
            "ListenerSet not allowed",
            |c| {
                let set = c.set();
                *c.status(set) = json!({ "conditions": [condition("Accepted", "False", "NotAllowed", "not allowed")] });
            },
            "ListenersReady",
            "NotAllowed",
            "ListenerSet shared-gateway-102/shared-gateway-102-0 is refused: not allowed (and 1 more)",
        ),
        (
            "certificate pending",
            |c| {
                let certificate = c.certificate();
                *c.status(certificate) = json!({ "conditions": [condition("Ready", "False", "DoesNotExist", "Issuing certificate as Secret does not exist")] });
                c.see_challenge("1", "pending", "failed to determine Route 53 hosted zone ID");
            },
            "CertificatesReady",
            "DoesNotExist",
            "Secret does not exist; the proof for shop.example.org is not there yet: failed to determine Route 53 hosted zone ID",
        ),
        (
            "challenge refused",
            |c| {
                let certificate = c.certificate();
                *c.status(certificate) = json!({ "conditions": [
                    condition("Ready", "False", "DoesNotExist", "Issuing certificate as Secret does not exist"),
                    condition("Issuing", "False", "Failed", "The certificate request has failed to complete and will be retried"),
                ] });
                c.see_challenge("1", "valid", "Successfully authorized domain");
                c.see_challenge("2", "pending", "Waiting for propagation");
                c.see_challenge("3", "invalid", "no TXT record found.");
            },
            "CertificatesReady",
            "DoesNotExist",
            "Secret does not exist; the authority doesn't believe that shop.example.org is ours: no TXT record found",
        ),
        (
            "order refused",
            |c| {
                let certificate = c.certificate();
                *c.status(certificate) = json!({ "conditions": [
                    condition("Ready", "False", "DoesNotExist", "Issuing certificate as Secret does not exist"),
                    condition("Issuing", "False", "Failed", "Failed to create Order: 429 rateLimited"),
                ] });
            },
            "CertificatesReady",
            "DoesNotExist",
            "Secret does not exist; Failed to create Order: 429 rateLimited",
        ),
        (
            "issuer broken",
            |c| {
                let issuer = k8s::cert_manager::CLUSTER_ISSUER.cluster("shared-gateway-102-21");
                c.see(issuer, json!({ "conditions": [condition("Ready", "False", "ErrInitIssuer", "bad server")] }));
            },
            "CertificatesReady",
            "ErrInitIssuer",
            "ClusterIssuer shared-gateway-102-21 can't sign: bad server",
        ),
        (
            "route not let in",
            |c| {
                let route = c.route("https-443");
                c.status(route)["parents"][0]["conditions"][0] =
                    condition("Accepted", "False", "NotAllowedByListeners", "namespace not allowed");
            },
            "RoutesAccepted",
            "NotAllowedByListeners",
            "HTTPRoute web-2302/web-302-https-443 is refused by listener https-443",
        ),
        (
            "route unanswered",
            |c| {
                let route = c.route("https-443");
                *c.status(route) = json!({});
            },
            "RoutesAccepted",
            "Pending",
            "no controller has answered HTTPRoute web-2302/web-302-https-443 at listener https-443-shop-example-org-eba1c86c72 yet; \
             if it stays so for a minute, see that the Gateway's controller runs, and restart it",
        ),
        (
            "HTTP without endpoints",
            |c| {
                let route = c.route("https-443");
                let conditions = c.status(route)["parents"][0]["conditions"].as_array_mut().unwrap();
                conditions.push(condition("BackendsAvailable", "False", "EndpointsNotFound", "no ready endpoints"));
            },
            "RefsResolved",
            "EndpointsNotFound",
            "no pod of the Service is ready",
        ),
        (
            "TCP without endpoints",
            |c| {
                let route = c.route("tcp-5432");
                c.status(route)["parents"][0]["conditions"][1] =
                    condition("ResolvedRefs", "False", "EndpointsNotFound", "no ready endpoints");
            },
            "RefsResolved",
            "EndpointsNotFound",
            "TCPRoute web-2302/web-302-tcp-5432 has nowhere to send traffic: no ready endpoints",
        ),
        (
            "service missing",
            |c| {
                let route = c.route("https-443");
                c.status(route)["parents"][0]["conditions"][1] =
                    condition("ResolvedRefs", "False", "BackendNotFound", "Service not found");
            },
            "RefsResolved",
            "BackendNotFound",
            "see the workload instance's conditions",
        ),
    ];
    for (case, change, kind, reason, part) in cases {
        let mut cluster = Cluster::working();
        change(&mut cluster);
        let (status, found, message) = cluster.condition(kind);
        let expected = if reason == "Pending" { ConditionStatus::Unknown } else { ConditionStatus::False };
        assert_eq!((status, found.as_str()), (expected, reason), "{case}: {message}");
        assert!(message.contains(part), "{case}: {message}");
    }
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
