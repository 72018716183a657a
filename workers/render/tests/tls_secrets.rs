//! Secrets with certificates that somebody has brought: listeners name them, nothing is ordered, and conditions say what is wrong with them.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use causeway_records::{
    inputs::{GatewayInputs, ListenerSetInputs, SharedGatewayInputs},
    nouns::Service,
    status::ConditionStatus,
};
use causeway_render::{
    IssuedCertificates,
    conditions::{gateway_instance, listener_set, listener_set_state, shared_gateway as conditions_of, users_to_wake},
    gateway,
    k8s::{cert_manager::CERTIFICATE, core::SECRET},
    listener_set,
    observed::Seen,
    plan::Plan,
    samples, shared_gateway,
    tls_secret::{BroughtCertificate, TlsSecret},
};
use serde_json::{Value, json};

struct Shared {
    gateway: SharedGatewayInputs,
    set: ListenerSetInputs,
    instance: GatewayInputs,
}

fn shared() -> Shared {
    let scene = samples::scenes().into_iter().find(|(name, _)| *name == "brought").unwrap().1;
    Shared { gateway: scene.shared.unwrap(), set: scene.listener_sets[0].clone(), instance: scene.gateways[0].clone() }
}

fn dedicated() -> GatewayInputs {
    let scene = samples::scenes().into_iter().find(|(name, _)| *name == "dedicated_brought").unwrap().1;
    scene.gateways[0].clone()
}

/// What the listeners of a plan name.
fn named(plan: &Plan) -> Vec<(String, Value)> {
    let listeners = plan.objects.iter().filter_map(|object| object.body["spec"]["listeners"].as_array()).flatten();
    let named = |listener: &Value| {
        let port = format!("{} {}", listener["port"], listener["hostname"].as_str()?);
        Some((port, listener["tls"]["certificateRefs"].clone()))
    };
    listeners.filter_map(named).collect()
}

fn see(seen: &mut Seen, namespace: &str, name: &str, secret: TlsSecret) {
    let at = SECRET.at(namespace, name);
    seen.insert(at.clone(), secret.observed(at));
}

fn good(name: &str) -> TlsSecret {
    let time = |text: &str| text.parse().unwrap();
    TlsSecret::Certificate(BroughtCertificate {
        names: vec![name.to_owned()],
        not_before: time("2026-01-01T00:00:00Z"),
        not_after: time("2026-06-01T00:00:00Z"),
        seen_at: time("2026-03-01T00:00:00Z"),
    })
}

#[test]
fn listeners_name_them_and_nothing_of_cert_manager_is_made_or_needed() {
    let (Shared { gateway, set, instance }, own) = (shared(), dedicated());
    let secret = |name: &str| json!([{"group": "", "kind": "Secret", "name": name}]);
    let of_db =
        [("443 db.example.org".to_owned(), secret("shop-tls")), ("5432 db.example.org".into(), secret("db-tls"))];
    let plans = [listener_set::render(&set).unwrap(), gateway::render(&own).unwrap()];
    for plan in &plans {
        let mut found = named(plan);
        found.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(
            found[..2],
            of_db[..1].iter().cloned().chain([("443 shop.example.org".into(), secret("shop-tls"))]).collect::<Vec<_>>()
        );
        assert_eq!(found[2..], of_db[1..]);
    }
    let others = [shared_gateway::render(&gateway).unwrap(), gateway::render(&instance).unwrap()];
    for object in plans.iter().chain(&others).flat_map(|plan| &plan.objects) {
        assert!(!object.at.group.contains("cert-manager") && !SECRET.is(&object.at), "{}", object.at);
    }
    for services in [
        shared_gateway::support_services(&gateway),
        listener_set::support_services(&set),
        gateway::support_services(&instance),
        gateway::support_services(&own),
    ] {
        assert!(!services.contains(&Service::CertManager), "{services:?}");
    }
    assert!(!gateway::observed_refs(&instance).iter().any(|at| CERTIFICATE.is(at) || SECRET.is(at)));
    let refs = |namespace: &str| vec![SECRET.at(namespace, "db-tls"), SECRET.at(namespace, "shop-tls")];
    assert_eq!(gateway::tls_secret_refs(&instance), refs("shared-gateway-110"), "beside the listeners");
    assert_eq!(listener_set::tls_secret_refs(&set), refs("shared-gateway-110"));
    assert_eq!(gateway::tls_secret_refs(&own), refs("web-2320"));
}

#[test]
fn conditions_say_what_is_wrong_with_one_and_its_users_are_woken() {
    let Shared { mut gateway, set, instance } = shared();
    let plan = gateway::render(&instance).unwrap();
    let mut seen = Seen::default();
    see(&mut seen, "shared-gateway-110", "db-tls", good("db.example.org"));
    see(&mut seen, "shared-gateway-110", "shop-tls", good("*.example.org"));
    let ready = |seen: &Seen| {
        let all = gateway_instance(&instance, &plan, seen);
        let ready = all.into_iter().find(|condition| condition.condition_type == "CertificatesReady").unwrap();
        (ready.status, ready.reason, ready.message)
    };
    assert_eq!(ready(&seen), (ConditionStatus::True, "CertificatesReady".into(), "3 certificates".into()));
    let none = IssuedCertificates::default();
    let before = listener_set_state(&set, &none, &seen);
    assert_eq!((before.certificates.number, before.certificates.not_ready), (3, 0));

    see(&mut seen, "shared-gateway-110", "db-tls", TlsSecret::Missing);
    let (status, reason, message) = ready(&seen);
    assert_eq!((status, reason.as_str()), (ConditionStatus::False, "SecretNotFound"));
    let start = "Secret shared-gateway-110/db-tls with the certificate for db.example.org is not in the cluster";
    assert!(message.starts_with(start), "{message}");
    let now = listener_set_state(&set, &none, &seen);
    assert_eq!(now.certificates.not_ready, 1);
    let woken: Vec<_> = users_to_wake(&set, &before, &now).into_iter().collect();
    assert_eq!(woken, [instance.instance.record.id()]);
    let of_set = listener_set(&now).into_iter().find(|one| one.condition_type == "CertificatesReady").unwrap();
    assert_eq!((of_set.reason.as_str(), of_set.message.as_str()), ("SecretNotFound", message.as_str()));
    gateway.listener_sets[0].state = Some(now);
    let of_gateway = conditions_of(&gateway, &seen);
    let of_gateway = of_gateway.into_iter().find(|one| one.condition_type == "CertificatesReady").unwrap();
    assert_eq!(of_gateway.message, message);

    // Who may not look leaves it to the listener.
    assert_eq!(ready(&Seen::default()).0, ConditionStatus::True);
}

#[test]
fn a_hostname_may_have_an_ordered_certificate_on_another_port() {
    let mut own = dedicated();
    own.definition.spec.domain_name_definition_id = Some(21);
    own.domain = Some(causeway_records::Record::default());
    let domain = own.domain.as_mut().unwrap();
    domain.common.id = 21;
    domain.spec = samples::domain(21);
    own.account = None;
    domain.spec.aws_account_id = None;
    own.definition.spec.tcp_ports[0].tls_secret_name = None;
    let plan = gateway::render(&own).unwrap();
    let ordered: Vec<_> = plan.objects.iter().filter(|object| CERTIFICATE.is(&object.at)).collect();
    let [certificate] = ordered.as_slice() else { panic!("{ordered:?}") };
    assert_eq!(certificate.body["spec"]["dnsNames"], json!(["db.example.org"]));
    let found = named(&plan);
    let of = |listener: &str| found.iter().find(|(name, _)| name == listener).unwrap().1[0]["name"].clone();
    assert_eq!(of("443 db.example.org"), "shop-tls");
    assert_eq!(of("5432 db.example.org"), certificate.at.name.as_str());
    assert!(gateway::support_services(&own).contains(&Service::CertManager));
}
