//! The real bundles, rendered. They are made by `make bundles`, which the Makefile runs before the tests.

use std::path::PathBuf;

use causeway_render::bundle::{Catalogue, catalogue};
use causeway_render::labels::{CONTROL_PLANE, OWNER};
use causeway_render::plan::{Object, Plan};
use causeway_render::samples::support_service::{CONTROL_PLANE as US, inputs, options_for};
use causeway_render::support_service::{
    Adoption, AwsCredentials, Definition, Facts, Installation, Options, render, survey,
};
use serde_json::{Value, json};

fn real() -> Catalogue {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy/bundles");
    match catalogue(&dir) {
        Ok(found) if !found.is_empty() => found,
        Ok(_) => panic!("there are no bundles; run `make bundles`"),
        Err(why) => panic!("{why}"),
    }
}

fn find<'a>(plan: &'a Plan, kind: &str, name: &str) -> &'a Value {
    let found = plan.objects.iter().find(|object| object.at.kind == kind && object.at.name == name);
    &found.unwrap_or_else(|| panic!("{kind} {name} is not in the plan")).body
}

fn args(deployment: &Value) -> Vec<&str> {
    let args = deployment
        .pointer("/spec/template/spec/containers/0/args")
        .and_then(Value::as_array)
        .expect("the container has arguments");
    args.iter().filter_map(Value::as_str).collect()
}

#[test]
fn every_bundle_renders_to_the_same_names() {
    for (service, bundle) in real() {
        let options = options_for(&service);
        let plan = render(&inputs(&bundle, &options)).unwrap();
        let names: Vec<_> =
            plan.objects.iter().map(|o| format!("{}{}", o.at, if o.keep { " (kept)" } else { "" })).collect();
        insta::assert_snapshot!(format!("names_of_{service}"), names.join("\n"));
        for object in &plan.objects {
            let labels = &object.body["metadata"]["labels"];
            assert_eq!((&labels[CONTROL_PLANE], &labels[OWNER]), (&json!(US), &json!("support-service-instance-7")));
            assert!(!object.body.to_string().contains("placeholder"), "{}: a placeholder is left", object.at);
        }
    }
}

#[test]
fn the_order_is_namespace_definitions_rest() {
    for (service, bundle) in real() {
        let options = options_for(&service);
        let plan = render(&inputs(&bundle, &options)).unwrap();
        let rank = |object: &Object| match object.at.kind.as_str() {
            "Namespace" => 0,
            "CustomResourceDefinition" => 1,
            _ => 2,
        };
        assert!(plan.objects.is_sorted_by_key(rank), "{service}");
    }
}

#[test]
fn external_dns_gets_its_owner_zones_and_policy() {
    let bundles = real();
    let options = Options {
        namespace: Some("dns".into()),
        aws_role_arn: Some("arn:aws:iam::1:role/dns".into()),
        aws_credentials: Some(AwsCredentials::Secret("aws".into())),
        aws_region: Some("eu-west-1".into()),
        ..options_for("external-dns")
    };
    let plan = render(&inputs(&bundles["external-dns"], &options)).unwrap();
    let deployment = find(&plan, "Deployment", "dns-7");
    insta::assert_yaml_snapshot!(args(deployment));
    insta::assert_yaml_snapshot!(deployment.pointer("/spec/template/spec/containers/0/env"));
    assert_eq!(deployment["metadata"]["namespace"], "dns");
    let account = find(&plan, "ServiceAccount", "dns-7");
    assert_eq!(account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"], "arn:aws:iam::1:role/dns");
}

#[test]
fn an_access_key_is_in_a_secret_and_nowhere_else() {
    let bundles = real();
    let with = |secret: &str| Options {
        aws_credentials: Some(AwsCredentials::Keys { id: "AKIA1".into(), secret: secret.into() }),
        ..options_for("external-dns")
    };
    let (options, other) = (with("hunter-1"), with("hunter-2"));
    let plan = render(&inputs(&bundles["external-dns"], &options)).unwrap();
    let secret = find(&plan, "Secret", "dns-7-aws");
    assert_eq!(secret["data"]["secret-access-key"], "aHVudGVyLTE=");
    let kinds: Vec<_> = plan.objects.iter().map(|object| object.at.kind.as_str()).collect();
    assert!(kinds.iter().position(|kind| *kind == "Secret") < kinds.iter().position(|kind| *kind == "Deployment"));
    let env = find(&plan, "Deployment", "dns-7")
        .pointer("/spec/template/spec/containers/0/env/0/valueFrom/secretKeyRef/name");
    assert_eq!(env.and_then(Value::as_str), Some("dns-7-aws"));
    let plan_of_other = render(&inputs(&bundles["external-dns"], &other)).unwrap();
    assert_ne!(find(&plan, "Deployment", "dns-7"), find(&plan_of_other, "Deployment", "dns-7"), "the pods restart");
    assert!(!format!("{options:?}").contains("hunter"));
}

#[test]
fn cert_manager_is_stamped_with_its_release_and_watches_the_gateway_api() {
    let bundles = real();
    let options = Options {
        replicas: Some(2),
        image_registry: Some("mirror.example:5000".into()),
        restart_for: Some("1.6.1".into()),
        ..Options::default()
    };
    let plan = render(&inputs(&bundles["cert-manager"], &options)).unwrap();
    let controller = find(&plan, "Deployment", "cert-manager");
    assert_eq!(
        controller.pointer("/spec/template/spec/containers/0/image").unwrap(),
        "mirror.example:5000/jetstack/cert-manager-controller:v1.21.2"
    );
    assert!(
        args(controller)
            .contains(&"--acme-http01-solver-image=mirror.example:5000/jetstack/cert-manager-acmesolver:v1.21.2")
    );
    assert!(args(controller).contains(&"--leader-election-namespace=cert-manager"));
    let config = find(&plan, "ConfigMap", "cert-manager").to_string();
    assert!(config.contains("gatewayAPI:"), "{config}");
    assert_eq!(controller["spec"]["replicas"], 2);
    let annotations = "/spec/template/metadata/annotations/causeway.dev~1restarted-for";
    assert_eq!(controller.pointer(annotations).unwrap(), "1.6.1");
    assert_eq!(find(&plan, "Deployment", "cert-manager-webhook").pointer(annotations), None);
    let all = serde_json::to_string(&plan.objects.iter().map(|o| &o.body).collect::<Vec<_>>()).unwrap();
    assert!(!all.contains("v0.0.0") && !all.contains("quay.io"));
}

#[test]
fn a_changed_job_is_a_new_job() {
    let bundles = real();
    let job = |registry: Option<&str>| {
        let options = Options { image_registry: registry.map(str::to_owned), ..Options::default() };
        let plan = render(&inputs(&bundles["envoy-gateway"], &options)).unwrap();
        plan.objects.iter().find(|object| object.at.kind == "Job").unwrap().at.name.clone()
    };
    assert_eq!(job(None), job(None));
    assert_ne!(job(None), job(Some("mirror.example")));
}

#[test]
fn what_belongs_to_somebody_else_is_left_out() {
    let bundles = real();
    let options = Options { existing_namespace: true, ..Options::default() };
    let plan = render(&Installation { definitions: false, ..inputs(&bundles["cert-manager"], &options) }).unwrap();
    assert!(
        plan.objects.iter().all(|object| object.at.kind != "CustomResourceDefinition" && object.at.kind != "Namespace")
    );
}

#[test]
fn the_gateway_api_has_no_controller_to_look_for() {
    let bundles = real();
    let object = json!({ "metadata": { "name": "gateways.gateway.networking.k8s.io",
        "annotations": { "gateway.networking.k8s.io/bundle-version": "v1.4.0" } },
        "spec": { "versions": [{ "name": "v1", "served": true }, { "name": "v1beta1", "served": false }] } });
    let found = Definition::read(&object).unwrap();
    assert_eq!(found.served, ["v1"]);
    let facts = Facts { definitions: vec![found], controllers: vec![] };
    let Adoption::Foreign { compatible: false, why, .. } = survey(&bundles["gateway-api"], US, 7, &facts) else {
        panic!("CRDs of somebody else are not ours")
    };
    assert!(why.contains("gatewayclasses"), "{why}");
}
