//! Workload instances and domain name instances beyond the samples.

use causeway_records::{
    inputs::{HostRecord, WorkloadInputs},
    inventory::{JobEnd, ObjectRef},
    status::ConditionStatus,
};
use causeway_render::{
    InvalidInput, conditions, domain_name,
    driver::{self, Driver},
    hostnames,
    labels::OWNER,
    observed::{Observed, Seen},
    plan::Plan,
    samples,
    workload::{self, Scope, Scopes},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn render(inputs: &WorkloadInputs, scopes: Scopes<'_>) -> Result<Plan, InvalidInput> {
    workload::render(inputs, workload::manifests(inputs)?, scopes)
}

fn named(kind: &str, name: &str, namespace: Option<&str>) -> String {
    let namespace = namespace.map(|namespace| format!(", namespace: {namespace}")).unwrap_or_default();
    format!("---\n{{apiVersion: v1, kind: {kind}, metadata: {{name: {name}{namespace}}}}}\n")
}

#[test]
fn manifests_go_where_they_belong_in_a_sensible_order() {
    let mut inputs = samples::workload(1, "shop");
    inputs.definition.spec.yaml_document = [
        named("Pod", "b", None),
        named("Widget", "w", None),
        named("ClusterRole", "r", Some("ignored")),
        "---\n{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: gadgets.example.org}, \
         spec: {group: example.org, scope: Cluster, names: {kind: Gadget}}}\n"
            .to_owned(),
        "---\n{apiVersion: example.org/v1, kind: Gadget, metadata: {name: g}}\n".to_owned(),
        named("ConfigMap", "c", Some("elsewhere")),
    ]
    .concat();
    inputs.resources = vec![
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "a", "uid": "x", "resourceVersion": "1" } })
            .to_string(),
    ];
    let discovered = |_: &str, kind: &str| match kind {
        "ClusterRole" | "CustomResourceDefinition" => Some(Scope::Cluster),
        "Gadget" | "Widget" => None,
        _ => Some(Scope::Namespaced),
    };
    let plan = render(&inputs, &discovered).unwrap();
    let names: Vec<String> = plan.objects.iter().map(|object| object.at.to_string()).collect();
    assert_eq!(
        names,
        [
            "Namespace shop-1",
            "CustomResourceDefinition gadgets.example.org",
            "ClusterRole r",
            "ConfigMap elsewhere/c",
            "Pod shop-1/a",
            "Pod shop-1/b",
            "Widget shop-1/w",
            "Gadget g",
        ]
    );
    let metadata = |index: usize| &plan.objects[index].body["metadata"];
    assert!(metadata(2).get("namespace").is_none());
    assert_eq!((metadata(4).get("uid"), metadata(4).get("resourceVersion")), (None, None));
    assert!(plan.objects.iter().all(|object| object.body["metadata"]["labels"][OWNER] == "workload-instance-1"));
}

#[test]
fn labels_do_not_reach_pods() {
    let plan = render(&samples::workload(1, "shop"), &samples::scopes).unwrap();
    let deployment = plan.objects.iter().find(|object| object.at.kind == "Deployment").unwrap();
    assert_eq!(deployment.body["spec"]["template"]["metadata"]["labels"], json!({ "app": "web" }));
}

#[test]
fn hooks_are_left_out_and_kept_objects_stay() {
    let annotated = |name: &str, annotation: &str| {
        format!("---\n{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}, annotations: {{{annotation}}}}}}}\n")
    };
    let mut inputs = samples::workload(1, "shop");
    inputs.definition.spec.yaml_document = [
        annotated("drop", "helm.sh/hook: pre-delete"),
        annotated("first", "helm.sh/hook: pre-install"),
        annotated("data", "helm.sh/resource-policy: keep"),
    ]
    .concat();
    let plan = render(&inputs, &samples::scopes).unwrap();
    let objects: Vec<_> = plan.objects.iter().map(|object| (object.at.name.as_str(), object.keep)).collect();
    assert_eq!(objects, [("shop-1", false), ("data", true), ("first", false)]);
    assert_eq!(plan.not_applied, ["ConfigMap shop-1/drop (helm.sh/hook: pre-delete)"]);
    let observed = |at: &ObjectRef| Observed {
        at: at.clone(),
        uid: "u".into(),
        generation: 1,
        replicas: None,
        status: Value::Null,
    };
    let seen: Seen = plan.objects.iter().map(|object| (object.at.clone(), observed(&object.at))).collect();
    let condition = conditions::workload_instance(&plan, &seen, &BTreeMap::new()).remove(0);
    assert_eq!(condition.status, ConditionStatus::True);
    assert_eq!(
        condition.message,
        "3 objects as asked for; not applied because of their annotations: ConfigMap shop-1/drop (helm.sh/hook: pre-delete)"
    );
}

#[test]
fn a_list_in_a_resource_definition_is_taken_apart() {
    let mut inputs = samples::workload(1, "shop");
    inputs.definition.spec.yaml_document = String::new();
    inputs.resources = vec![
        json!({ "apiVersion": "v1", "kind": "List", "items": [
        { "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": "system:probe" } },
        { "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "c" } },
    ] })
        .to_string(),
    ];
    let manifests = workload::manifests(&inputs).unwrap();
    let kinds: Vec<_> = workload::kinds(&manifests).into_iter().map(|(_, _, kind)| kind).collect();
    assert_eq!(kinds, ["ConfigMap", "ClusterRole"]);
    let plan = workload::render(&inputs, manifests, &samples::scopes).unwrap();
    let names: Vec<String> = plan.objects.iter().map(|object| object.at.to_string()).collect();
    assert_eq!(names, ["Namespace shop-1", "ClusterRole system:probe", "ConfigMap shop-1/c"]);
}

#[test]
fn an_object_twice_is_refused() {
    let mut inputs = samples::workload(1, "shop");
    inputs.definition.spec.yaml_document = named("Pod", "a", None) + &named("Pod", "a", Some("shop-1"));
    let error = render(&inputs, &samples::scopes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "workload definition shop: YAMLDocument: Pod shop-1/a stands there twice; remove one, or rename it"
    );
    inputs.definition.spec.yaml_document = named("Namespace", "shop-1", None);
    assert!(render(&inputs, &samples::scopes).is_err());
}

#[test]
fn addresses_are_read_from_status() {
    let status = json!({ "addresses": [
        { "type": "Hostname", "value": "LB.example.net." }, { "type": "IPAddress", "value": "192.0.2.9" },
        { "value": "192.0.2.10" }, { "value": "" }, {}
    ] });
    let targets = driver::addresses(Driver::for_class(None), &status);
    assert_eq!(targets.ips.iter().map(ToString::to_string).collect::<Vec<_>>(), ["192.0.2.9", "192.0.2.10"]);
    assert_eq!(targets.hostnames, ["lb.example.net"]);
    assert!(driver::addresses(Driver::for_class(None), &json!(null)).is_empty());
}

#[test]
fn one_gateway_publishes_a_hostname_that_several_have() {
    let (mut inputs, targets) = samples::domain_name();
    inputs.gateways[1].hostnames = vec!["shop.example.org".into(), "*.example.org".into()];
    let mut zones = samples::zones();
    zones.insert("*.example.org".into(), zones["example.org"].clone());
    inputs.published = hostnames::intended(&inputs, &domain_name::wanted(&inputs, &targets), &zones, None);
    let plan = domain_name::render(&inputs, &targets);
    let of = |index: usize| {
        let endpoints = plan.objects[index].body["spec"]["endpoints"].as_array().unwrap();
        endpoints
            .iter()
            .map(|endpoint| format!("{} {}", endpoint["recordType"], endpoint["dnsName"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(of(0), [r#""A" "shop.example.org""#, r#""AAAA" "shop.example.org""#]);
    assert_eq!(of(1), [r#""CNAME" "*.example.org""#]);
    inputs.gateways.reverse();
    assert_eq!(domain_name::render(&inputs, &targets), plan);
}

#[test]
fn a_domain_waits_for_addresses_and_believes_only_the_zone() {
    let (mut inputs, mut targets) = samples::domain_name();
    let found = |inputs: &_, targets: &_| {
        let found = conditions::domain_name_instance(inputs, targets);
        found.into_iter().map(|condition| (condition.status, condition.message)).collect::<Vec<_>>()
    };
    let seen = found(&inputs, &targets);
    assert_eq!(seen[0].0, ConditionStatus::True);
    assert_eq!(
        seen[1],
        (
            ConditionStatus::Unknown,
            "the records of example.org were not seen in the zone of example.org yet (and 1 more)".into()
        )
    );
    let record = |present: bool, message: &str| HostRecord {
        present,
        message: message.into(),
        ttl: 300,
        ..HostRecord::default()
    };
    inputs
        .published
        .hosts
        .insert("shop.example.org".into(), record(false, "somebody else owns the A record; remove it"));
    inputs.published.hosts.insert("example.org".into(), record(true, ""));
    assert_eq!(
        found(&inputs, &targets)[1],
        (
            ConditionStatus::False,
            "shop.example.org is not published: somebody else owns the A record; remove it".into()
        )
    );
    inputs.published.hosts.insert("shop.example.org".into(), record(true, ""));
    assert_eq!(found(&inputs, &targets)[1], (ConditionStatus::True, "example.org, shop.example.org".into()));
    targets.remove(&309);
    let seen = found(&inputs, &targets);
    assert_eq!((seen[0].0, seen[1].0), (ConditionStatus::False, ConditionStatus::Unknown));
    assert!(
        seen[0]
            .1
            .starts_with("Gateway shared-gateway-102/shared-gateway-102 has no address to point example.org at yet"),
        "{}",
        seen[0].1
    );
    inputs.gateways.clear();
    assert_eq!(found(&inputs, &targets), []);
}

#[test]
fn a_workload_is_ready_when_its_objects_are() {
    let plan = render(&samples::workload(11, "shop"), &samples::scopes).unwrap();
    let ready = json!({
        "observedGeneration": 3, "replicas": 2, "updatedReplicas": 2,
        "conditions": [{ "type": "Available", "status": "True", "reason": "MinimumReplicasAvailable", "message": "" }],
    });
    let finding = |status: Option<Value>| {
        let mut seen = Seen::new();
        for object in &plan.objects {
            let status = if object.at.kind == "Deployment" { status.clone() } else { Some(Value::Null) };
            if let Some(status) = status {
                let observed =
                    Observed { at: object.at.clone(), uid: "u".into(), generation: 3, replicas: None, status };
                seen.insert(object.at.clone(), observed);
            }
        }
        let finding = conditions::workload_instance(&plan, &seen, &BTreeMap::new()).remove(0);
        (finding.status, finding.reason, finding.message)
    };
    let with = |key: &str, value: Value| {
        let mut status = ready.clone();
        status[key] = value;
        Some(status)
    };
    assert_eq!(finding(Some(ready.clone())).0, ConditionStatus::True);
    assert_eq!(finding(None).0, ConditionStatus::Unknown);
    assert_eq!(finding(with("observedGeneration", json!(2))).0, ConditionStatus::Unknown);
    assert_eq!(
        finding(with("updatedReplicas", json!(1))),
        (
            ConditionStatus::False,
            "RollingOut".into(),
            "1 of 2 Pods of Deployment shop-11/web are of the new version".into()
        )
    );
    let unavailable = json!([{ "type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable", "message": "Deployment does not have minimum availability." }]);
    assert_eq!(
        finding(with("conditions", unavailable)),
        (
            ConditionStatus::False,
            "MinimumReplicasUnavailable".into(),
            "Deployment shop-11/web is not Available: Deployment does not have minimum availability".into()
        )
    );
    let stuck = json!([{ "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out" }]);
    assert_eq!(finding(with("conditions", stuck)).1, "ProgressDeadlineExceeded");
}

#[test]
fn a_job_that_has_run_and_is_gone_counts_as_done() {
    let mut inputs = samples::workload(11, "shop");
    inputs.definition.spec.yaml_document =
        "{apiVersion: batch/v1, kind: Job, metadata: {name: migrate}, spec: {ttlSecondsAfterFinished: 0}}".into();
    let plan = render(&inputs, &samples::scopes).unwrap();
    let [space, job] = &plan.objects[..] else { panic!("{plan:?}") };
    let observed =
        Observed { at: space.at.clone(), uid: "u".into(), generation: 1, replicas: None, status: Value::Null };
    let seen = Seen::from([(space.at.clone(), observed)]);
    let finding = |ended: Option<JobEnd>| {
        let ended = ended.map(|end| (job.at.clone(), end)).into_iter().collect();
        let finding = conditions::workload_instance(&plan, &seen, &ended).remove(0);
        (finding.status, finding.reason)
    };
    assert_eq!(finding(None).0, ConditionStatus::Unknown);
    for done in [JobEnd::Complete, JobEnd::Unseen] {
        assert_eq!(finding(Some(done)).0, ConditionStatus::True);
    }
    assert_eq!(finding(Some(JobEnd::Failed)), (ConditionStatus::False, "JobFailed".into()));
}
