//! Shared gateways with listeners of their own: who is let in, which listener routes attach to, and what is said where that isn't right.

use causeway_records::{
    inputs::{GatewayInputs, SharedGatewayInputs},
    nouns::{
        AcmeChallenge, AttachableBy, GatewayListeners, GrantedRoute, GrantedRoutes, Infrastructure, Labels,
        ListenerProtocol, Service, SharedGateway, Texts,
    },
    status::{ConditionStatus, NewCondition},
};
use causeway_render::{
    conditions, gateway,
    observed::{Observed, Seen},
    plan::Plan,
    samples::{self, Scene, given_listener, http},
    shared_gateway, workload,
};
use serde_json::{Value, json};

fn sample() -> (SharedGatewayInputs, GatewayInputs) {
    let scene = samples::scenes().into_iter().find(|(name, _)| *name == "given").expect("in the sample").1;
    taken(scene)
}

fn taken(mut scene: Scene) -> (SharedGatewayInputs, GatewayInputs) {
    (scene.shared.expect("a shared gateway"), scene.gateways.remove(0))
}

/// Changes what is on record of the shared gateway that carries an instance.
fn change(inputs: &mut GatewayInputs, change: impl FnOnce(&mut SharedGateway)) {
    change(&mut inputs.shared_gateway.as_mut().expect("on a shared gateway").gateway.record.spec);
}

fn labelled(inputs: &mut GatewayInputs, value: &str) {
    inputs.workload.instance.record.spec.namespace_labels = Some(labels(value));
}

fn labels(value: &str) -> Labels {
    Labels([("purpose".to_owned(), value.to_owned())].into())
}

/// Takes those that have the label `purpose=workloads`.
fn selecting(gateway: &mut SharedGateway) {
    gateway.attachable_by = Some(AttachableBy::Selector);
    gateway.namespace_selector = Some(labels("workloads"));
}

fn find<'c>(conditions: &'c [NewCondition], condition_type: &str) -> Option<&'c NewCondition> {
    conditions.iter().find(|condition| condition.condition_type == condition_type)
}

#[test]
fn an_instance_that_is_not_let_has_no_routes_and_says_why() {
    let (_, mut inputs) = sample();
    assert!(!gateway::render(&inputs).unwrap().is_empty());
    change(&mut inputs, selecting);
    labelled(&mut inputs, "other");
    assert_eq!(gateway::render(&inputs), Ok(Plan::default()), "none is left attached");
    let said = conditions::gateway_instance(&inputs, &Plan::default(), &Seen::new());
    let accepted = find(&said, "RoutesAccepted").unwrap();
    assert_eq!((accepted.status, accepted.reason.as_str()), (ConditionStatus::False, "NotAllowedByListeners"));
    assert_eq!(
        accepted.message,
        "shared gateway given doesn't let workload instance web attach: it takes workload instances whose NamespaceLabels have purpose=workloads; ask an \
         admin for a gateway grant, or name another shared gateway"
    );
    inputs.shared_gateway.as_mut().unwrap().is_granted = true;
    assert!(!gateway::render(&inputs).unwrap().is_empty(), "a grant lets it, whatever its labels say");
    inputs.shared_gateway.as_mut().unwrap().is_granted = false;
    labelled(&mut inputs, "workloads");
    assert!(!gateway::render(&inputs).unwrap().is_empty(), "let again, it is served again");
    let said = conditions::gateway_instance(&inputs, &gateway::render(&inputs).unwrap(), &Seen::new());
    assert_ne!(find(&said, "RoutesAccepted").unwrap().reason, "NotAllowedByListeners");
}

#[test]
fn a_listener_lets_in_those_whose_claims_it_serves_and_nobody_else() {
    let (mut shared, _) = sample();
    let namespaces = |inputs: &SharedGatewayInputs| -> Vec<Value> {
        let plan = shared_gateway::render(inputs).unwrap();
        let gateway = plan.objects.iter().find(|object| object.at.kind == "Gateway").unwrap();
        let listeners = gateway.body["spec"]["listeners"].as_array().unwrap().clone();
        listeners
            .iter()
            .map(|one| one["allowedRoutes"]["namespaces"]["selector"]["matchExpressions"][0].clone())
            .collect()
    };
    let let_in = json!({"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["web-2321"]});
    let nobody = json!({"key": "kubernetes.io/metadata.name", "operator": "DoesNotExist"});
    assert_eq!(namespaces(&shared), [&let_in, &let_in, &nobody, &let_in].map(Clone::clone));
    // The store leaves out whoever may not attach any more.
    shared.listeners.retain(|claimed| claimed.key.port == 80);
    assert_eq!(namespaces(&shared), [&let_in, &nobody, &nobody, &nobody].map(Clone::clone));
    shared.listeners.clear();
    assert_eq!(namespaces(&shared), vec![nobody; 4], "it stands without users, too");
}

#[test]
fn routes_attach_to_the_nearest_listener() {
    let listeners = vec![
        given_listener("every", 80, ListenerProtocol::Http, None),
        given_listener("below", 80, ListenerProtocol::Http, Some("*.example.org")),
    ];
    let own = given_listener("own", 80, ListenerProtocol::Http, Some("shop.example.org"));
    let section = |listeners: Vec<_>| {
        let inputs = samples::gateway(1, "web", Some((21, samples::domain(21))), &[http(80, "/")], &[]);
        let plan = gateway::render(&taken(samples::given(2, listeners, vec![inputs])).1).unwrap();
        plan.objects[0].body["spec"]["parentRefs"].clone()
    };
    let parent = |name: &str| {
        json!([{
            "group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "shop-11", "name": "shared-gateway-2",
            "sectionName": name,
        }])
    };
    assert_eq!(section(listeners.clone()), parent("below"));
    assert_eq!(section([listeners, vec![own]].concat()), parent("own"));
}

#[test]
fn a_listener_that_was_taken_away_is_named() {
    let (_, mut inputs) = sample();
    change(&mut inputs, |gateway| {
        let listeners = gateway.listeners.take().unwrap().0.into_iter();
        gateway.listeners = Some(GatewayListeners(listeners.filter(|one| one.port.get() != 443).collect()));
    });
    let invalid = gateway::render(&inputs).unwrap_err().to_string();
    assert!(
        invalid.starts_with(
            "gateway definition web: HttpPorts: shared gateway given has no listener for HTTPS port 443 for shop.example.org; it has http (HTTP port 80 \
             for *.example.org), postgres (TCP port 5432 for every hostname): change ports"
        ),
        "{invalid}"
    );
}

#[test]
fn a_gateway_says_what_its_record_says_in_the_words_of_gateway_api() {
    let (mut shared, _) = sample();
    let spec = |inputs: &SharedGatewayInputs| {
        let plan = shared_gateway::render(inputs).unwrap();
        plan.objects.iter().find(|object| object.at.kind == "Gateway").unwrap().body["spec"].clone()
    };
    let bare = spec(&shared);
    assert!(bare.get("tls").is_none() && bare.get("allowedListeners").is_none());
    let tls = json!({
        "backend": {"clientCertificateRef": {"group": "", "kind": "Secret", "name": "client"}},
        "frontend": {"default": {"validation": {"caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "ca"}], "mode": "AllowValidOnly"}}},
    });
    let selector = json!({"from": "Selector", "selector": {"matchLabels": {"team": "a"}, "matchExpressions": [{"key": "open", "operator": "Exists"}]}});
    let record = &mut shared.gateway.record.spec;
    record.tls = serde_json::from_value(tls.clone()).unwrap();
    record.allowed_listeners = serde_json::from_value(json!({"namespaces": selector})).unwrap();
    record.listeners.as_mut().unwrap().0[0].route_kinds = Some(GrantedRoutes(vec![GrantedRoute::Grpc]));
    let said = spec(&shared);
    assert_eq!((&said["tls"], &said["allowedListeners"]["namespaces"]), (&tls, &selector));
    let grpc = json!([{"group": "gateway.networking.k8s.io", "kind": "GRPCRoute"}]);
    assert_eq!(said["listeners"][0]["allowedRoutes"]["kinds"], grpc);
    let namespaces = |spec: &Value| spec["listeners"][0]["allowedRoutes"]["namespaces"].clone();
    assert_eq!(namespaces(&said), namespaces(&bare), "who may attach is said elsewhere");
    assert_eq!(said["listeners"][1], bare["listeners"][1]);
    let record = &mut shared.gateway.record.spec;
    record.listeners.as_mut().unwrap().0[1].secret_namespace = "certificates".parse().ok();
    let elsewhere = &spec(&shared)["listeners"][1]["tls"]["certificateRefs"];
    assert_eq!(
        elsewhere,
        &json!([{"group": "", "kind": "Secret", "name": "apps-example", "namespace": "certificates"}])
    );
    let told = conditions::shared_gateway(&shared, &seen(&refused("RefNotPermitted")));
    let told = &find(&told, "ListenersReady").unwrap().message;
    assert!(told.ends_with("see that a ReferenceGrant in the namespace of Secret certificates/apps-example lets Gateways of this one use it"), "{told}");
    // What a PATCH can't take away it empties.
    let record = &mut shared.gateway.record.spec;
    record.tls = serde_json::from_value(json!({})).unwrap();
    record.allowed_listeners = serde_json::from_value(json!({})).unwrap();
    let emptied = spec(&shared);
    assert!(emptied.get("tls").is_none() && emptied.get("allowedListeners").is_none());
}

#[test]
fn a_certificate_for_services_that_the_gateway_cannot_use_is_told() {
    let (shared, _) = sample();
    let mut seen = seen(&refused("InvalidCertificateRef"));
    let status = &mut seen.values_mut().next().unwrap().status;
    status["conditions"][2] = json!({
        "type": "ResolvedRefs", "status": "False", "reason": "InvalidClientCertificateRef", "message": "no Secret client.", "observedGeneration": 3,
    });
    let said = conditions::shared_gateway(&shared, &seen);
    let accepted = find(&said, "GatewayAccepted").unwrap();
    assert_eq!((accepted.status, accepted.reason.as_str()), (ConditionStatus::False, "InvalidClientCertificateRef"));
    assert_eq!(
        accepted.message,
        "Gateway shop-11/shared-gateway-111 refers to what it can't use: no Secret client; see TLS of the shared gateway"
    );
}

/// Their Secrets are somebody else's: nothing of cert-manager is needed, watched or told.
#[test]
fn listeners_with_secrets_need_no_certificates_of_ours() {
    let (shared, inputs) = sample();
    let services = [Service::GatewayApi, Service::EnvoyGateway];
    assert_eq!(
        (shared_gateway::support_services(&shared), gateway::support_services(&inputs)),
        (services.to_vec(), services.to_vec())
    );
    assert_eq!((shared_gateway::secrets(&shared), gateway::secrets(&inputs)), (vec![], vec![]));
    let refs: Vec<_> = gateway::observed_refs(&inputs).iter().map(ToString::to_string).collect();
    assert_eq!(refs, ["Gateway shop-11/shared-gateway-111"]);
    assert_eq!(find(&conditions::gateway_instance(&inputs, &Plan::default(), &Seen::new()), "CertificatesReady"), None);
}

/// The API refuses a Secret of a port there; a domain with one certificate for all may be the domain of other gateways, too.
#[test]
fn a_certificate_of_a_domain_or_a_secret_of_a_port_means_nothing_there() {
    let (shared, inputs) = sample();
    let mut other = inputs.clone();
    other.domain.as_mut().unwrap().spec.wildcard_certificate = Some(true);
    other.definition.spec.http_ports[1].tls_secret_name = Some("shop-tls".parse().unwrap());
    assert_eq!(gateway::render(&other), gateway::render(&inputs));
    assert_eq!(gateway::observed_refs(&other), gateway::observed_refs(&inputs));
    assert_eq!((gateway::tls_secret_refs(&other), gateway::wildcard_ref(&other)), (vec![], None));
    let said = |inputs: &GatewayInputs| conditions::gateway_instance(inputs, &Plan::default(), &Seen::new());
    assert_eq!(said(&other), said(&inputs));
    let mut with_domain = shared.clone();
    with_domain.domains.extend(other.domain);
    assert_eq!(shared_gateway::render(&with_domain), shared_gateway::render(&shared));
    assert_eq!(shared_gateway::secrets(&with_domain), vec![]);
    let said = conditions::shared_gateway(&with_domain, &Seen::new());
    assert_eq!(find(&said, "CertificatesReady"), None);
}

/// The Gateway as its controller reports it, with these conditions of its listener `https`.
fn seen(https: &Value) -> Seen {
    let holds = |kinds: &[&str]| -> Value {
        kinds
            .iter()
            .map(|kind| json!({"type": kind, "status": "True", "reason": kind, "message": "", "observedGeneration": 3}))
            .collect()
    };
    let works = holds(&["Accepted", "Programmed", "ResolvedRefs"]);
    let listener = |name: &str| json!({"name": name, "conditions": if name == "https" { https } else { &works }});
    let listeners: Vec<Value> = ["http", "https", "db", "postgres"].map(listener).into();
    let status = json!({
        "addresses": [{"type": "IPAddress", "value": "192.0.2.1"}], "conditions": works,
        "listeners": listeners,
    });
    let at = gateway::gateway_ref(&sample().1);
    [(at.clone(), Observed { at, uid: "u".into(), generation: 3, replicas: None, status })].into()
}

/// Conditions of a listener whose references are refused.
fn refused(reason: &str) -> Value {
    json!([{"type": "ResolvedRefs", "status": "False", "reason": reason, "message": "Secret not found", "observedGeneration": 3}])
}

#[test]
fn whoever_uses_a_listener_that_fails_otherwise_than_before_hears_of_it() {
    let (shared, inputs) = sample();
    let at = gateway::gateway_ref(&inputs);
    // Another one fails all the time, and comes first.
    let state = |reason: &str| {
        let mut seen = seen(&refused("InvalidCertificateRef"));
        seen.get_mut(&at).unwrap().status["listeners"][3]["conditions"] = refused(reason);
        conditions::shared_gateway_state(&shared, &seen)
    };
    assert_eq!(state("Invalid"), state("Invalid"));
    assert_ne!(state("Invalid"), state("RefNotPermitted"));
}

#[test]
fn a_secret_that_is_missing_is_named_at_the_gateway_and_at_whoever_uses_it() {
    let (shared, inputs) = sample();
    let seen = seen(&refused("InvalidCertificateRef"));
    let plan = gateway::render(&inputs).unwrap();
    for (said, whose) in [
        (conditions::shared_gateway(&shared, &seen), "shared gateway"),
        (conditions::gateway_instance(&inputs, &plan, &seen), "gateway instance"),
    ] {
        let ready = find(&said, "ListenersReady").unwrap();
        assert_eq!((ready.status, ready.reason.as_str()), (ConditionStatus::False, "InvalidCertificateRef"), "{whose}");
        let next = "see that Secret shop-11/apps-example is there, of type kubernetes.io/tls";
        assert!(
            ready.message.contains(next) && ready.message.contains("HTTPS port 443 for *.example.org"),
            "{}",
            ready.message
        );
        let address = find(&said, "AddressAssigned").unwrap();
        assert_eq!((address.status, address.message.as_str()), (ConditionStatus::True, "192.0.2.1"), "{whose}");
    }
}

#[test]
fn what_the_cloud_is_asked_for_stands_on_the_gateway() {
    let (mut shared, _) = sample();
    let spec = &mut shared.gateway.record.spec;
    spec.addresses = Some(Texts(vec!["192.0.2.7".into()]));
    let annotations = [("a.example/scheme".to_owned(), "internal".to_owned())].into();
    spec.infrastructure = Some(Infrastructure { annotations, ..Infrastructure::default() });
    spec.gateway_class_name = "internal".parse().ok();
    let plan = shared_gateway::render(&shared).unwrap();
    assert_eq!(plan.objects.len(), 1, "the class is somebody else's, and so is the namespace");
    let spec = &plan.objects[0].body["spec"];
    assert_eq!(spec["gatewayClassName"], "internal");
    assert_eq!(spec["addresses"], json!([{"type": "IPAddress", "value": "192.0.2.7"}]));
    assert_eq!(spec["infrastructure"], json!({"annotations": {"a.example/scheme": "internal"}}));
    assert!(spec.get("allowedListeners").is_none(), "nobody adds listeners");
}

#[test]
fn labels_of_a_workload_are_on_its_namespace_beside_ours() {
    let mut inputs = samples::workload(11, "shop");
    inputs.instance.record.spec.namespace_labels = Some(labels("workloads"));
    let plan = workload::render(&inputs, workload::manifests(&inputs).unwrap(), &samples::scopes).unwrap();
    let namespace = &plan.objects[0];
    assert_eq!(namespace.at.to_string(), "Namespace shop-11");
    let labels = json!({
        "causeway.dev/control-plane": samples::CONTROL_PLANE, "causeway.dev/owner": "workload-instance-11", "purpose": "workloads",
    });
    assert_eq!(namespace.body["metadata"]["labels"], labels);
}

/// The sample with an HTTPS listener for a hostname that names no Secret, and a domain that signs for it.
fn signed(hostname: &str, challenge: AcmeChallenge) -> (SharedGatewayInputs, GatewayInputs) {
    let (mut shared, mut inputs) = sample();
    let mut domain = inputs.domain.clone().expect("a domain in the sample");
    domain.spec.acme_challenge = Some(challenge);
    let name = |gateway: &mut SharedGateway| {
        let https = &mut gateway.listeners.as_mut().expect("listeners of its own").0[1];
        (https.hostname, https.secret_name) = (hostname.parse().ok(), None);
        gateway.domain_name_definition_id = Some(domain.id());
    };
    name(&mut shared.gateway.record.spec);
    change(&mut inputs, name);
    shared.accounts.extend(inputs.account.clone());
    shared.domains.push(domain);
    (shared, inputs)
}

#[test]
fn a_listener_without_a_secret_has_a_certificate_of_the_gateways_domain() {
    let (shared, inputs) = signed("*.example.org", AcmeChallenge::Dns01);
    let plan = shared_gateway::render(&shared).unwrap();
    let of = |kind: &str| plan.objects.iter().find(|object| object.at.kind == kind).unwrap();
    let (certificate, issuer) = (of("Certificate"), of("ClusterIssuer"));
    assert_eq!(certificate.at.namespace.as_deref(), Some("shop-11"), "beside the listener");
    assert_eq!(certificate.body["spec"]["dnsNames"], json!(["*.example.org"]));
    assert_eq!(certificate.body["spec"]["issuerRef"]["name"], json!(issuer.at.name));
    let listeners = &of("Gateway").body["spec"]["listeners"];
    assert_eq!(listeners[1]["tls"]["certificateRefs"][0]["name"], certificate.body["spec"]["secretName"]);
    assert!(shared_gateway::support_services(&shared).contains(&Service::CertManager));
    let secret = format!("Secret shop-11/{}", certificate.at.name);
    assert!(shared_gateway::secrets(&shared).iter().any(|at| at.to_string() == secret));
    // Both say how far it is, and the gateway instance hears of it by the state of the gateway.
    let seen = seen(&refused("InvalidCertificateRef"));
    for said in [
        conditions::shared_gateway(&shared, &seen),
        conditions::gateway_instance(&inputs, &gateway::render(&inputs).unwrap(), &seen),
    ] {
        let ready = find(&said, "CertificatesReady").unwrap();
        assert!(ready.status == ConditionStatus::Unknown && ready.message.contains("*.example.org"), "{ready:?}");
    }
    let observed = gateway::observed_refs(&inputs);
    assert!(observed.contains(&certificate.at) && observed.contains(&issuer.at), "{observed:?}");
    let mut issued = seen.clone();
    let (at, uid) = (certificate.at.clone(), "u".to_owned());
    let status = json!({"conditions": [{"type": "Ready", "status": "True", "reason": "Ready", "message": "", "observedGeneration": 1}]});
    issued.insert(at.clone(), Observed { at, uid, generation: 1, replicas: None, status });
    let state = |seen| conditions::shared_gateway_state(&shared, seen);
    assert_ne!(state(&issued), state(&seen));
}

#[test]
fn an_authority_is_let_onto_the_listener_where_it_looks() {
    let namespaces = |challenge| {
        let (shared, _) = signed("shop.example.org", challenge);
        let plan = shared_gateway::render(&shared).unwrap();
        let of = |kind: &str| plan.objects.iter().find(|object| object.at.kind == kind).unwrap().body["spec"].clone();
        let http = &of("Gateway")["listeners"][0]["allowedRoutes"]["namespaces"]["selector"]["matchExpressions"][0];
        (http["values"].clone(), of("ClusterIssuer")["acme"]["solvers"][0]["http01"].clone())
    };
    assert_eq!(namespaces(AcmeChallenge::Dns01), (json!(["web-2321"]), Value::Null));
    let (values, solver) = namespaces(AcmeChallenge::Http01);
    assert_eq!(values, json!(["shop-11", "web-2321"]), "cert-manager makes its routes beside the Certificate");
    let parent = &solver["gatewayHTTPRoute"]["parentRefs"][0];
    assert_eq!((&parent["sectionName"], &parent["namespace"]), (&json!("http"), &json!("shop-11")), "{solver}");
}
