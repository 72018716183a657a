mod dns;

use super::*;
use crate::{labels::Owner, samples};
use causeway_records::inputs::{AnyInputs, ClaimBeside, GatewayInputs};

const CLUSTER: i64 = 5;

fn no_mask(_: &mut Value) {}

fn touched(name: &str) -> Touched {
    Touched { name: name.into(), runtime_id: Some(CLUSTER), runtime: "main".into(), ..Touched::default() }
}

/// One side with these gateway instances.
fn side(gateways: &[&GatewayInputs]) -> Side<Rendered> {
    let mut side = Side::default();
    for inputs in gateways {
        let subject = (Kind::GatewayInstance, inputs.instance.record.common.id);
        side.touched.insert(subject, touched("web"));
        side.records.insert(subject, rendered(AnyInputs::Gateway(Box::new((*inputs).clone()))));
    }
    side
}

fn of(before: &[&GatewayInputs], after: &[&GatewayInputs]) -> Effect {
    effect(Trial { before: side(before), after: side(after) }, &no_mask)
}

/// A dedicated gateway with a port, so that one record has all its objects.
fn gateway() -> GatewayInputs {
    let mut scene = samples::scenes().into_iter().find(|(name, _)| *name == "dedicated_http01").unwrap().1;
    scene.gateways.remove(0)
}

#[test]
fn where_nothing_changes_there_is_no_effect() {
    let inputs = gateway();
    let effect = of(&[&inputs], &[&inputs]);
    assert!(effect.is_empty() && effect.warnings.is_empty(), "{effect:?}");
    assert_eq!(effect.revision, of(&[], &[]).revision, "nothing is nothing, whoever was looked at");
}

#[test]
fn objects_are_made_and_go_whole_and_the_ways_mirror_each_other() {
    let inputs = gateway();
    let (made, gone) = (of(&[], &[&inputs]), of(&[&inputs], &[]));
    let objects = |effect: &Effect| {
        let own = effect.clusters[0].objects.iter().filter(|one| one.kind != "Secret");
        own.map(|one| (one.kind.clone(), one.name.clone())).collect::<Vec<_>>()
    };
    assert_eq!(objects(&made), objects(&gone));
    assert!(made.clusters[0].objects.iter().all(|one| one.change == ChangeKind::Added && one.manifest.is_some()));
    assert!(gone.clusters[0].objects.iter().all(|one| one.change == ChangeKind::Removed && one.manifest.is_none()));
    assert_eq!((made.certificates.len(), gone.certificates.len()), (1, 0), "one hostname with HTTPS");
    assert_ne!(made.revision, gone.revision);
}

#[test]
fn a_change_names_the_fields_with_both_values() {
    let (before, mut after) = (gateway(), gateway());
    after.definition.spec.http_ports[1].path = Some("/api".parse().unwrap());
    let effect = of(&[&before], &[&after]);
    let changed: Vec<_> = effect.clusters[0].objects.iter().map(|one| (one.change, one.kind.as_str())).collect();
    assert_eq!(changed, [(ChangeKind::Changed, "HTTPRoute")], "{effect:?}");
    let fields = &effect.clusters[0].objects[0].fields;
    let new: Vec<_> = fields.iter().filter_map(|field| field.new.as_ref()).map(Value::to_string).collect();
    assert!(
        fields.iter().all(|field| field.path.starts_with("spec.rules[0]")) && new.concat().contains("/api"),
        "{fields:?}"
    );
    assert!(effect.certificates.is_empty());
}

#[test]
fn requests_that_go_to_another_from_now_on_are_a_warning() {
    let (before, mut after) = (gateway(), gateway());
    let domain = after.domain.as_ref().map(|domain| &domain.spec.domain);
    let claim = causeway_rules::claims::claims_of(&after.definition.spec, domain).unwrap().remove(0);
    after.beside = vec![ClaimBeside {
        requests: "/cart exactly".into(),
        redirect: false,
        gateway_instance_id: 900,
        gateway_instance: "cart".into(),
        listener: claim.listener.clone(),
    }];
    let expected = format!("GatewayInstance web: of {claim}, what is for /cart exactly goes to gateway instance cart");
    let effect = of(&[&before], &[&after]);
    assert!(effect.is_empty() && effect.warnings == [expected], "{:?}", effect.warnings);
    assert!(of(&[&after], &[&after]).warnings.is_empty(), "it is so already");
    assert!(of(&[&after], &[&before]).warnings.is_empty(), "and no longer");
}

#[test]
fn what_cant_be_rendered_stays_and_is_told() {
    let (before, mut after) = (gateway(), gateway());
    after.definition.spec.http_ports.clear();
    let effect = of(&[&before], &[&after]);
    assert!(effect.is_empty(), "a worker leaves the objects alone: {effect:?}");
    assert!(effect.warnings.iter().any(|warning| warning.contains("it has no port yet")), "{:?}", effect.warnings);
}

#[test]
fn ids_that_are_not_given_out_yet_are_shown_as_such_and_are_the_same_again() {
    let mut inputs = gateway();
    let old = inputs.instance.record.common.id;
    let named = |inputs: &GatewayInputs| {
        let mut any = AnyInputs::Gateway(Box::new(inputs.clone()));
        any.renumber(&[(inputs.instance.record.common.id, PLACEHOLDER)].into());
        let AnyInputs::Gateway(inputs) = any else { unreachable!() };
        of(&[], &[&inputs])
    };
    let first = named(&inputs);
    let text = json!(first).to_string();
    assert!(
        text.contains(NEW_ID) && !text.contains(&PLACEHOLDER.to_string()) && !text.contains(&format!("-{old}\"")),
        "{text}"
    );
    inputs.instance.record.common.id = 900_000_000_000_000_077;
    inputs.instance.object_name = inputs.instance.object_name.replace(&old.to_string(), "900000000000000077");
    assert_eq!(named(&inputs).revision, first.revision, "whatever id it would get");
}

#[test]
fn secrets_are_masked_and_still_seen_to_change() {
    let at = crate::k8s::core::NAMESPACE.cluster("a");
    let ours = crate::k8s::Ours { control_plane: "c", owner: Owner { kind: Kind::GatewayInstance, id: 1 } };
    let side = |secret: &str| {
        let mut object = crate::k8s::core::namespace(&ours, "a");
        object.at = causeway_records::inventory::ObjectRef { kind: "Secret".into(), ..at.clone() };
        object.body = json!({"kind": "Secret", "data": {"key": secret}});
        let subject = (Kind::GatewayInstance, 1);
        let rendered = Rendered { objects: vec![object], ..Rendered::default() };
        Side { touched: [(subject, touched("web"))].into(), records: [(subject, rendered)].into(), ..Side::default() }
    };
    let mask = |value: &mut Value| value["data"]["key"] = "masked".into();
    let effect = effect(Trial { before: side("hunter1"), after: side("hunter2") }, &mask);
    let text = json!(effect).to_string();
    assert!(!text.contains("hunter") && text.contains("***"), "{text}");
}

#[test]
fn with_a_certificate_goes_its_secret() {
    let gone = of(&[&gateway()], &[]);
    let names = |kind: &str| -> Vec<_> {
        let some = gone.clusters[0].objects.iter().filter(|one| one.kind == kind && one.change == ChangeKind::Removed);
        some.map(|one| (one.namespace.clone(), one.name.clone())).collect()
    };
    let certificates = names("Certificate");
    assert!(!certificates.is_empty() && certificates.iter().all(|one| names("Secret").contains(one)));
}

#[test]
fn a_claim_that_goes_is_a_warning_unless_another_takes_its_place() {
    let claim = |gateway_instance_id, hostname: &str, path: &str| ClaimedRoute {
        gateway_instance_id,
        gateway_id: 9,
        port: 80,
        protocol: "HTTP".into(),
        hostname: hostname.into(),
        path: path.into(),
        redirect: false,
        tls_secret: None,
    };
    let side = |claims: Vec<ClaimedRoute>| Side {
        touched: [((Kind::GatewayInstance, 1), touched("web"))].into(),
        claims,
        ..Side::default()
    };
    let of = |before, after| effect(Trial { before: side(before), after: side(after) }, &no_mask);
    let moved = of(vec![claim(1, "a.test", "/a")], vec![claim(1, "a.test", "/b")]);
    assert!(moved.warnings.is_empty() && moved.claims.len() == 2, "{moved:?}");
    let gone = of(vec![claim(1, "a.test", "/a")], vec![]);
    assert!(gone.warnings[0].starts_with("HTTP port 80 for a.test"), "{gone:?}");
    assert_eq!((gone.claims[0].change, gone.claims[0].gateway_instance.as_str()), (ChangeKind::Removed, "web"));
}

#[test]
fn what_is_given_back_is_neither_removed_nor_kept_from_going_otherwise() {
    let mut inputs = gateway();
    let gone = |inputs: &GatewayInputs| of(&[inputs], &[]).clusters.len();
    assert_eq!(gone(&inputs), 1);
    inputs.instance.record.spec.keep_on_delete = Some(true);
    assert_eq!(gone(&inputs), 0, "its objects stay");
    let mut fewer = inputs.clone();
    fewer.definition.spec.http_ports.truncate(1);
    let removed = |effect: &Effect| {
        effect.clusters.iter().flat_map(|one| &one.objects).any(|one| one.change == ChangeKind::Removed)
    };
    assert!(removed(&of(&[&inputs], &[&fewer])), "what it no longer wants goes as ever");
}

#[test]
fn what_may_be_taken_over_is_told() {
    let mut scene = samples::scenes().into_iter().find(|(name, _)| *name == "given").unwrap().1;
    let mut shared = scene.shared.take().unwrap();
    shared.gateway.record.spec.gateway_name = "edge".parse().ok();
    let warnings = rendered(AnyInputs::SharedGateway(Box::new(shared))).warnings;
    assert!(
        warnings.len() == 1 && warnings[0].contains("Gateway shop-11/edge is taken over as it stands"),
        "{warnings:?}"
    );
}
