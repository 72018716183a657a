//! Gateway instances and shared gateways beyond the samples: what is refused, what is split, what order doesn't change.

use causeway_records::{
    inputs::{GatewayInputs, Listener, ListenerSetInputs, SharedGatewayInputs},
    inventory::ObjectRef,
    nouns::{AcmeChallenge, DomainNameDefinition, GatewayHttpRoute, HttpRules, Placement},
    text::WaitSeconds,
};
use causeway_render::{
    gateway, listener_set,
    plan::Plan,
    samples::{self, Variant, http, tcp, udp},
    shared_gateway,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn with_services(manifests: &str) -> GatewayInputs {
    let mut inputs = samples::gateway(1, "web", None, &[http(80, "/")], &[]);
    inputs.workload.definition.spec.yaml_document = manifests.to_owned();
    only(samples::shared(2, vec![inputs]))
}

fn only(mut scene: samples::Scene) -> GatewayInputs {
    scene.gateways.pop().expect("one gateway")
}

fn service(name: &str, ports: &str) -> String {
    format!("---\n{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {{ports: {ports}}}}}\n")
}

/// Backend of the first rule of the first route.
fn backend(inputs: &GatewayInputs) -> Result<Value, String> {
    let plan = gateway::render(inputs).map_err(|invalid| invalid.to_string())?;
    let route = plan.objects.iter().find(|object| object.at.kind.ends_with("Route")).expect("a route");
    Ok(route.body["spec"]["rules"][0]["backendRefs"][0].clone())
}

#[test]
fn the_port_of_the_service_follows_its_rule() {
    let port = |ports: &str, explicit: Option<i64>| {
        let mut inputs = with_services(&service("web", ports));
        inputs.definition.spec.http_ports[0].service_port = explicit.map(|port| port.try_into().unwrap());
        backend(&inputs).map(|backend| backend["port"].clone())
    };
    assert_eq!(port("[{port: 7000}]", None), Ok(json!(7000)), "the only one");
    assert_eq!(
        port("[{port: 7000}, {port: 80}, {port: 53, protocol: UDP}]", None),
        Ok(json!(80)),
        "the same, and the fallback"
    );
    assert_eq!(
        port("[{port: 7000}, {port: 53, protocol: UDP}]", None),
        Ok(json!(7000)),
        "the only one that speaks TCP"
    );
    assert_eq!(port("[{port: 7000}, {port: 80}]", Some(7000)), Ok(json!(7000)), "the one asked for");
    assert_eq!(
        port("[{port: 7000}, {port: 7001}]", None),
        Err("gateway definition web: ServicePort: is needed on port 80, because Service web has the ports 7000, 7001; set it to one of them".into())
    );
    assert_eq!(
        port("[{port: 7000}, {port: 7001}]", Some(80)),
        Err("gateway definition web: ServicePort: 80: Service web has the ports 7000, 7001; take one of them".into())
    );
    assert_eq!(
        port("[{port: 53, protocol: UDP}]", None),
        Err("gateway definition web: ServicePort: is needed on port 80, because Service web has no TCP port; set it to one of them".into())
    );
}

#[test]
fn a_tcp_port_falls_back_to_no_other() {
    let mut inputs = with_services(&service("web", "[{port: 80}, {port: 81}]"));
    inputs.definition.spec.http_ports.clear();
    inputs.definition.spec.tcp_ports = vec![tcp(5432)];
    let scene = samples::shared(2, vec![inputs]);
    let error = backend(&only(scene)).unwrap_err();
    assert!(error.starts_with("gateway definition web: ServicePort: is needed on port 5432"), "{error}");
}

#[test]
fn a_udp_port_leads_to_a_udp_port_of_the_service() {
    let mut inputs = with_services(&service("web", "[{port: 80}, {port: 53}, {port: 5353, protocol: UDP}]"));
    inputs.definition.spec.http_ports.clear();
    inputs.definition.spec.udp_ports = vec![udp(53)];
    let mut inputs = only(samples::shared(2, vec![inputs]));
    assert_eq!(backend(&inputs).unwrap()["port"], 5353, "the only one that speaks UDP");
    inputs.workload.definition.spec.yaml_document = service("web", "[{port: 53}]");
    assert_eq!(
        backend(&inputs).unwrap_err(),
        "gateway definition web: ServicePort: is needed on port 53, because Service web has no UDP port; set it to one of them"
    );
}

#[test]
fn the_service_is_the_only_one_or_the_one_named() {
    let two = service("web", "[{port: 80}]") + &service("api", "[{port: 80}]");
    let named = |manifests: &str, name: Option<&str>| {
        let mut inputs = with_services(manifests);
        inputs.definition.spec.service_name = name.map(|name| name.parse().unwrap());
        backend(&inputs)
    };
    assert_eq!(named(&two, Some("api")).unwrap()["name"], "api");
    assert_eq!(
        named(&two, None).unwrap_err(),
        "gateway definition web: ServiceName: is needed, because workload definition web has several Services: set it to one of api, web"
    );
    assert_eq!(
        named("", None).unwrap_err(),
        "gateway definition web: ServiceName: workload definition web has no Service to send traffic to; add one to its YAMLDocument"
    );
    let unknown = named(&two, Some("other")).unwrap_err();
    assert!(unknown.contains("holds no Service other; correct ServiceName, or set ServicePort"), "{unknown}");
    let broken = named("kind: Pod", None).unwrap_err();
    assert_eq!(
        broken,
        "workload definition web: YAMLDocument: document 1, line 1: Pod has no apiVersion; add one, such as `apiVersion: apps/v1`"
    );
}

#[test]
fn a_service_elsewhere_is_reached_by_permission() {
    let inputs = with_services(
        "{apiVersion: v1, kind: Service, metadata: {name: web, namespace: data}, spec: {ports: [{port: 80}]}}",
    );
    let plan = gateway::render(&inputs).unwrap();
    assert_eq!(plan.objects[0].at.to_string(), "ReferenceGrant data/web-1");
    assert_eq!(
        plan.objects[0].body["spec"],
        json!({
            "from": [{ "group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "web-2001" }],
            "to": [{ "group": "", "kind": "Service", "name": "web" }],
        })
    );
    assert_eq!(backend(&inputs).unwrap()["namespace"], "data");
}

#[test]
fn redirects_lead_to_the_https_port() {
    let port = |ports: &[_]| {
        let inputs = samples::gateway(1, "web", Some((21, samples::domain(21))), ports, &[]);
        let plan = gateway::render(&only(samples::shared(2, vec![inputs]))).unwrap();
        plan.objects[0].body["spec"]["rules"][0]["filters"][0]["requestRedirect"].clone()
    };
    let redirect = http(80, "/").redirect();
    let standard = json!({ "scheme": "https", "statusCode": 301 });
    assert_eq!(port(&[redirect.clone(), http(443, "/").tls(), http(8443, "/").tls()]), standard);
    assert_eq!(port(std::slice::from_ref(&redirect)), standard);
    assert_eq!(port(&[redirect, http(8443, "/").tls()]), json!({ "scheme": "https", "statusCode": 301, "port": 8443 }));
}

#[test]
fn what_no_gateway_can_do_is_refused_with_the_field() {
    let refused = |inputs: &GatewayInputs| gateway::render(inputs).unwrap_err();
    let mut dedicated = samples::gateway(1, "web", None, &[], &[]);
    dedicated.definition.spec.placement = Some(Placement::Dedicated);
    assert_eq!(refused(&dedicated).field, "HttpPorts", "no port yet");
    dedicated.definition.spec.tcp_ports = vec![tcp(80)];
    assert!(gateway::render(&dedicated).is_ok());
    dedicated.definition.spec.http_ports = vec![http(443, "/").tls()];
    assert_eq!(refused(&dedicated).field, "DomainNameDefinitionID", "TLS without a domain");
    let challenge = DomainNameDefinition { acme_challenge: Some(AcmeChallenge::Http01), ..samples::domain(21) };
    let mut taken = samples::gateway(1, "web", Some((21, challenge)), &[http(443, "/").tls()], &[80]);
    taken.definition.spec.placement = Some(Placement::Dedicated);
    assert_eq!(refused(&taken).field, "HttpPorts", "HTTP-01 needs port 80");
    taken.definition.spec.tcp_ports.clear();
    let plan = gateway::render(&taken).unwrap();
    let gateway = plan.objects.iter().find(|object| object.at.kind == "Gateway").unwrap();
    assert_eq!(gateway.body["spec"]["listeners"][0]["name"], "http-80", "it gets one");
    taken.hostnames = (0..64).map(|i| format!("h{i}.example.org")).collect();
    assert_eq!(refused(&taken).field, "Hostnames", "65 listeners");
    let mut early = samples::gateway(1, "web", None, &[http(80, "/")], &[]);
    assert_eq!(refused(&early).field, "Placement", "no shared gateway");
    early = only(samples::shared(2, vec![early]));
    early.shared_gateway.as_mut().unwrap().listener_sets.clear();
    assert_eq!(refused(&early).field, "HttpPorts", "no listener");
}

#[test]
fn nobody_uses_it_and_it_stands_nowhere() {
    let mut inputs = samples::shared(2, vec![]).shared.unwrap();
    assert_eq!(shared_gateway::render(&inputs), Ok(Plan::default()));
    assert_eq!(shared_gateway::secrets(&inputs), []);
    let used = samples::shared(2, vec![samples::gateway(1, "web", None, &[http(8080, "/")], &[])]).shared.unwrap();
    inputs.listeners = used.listeners;
    assert_eq!(shared_gateway::render(&inputs).unwrap().objects.len(), 3);
    let mut set = samples::shared(2, vec![domain_gateway()]).listener_sets.remove(0);
    assert!(!listener_set::render(&set).unwrap().is_empty());
    set.listeners.clear();
    assert_eq!(listener_set::render(&set), Ok(Plan::default()));
    assert_eq!(listener_set::secrets(&set), []);
}

#[test]
fn secrets_of_cert_manager_are_known() {
    let secrets = |name: &str| {
        let scene = samples::scenes().into_iter().find(|(scene, _)| *scene == name).unwrap().1;
        let of_gateways = scene.gateways.iter().flat_map(gateway::secrets);
        let of_sets = scene.listener_sets.iter().flat_map(listener_set::secrets);
        let all = of_sets.chain(scene.shared.iter().flat_map(shared_gateway::secrets)).chain(of_gateways);
        all.map(|at| at.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(
        secrets("http01"),
        ["Secret shared-gateway-103/shop-example-org-6c3ce64a83", "Secret cert-manager/shared-gateway-103-21-account"]
    );
    assert_eq!(secrets("ca"), ["Secret shared-gateway-104/shop-example-org-b08c4cdcbc"]);
    assert_eq!(secrets("dedicated"), ["Secret web-2307/shop-example-org-88a10ffafc"]);
    assert_eq!(secrets("plain"), [""; 0]);
}

#[test]
fn a_self_signed_certificate_has_a_subject_and_no_other_does() {
    let subject = |scene: &str, hostname: &str| {
        let mut inputs = samples::scenes().into_iter().find(|(name, _)| *name == scene).unwrap().1.gateways.remove(0);
        inputs.hostnames = vec![hostname.to_owned()];
        let plan = gateway::render(&inputs).unwrap();
        let certificate = plan.objects.iter().find(|object| object.at.kind == "Certificate").unwrap();
        assert_eq!(certificate.body["spec"]["dnsNames"], serde_json::json!([hostname]));
        let name = certificate.body["metadata"]["name"].as_str().unwrap().to_owned();
        (certificate.body["spec"]["commonName"].as_str().map(str::to_owned), name)
    };
    let (longest, too_long) = (format!("{}.example.org", "a".repeat(52)), format!("{}.example.org", "a".repeat(53)));
    for hostname in ["shop.example.org", "*.example.org", &longest] {
        assert_eq!(subject("dedicated", hostname).0.as_deref(), Some(hostname));
    }
    let (subject_of_long, name) = subject("dedicated", &too_long);
    assert_eq!(subject_of_long, Some(name));
    assert_eq!(subject("dedicated_http01", "shop.example.org").0, None, "an authority decides itself");
}

#[test]
fn secrets_of_issuers_are_where_an_adopted_cert_manager_looks_for_them() {
    let domain = DomainNameDefinition { aws_account_id: Some(5), ..samples::domain(21) };
    let inputs = |namespace: Option<&str>| {
        let gateway = samples::gateway(1, "web", Some((21, domain.clone())), &[http(443, "/").tls()], &[]);
        let mut scene = samples::shared(2, vec![gateway.clone()]);
        let shared = scene.shared.take().unwrap();
        let mut dedicated = gateway;
        dedicated.definition.spec.placement = Some(Placement::Dedicated);
        dedicated.cluster_resource_namespace = namespace.map(str::to_owned);
        (
            SharedGatewayInputs { cluster_resource_namespace: dedicated.cluster_resource_namespace.clone(), ..shared },
            dedicated,
        )
    };
    for (namespace, expected) in [(None, "cert-manager"), (Some("security"), "security")] {
        let (shared, dedicated) = inputs(namespace);
        for plan in [shared_gateway::render(&shared).unwrap(), gateway::render(&dedicated).unwrap()] {
            let secrets: Vec<_> = plan.objects.iter().filter(|object| object.at.kind == "Secret").collect();
            assert_eq!(secrets.len(), 1, "the keys of the account");
            assert_eq!(secrets[0].at.namespace.as_deref(), Some(expected));
        }
        let of_account =
            |secrets: Vec<ObjectRef>| secrets.into_iter().find(|at| at.name.ends_with("-account")).unwrap();
        for at in [of_account(shared_gateway::secrets(&shared)), of_account(gateway::secrets(&dedicated))] {
            assert_eq!(at.namespace.as_deref(), Some(expected));
        }
    }
}

/// With a hostname, whose listener is in a ListenerSet.
fn domain_gateway() -> GatewayInputs {
    samples::gateway(1, "web", Some((21, samples::domain(21))), &[http(80, "/")], &[])
}

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

/// The ClusterIssuer of a Dedicated gateway whose domain has an authority of its own.
fn issuer(acme_challenge: AcmeChallenge) -> Value {
    let domain = DomainNameDefinition {
        acme_server: "https://ca.example.org/dir".parse().ok(),
        acme_ca_bundle: Some("-----BEGIN CERTIFICATE-----".into()),
        acme_challenge: Some(acme_challenge),
        acme_wait_seconds: WaitSeconds::try_from(5).ok(),
        ..samples::domain(21)
    };
    let mut inputs = samples::gateway(1, "web", Some((21, domain)), &[http(443, "/").tls()], &[]);
    inputs.definition.spec.placement = Some(Placement::Dedicated);
    let plan = gateway::render(&inputs).expect("a plan");
    let issuer = plan.objects.into_iter().find(|object| object.at.kind == "ClusterIssuer").expect("an issuer");
    issuer.body["spec"]["acme"].clone()
}

#[test]
fn an_authority_of_ones_own_is_trusted_and_asked_when_one_says() {
    for challenge in [AcmeChallenge::Dns01, AcmeChallenge::Http01] {
        let acme = issuer(challenge);
        assert_eq!(acme["server"], "https://ca.example.org/dir");
        assert_eq!(acme["caBundle"], "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t", "PEM in base64");
        // Beside the challenge, not inside of it.
        assert_eq!(acme["solvers"][0]["waitInsteadOfSelfCheck"], "5s", "{acme:#}");
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

fn with_routes(routes: Vec<GatewayHttpRoute>, manifests: &str) -> GatewayInputs {
    let mut inputs = samples::gateway(1, "web", None, &[http(80, "/"), http(8080, "/api")], &[]);
    inputs.definition.spec.http_routes = routes;
    inputs.workload.definition.spec.yaml_document = manifests.to_owned();
    only(samples::shared(2, vec![inputs]))
}

fn route(rules: Value) -> GatewayHttpRoute {
    GatewayHttpRoute { rules: HttpRules(rules), ..GatewayHttpRoute::default() }
}

#[test]
fn a_route_stands_in_the_place_of_a_ports_own_and_leaves_other_paths() {
    let to_web = route(json!([{"backendRefs": [{"name": "web", "port": 80}]}]));
    let plan = gateway::render(&with_routes(vec![to_web], &service("web", "[{port: 80}]"))).unwrap();
    let names: Vec<_> = plan.objects.iter().map(|object| object.at.name.as_str()).collect();
    assert_eq!(names, ["web-1-http-8080", "web-1-http-80-rules-0", "web-1-http-8080-rules-0"]);
    assert_eq!(plan.objects[0].body["spec"]["rules"][0]["matches"][0]["path"]["value"], "/api");
    assert_eq!(plan.objects[1].body["spec"]["parentRefs"][0]["sectionName"], "http-80");
}

/// Nobody has to say which of several Services is behind a port that no request reaches.
#[test]
fn a_service_is_asked_for_only_where_a_port_needs_it() {
    let manifests = service("web", "[{port: 80}]") + &service("other", "[{port: 80}]");
    let mut inputs = with_routes(vec![route(json!([{"backendRefs": [{"name": "other", "port": 80}]}]))], &manifests);
    let refused = gateway::render(&inputs).unwrap_err().to_string();
    assert!(refused.contains("has several Services"), "port 8080 has a path of its own: {refused}");
    inputs.definition.spec.http_ports.truncate(1);
    assert!(gateway::render(&inputs).is_ok());
}

#[test]
fn what_rules_name_must_be_there() {
    let render = |rules: Value| {
        let inputs = with_routes(
            vec![route(json!([])), route(rules)],
            &service("web", "[{port: 80}, {port: 53, protocol: UDP}]"),
        );
        gateway::render(&inputs).map_err(|invalid| invalid.to_string())
    };
    let refused = render(json!([{}, {"backendRefs": [{"name": "web", "port": 53}]}])).unwrap_err();
    assert!(
        refused
            .contains("[1].Rules[1].backendRefs[0].port is not there: Service web has the ports 80; take one of them"),
        "{refused}"
    );
    assert!(render(json!([{"backendRefs": [{"name": "made-at-run-time", "port": 7000}]}])).is_ok());
}

#[test]
fn services_elsewhere_need_one_grant_in_each_namespace() {
    let elsewhere = |name: &str, namespace: &str| {
        format!(
            "---\n{{apiVersion: v1, kind: Service, metadata: {{name: {name}, namespace: {namespace}}}, spec: {{ports: [{{port: 80}}]}}}}\n"
        )
    };
    let manifests =
        [service("web", "[{port: 80}]"), elsewhere("a", "near"), elsewhere("b", "near"), elsewhere("c", "far")]
            .concat();
    let mirror = json!({"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "c", "port": 80}}});
    let backends = json!([{"name": "web", "port": 80}, {"name": "b", "port": 80}, {"name": "a", "port": 80}]);
    let mut inputs = with_routes(vec![route(json!([{"filters": [mirror], "backendRefs": backends}]))], &manifests);
    inputs.definition.spec.http_ports.truncate(1);
    let plan = gateway::render(&inputs).unwrap();
    let grants: Vec<_> = plan.objects.iter().filter(|object| object.at.kind == "ReferenceGrant").collect();
    let to = |at: usize| -> Vec<_> {
        grants[at].body["spec"]["to"].as_array().unwrap().iter().map(|to| to["name"].as_str().unwrap()).collect()
    };
    assert_eq!((grants.len(), to(0), to(1)), (2, vec!["c"], vec!["a", "b"]));
    let rule = &plan.objects.last().unwrap().body["spec"]["rules"][0];
    assert_eq!(rule["filters"][0]["requestMirror"]["backendRef"]["namespace"], "far");
    assert!(rule["backendRefs"][0].get("namespace").is_none() && rule["backendRefs"][1]["namespace"] == "near");
}
