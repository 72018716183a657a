//! Rendering and survey over a bundle of two objects. The real bundles are looked at in `tests/bundles.rs`.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::bundle::{BundleError, MANIFEST, checksum};
use crate::labels::{CONTROL_PLANE, OWNER};
use crate::samples::support_service::{CONTROL_PLANE as US, external_dns as dns, inputs, options_for};

/// A bundle with one CRD and one Deployment, made in memory.
fn small(version: &str) -> Bundle {
    let objects = "kind: Deployment\napiVersion: apps/v1\nmetadata: {name: small, namespace: placeholder-namespace}\n";
    let manifest = format!(
        r#"
            service = "small"
            version = "{version}"
            source = "none"
            images = []
            definitions = ["things.example.test"]
            deployments = ["small"]
            namespace = "small"
            [adoption]
            oldest = "1.2.0"
            version_label = "app.kubernetes.io/version"
            images = ["team/small"]
            required = {{ "things.example.test" = "v1" }}
            not_labels = {{ role = "proxy" }}
            [[file]]
            path = "objects.yaml"
            sha256 = "{}"
        "#,
        checksum(objects.as_bytes())
    );
    let files = BTreeMap::from([(MANIFEST.to_owned(), manifest), ("objects.yaml".to_owned(), objects.to_owned())]);
    Bundle::parse("small", &files).unwrap()
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn definition(labels: &[(&str, &str)], origin: Option<&str>, served: &str) -> Definition {
    let annotations = origin.map(|origin| map(&[(BUNDLE, origin)])).unwrap_or_default();
    Definition { name: "things.example.test".into(), labels: map(labels), annotations, served: vec![served.into()] }
}

fn controller(labels: &[(&str, &str)], image: &str) -> Controller {
    let object = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "small", "namespace": "elsewhere" },
        "spec": { "template": { "spec": { "containers": [{ "image": image }] } } } });
    Controller { labels: map(labels), ..Controller::read(&object).unwrap() }
}

const OURS: [(&str, &str); 2] = [(CONTROL_PLANE, US), (OWNER, "support-service-instance-7")];
const THEIRS: [(&str, &str); 2] = [(CONTROL_PLANE, "cp-2"), (OWNER, "support-service-instance-7")];

fn look(definitions: Vec<Definition>, controllers: Vec<Controller>) -> Adoption {
    survey(&small("1.5.0"), US, 7, &Facts { definitions, controllers })
}

#[test]
fn nothing_is_absent_and_ours_is_ours() {
    assert_eq!(look(vec![], vec![]), Adoption::Absent);
    let ours = || definition(&OURS, Some("small-1.4.0"), "v1");
    assert_eq!(look(vec![ours()], vec![]), Adoption::Ours { warning: None });
    let Adoption::Ours { warning: Some(warning) } = look(vec![ours()], vec![controller(&[], "x/team/small:1.4")])
    else {
        panic!("a second controller must be mentioned")
    };
    assert!(warning.contains("Deployment elsewhere/small"), "{warning}");
}

#[test]
fn definitions_never_go_back() {
    let newer = look(vec![definition(&OURS, Some("small-1.10.0"), "v1")], vec![]);
    assert_eq!(newer, Adoption::Downgrade { installed: "1.10.0".parse().unwrap(), wanted: "1.5.0".parse().unwrap() });
}

#[test]
fn what_somebody_else_installed_is_used_when_it_fits() {
    // Definition's labels, controller's image, compatible, part of the sentence.
    let cases = [
        (&[][..], Some("mirror:5000/team/small:v1.4.1"), "v1", true, "used as it is"),
        (&THEIRS, Some("team/small:v1.4.1"), "v1", true, "small 1.4.1"),
        (&[], Some("team/small:v1.1.0"), "v1", false, "older than 1.2.0"),
        (&[], Some("team/small:v2.0.0"), "v1", false, "newer than"),
        (&[], Some("team/small@sha256:00"), "v1", false, "version cannot be told"),
        (&[], Some("team/small:v1.4.1"), "v1beta1", false, "does not serve things.example.test at v1"),
    ];
    for (labels, image, served, expected, part) in cases {
        let controllers = image.map(|image| controller(&[], image)).into_iter().collect();
        match look(vec![definition(labels, None, served)], controllers) {
            Adoption::Foreign { compatible, why, cluster_resource_namespace, .. } => {
                assert_eq!(cluster_resource_namespace, None, "only cert-manager has one");
                assert_eq!(compatible, expected, "{why}");
                assert!(why.contains(part), "{why}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn definitions_without_a_controller_get_our_controller() {
    let found = look(vec![definition(&[("app.kubernetes.io/version", "v1.3.0")], None, "v1")], vec![]);
    let Adoption::ForeignDefinitions { version, compatible: true, .. } = found else { panic!("{found:?}") };
    assert_eq!(version, Some("1.3.0".parse().unwrap()));
    let similar = [controller(&[("role", "proxy")], "team/small:1.4.0"), controller(&[], "other/notsmall:1.4.0")];
    assert_eq!(look(vec![], similar.to_vec()), Adoption::Absent);
}

#[test]
fn an_adopted_cert_manager_keeps_the_secrets_of_issuers_where_its_arguments_say() {
    let variable = json!([{"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}]);
    let cases = [
        (json!({"args": ["--v=2", "--cluster-resource-namespace=secrets"]}), "secrets"),
        (json!({"args": ["--cluster-resource-namespace", "secrets", "--v=2"]}), "secrets"),
        (json!({"command": ["/controller", "-cluster-resource-namespace=secrets"]}), "secrets"),
        (json!({"args": ["--cluster-resource-namespace=$(POD_NAMESPACE)"], "env": variable}), "elsewhere"),
        (json!({"args": ["--cluster-resource-namespace=$(AT)"], "env": [{"name": "AT", "value": "vault"}]}), "vault"),
        (json!({"args": ["--config=/settings.yaml"]}), "elsewhere"),
        (json!({"args": ["--v=2"]}), "kube-system"),
        (json!({}), "kube-system"),
    ];
    let mut bundle = small("1.5.0");
    bundle.manifest.service = "cert-manager".into();
    for (mut container, expected) in cases {
        container["image"] = json!("team/small:v1.4.1");
        let object = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "small", "namespace": "elsewhere" },
            "spec": { "template": { "spec": { "containers": [{"image": "sidecar:1"}, container] } } } });
        let controllers = vec![Controller::read(&object).unwrap()];
        let facts = Facts { definitions: vec![definition(&[], None, "v1")], controllers };
        let found = survey(&bundle, US, 7, &facts);
        let Adoption::Foreign { why, cluster_resource_namespace: Some(namespace), .. } = found else {
            panic!("{found:?}")
        };
        assert_eq!(namespace, expected, "{object}");
        assert!(why.ends_with(&format!("Secrets of ClusterIssuers are kept in {expected}")), "{why}");
    }
}

#[test]
fn what_is_stopped_has_no_replica_and_needs_no_zone() {
    let mut bundle = small("1.5.0");
    bundle.manifest.service = "external-dns".into();
    let wanted = ExternalDns { domains: vec![], ..dns() };
    let options = Options { external_dns: Some(wanted), stopped: true, ..Options::default() };
    let plan = render(&inputs(&bundle, &options)).unwrap();
    let replicas = plan.objects.iter().filter(|object| object.at.kind == "Deployment");
    let replicas: Vec<_> = replicas.map(|object| object.body["spec"]["replicas"].clone()).collect();
    assert!(!replicas.is_empty() && replicas.iter().all(|replicas| *replicas == 0), "{replicas:?}");
}

#[test]
fn options_that_do_not_fit_are_refused_with_a_reason() {
    let with = |change: &dyn Fn(&mut ExternalDns)| {
        let mut wanted = dns();
        change(&mut wanted);
        Options { external_dns: Some(wanted), ..Options::default() }
    };
    let cases = [
        ("external-dns", Options::default(), "at least one domain"),
        ("external-dns", with(&|dns| dns.domains.clear()), "all names of its zones"),
        ("external-dns", with(&|dns| dns.owner.clear()), "owner"),
        ("external-dns", with(&|dns| dns.label_filter.clear()), "label filter"),
        ("external-dns", Options { replicas: Some(2), ..options_for("external-dns") }, "elects no leader"),
        ("cert-manager", Options { replicas: Some(0), ..Options::default() }, "at least one replica"),
        ("cert-manager", options_for("external-dns"), "takes no options"),
        ("gateway-api", Options { namespace: Some("x".into()), ..Options::default() }, "no namespace"),
        ("cert-manager", Options { namespace: Some("Nope".into()), ..Options::default() }, "DNS label"),
        ("small", Options { aws_region: Some("x".into()), ..Options::default() }, "never calls AWS"),
        ("small", Options { image_registry: Some("https://x".into()), ..Options::default() }, "scheme"),
    ];
    for (service, options, expected) in cases {
        let mut bundle = small("1.5.0");
        bundle.manifest.service = service.to_owned();
        match service {
            "external-dns" => bundle.manifest.traits.max_replicas = Some(1),
            "gateway-api" => bundle.manifest.traits.namespace = None,
            _ => {}
        }
        let InvalidOptions(why) = render(&inputs(&bundle, &options)).unwrap_err();
        assert!(why.contains(expected), "{service}: {why}");
    }
}

#[test]
fn a_bundle_that_was_changed_is_not_used() {
    let text = "service = \"x\"\nversion = \"1.0.0\"\nsource = \"\"\nimages = []\nadoption = { oldest = \"1.0.0\" }\n\
        file = [{ path = \"a.yaml\", sha256 = \"00\" }]\n";
    let mut files = BTreeMap::from([(MANIFEST.to_owned(), text.to_owned())]);
    let missing = Bundle::parse("x", &files).unwrap_err();
    assert!(matches!(&missing, BundleError::Content { path, .. } if path == "a.yaml"), "{missing}");
    files.insert("a.yaml".to_owned(), "kind: A".to_owned());
    let changed = Bundle::parse("x", &files).unwrap_err();
    assert!(matches!(changed, BundleError::Checksum { .. }), "{changed}");
}
