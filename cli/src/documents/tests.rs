//! Threeport's documents as people have them, both spellings, and ours.

use super::{
    live::Live,
    plan::{Mode, Operation, Verb, body, plan, whole},
    source::parse,
    wanted::Wanted,
    *,
};
use crate::{api::Fields, failure::Failure};
use causeway_records::Kind;
use serde_json::{Value, json};
use std::path::Path;

fn read(text: &str) -> Outcome<Vec<Wanted>> {
    wanted(parse(text, "shop.yaml", Path::new("."))?)
}

fn names(wanted: &[Wanted]) -> Vec<String> {
    wanted.iter().map(|one| format!("{} {}", one.kind, one.name)).collect()
}

fn object(value: Value) -> Fields {
    value.as_object().unwrap().clone()
}

fn live(records: &[(Kind, Value)]) -> Live {
    let mut live = Live::default();
    for (kind, record) in records {
        live.put(*kind, object(record.clone()));
    }
    live
}

fn planned(text: &str, live: &Live, mode: Mode) -> Result<Vec<Operation>, Failure> {
    plan(read(text)?, live, mode)
}

const MANIFEST: &str = "apiVersion: v1\\nkind: Service\\nmetadata: {name: web}\\nspec: {ports: [{port: 80}]}\\n";

fn workload() -> String {
    format!(
        "Workload:
  Name: shop
  YAMLDocument: \"{MANIFEST}\"
  WorkloadConfigPath: /somewhere/workload.yaml
  KubernetesRuntimeInstance: {{Name: main}}
  DomainName: {{Name: ShopDomain, Domain: example.org, Zone: Public, AdminEmail: ops@example.org}}
  Gateway:
    Name: shop-gw
    ServiceName: web
    SubDomain: www
    HttpPorts:
      - {{Port: 80, HTTPSRedirect: true, Path: /}}
      - {{Port: 443, TLSEnabled: true, Path: /}}
    TcpPorts:
      - {{Port: 5432, TLSEnabled: false}}
"
    )
}

#[test]
fn a_workload_brings_its_gateway_and_domain_name() {
    let wanted = read(&workload()).unwrap();
    assert_eq!(
        names(&wanted),
        [
            "WorkloadDefinition shop",
            "WorkloadInstance shop",
            "DomainNameDefinition ShopDomain",
            "DomainNameInstance shop-shop-domain",
            "GatewayDefinition shop-gw",
            "GatewayInstance shop-gw",
        ]
    );
    let referred = |at: usize, field: &str| wanted[at].referred(field).map(str::to_owned);
    assert_eq!(referred(4, "DomainNameDefinitionID").as_deref(), Some("ShopDomain"));
    assert_eq!(referred(1, "WorkloadDefinitionID").as_deref(), Some("shop"));
    assert_eq!(referred(5, "WorkloadInstanceID").as_deref(), Some("shop"));
    for at in [1, 3, 5] {
        assert_eq!(referred(at, "KubernetesRuntimeInstanceID").as_deref(), Some("main"));
    }
}

#[test]
fn both_spellings_mean_the_same() {
    let old = "GatewayInstance: {Name: gw-1, GatewayDefinition: {Name: gw}, WorkloadInstance: {Name: shop}, KubernetesRuntimeInstance: {Name: main}}";
    let new = old.replace("WorkloadInstance", "KubernetesWorkloadInstance");
    let new = new.replace("Name: gw-1", "Age: 3d, Status: Healthy, Name: gw-1");
    assert_eq!(read(old).unwrap(), read(&new).unwrap());
    let old = format!(
        "WorkloadDefinition: {{Name: shop, YAMLDocument: \"{MANIFEST}\"}}\n---\nWorkloadInstance: {{Name: shop-1, WorkloadDefinition: {{Name: shop}}}}\n"
    );
    let new = old
        .replace("WorkloadInstance", "KubernetesWorkloadInstance")
        .replace("WorkloadDefinition", "KubernetesWorkloadDefinition");
    assert_eq!(read(&old).unwrap(), read(&new).unwrap());
}

#[test]
fn pairs_are_a_definition_and_an_instance() {
    let text = "KubernetesRuntime: {Name: main, InfraProvider: kind, HighAvailability: false, Location: Local, DefaultRuntime: true}
---
Gateway: {Name: gw, HttpPorts: [{Port: 80, Path: /}], TcpPorts: [], ServiceName: web, KubernetesRuntimeInstance: {Name: main}, WorkloadInstance: {Name: shop}}
---
DomainName: {Name: dom, Domain: example.org, Zone: Public, AdminEmail: a@b.example, WorkloadInstance: {Name: shop}}
---
DomainName: {Name: unused, Domain: example.net, Zone: Public, AdminEmail: a@b.example}
---
DomainNameInstance: {DomainNameDefinition: {Name: unused, Domain: example.net}, KubernetesWorkloadInstance: {Name: shop}}
";
    let wanted = read(text).unwrap();
    assert_eq!(
        names(&wanted),
        [
            "KubernetesRuntimeDefinition main",
            "KubernetesRuntimeInstance main",
            "DomainNameDefinition dom",
            "DomainNameDefinition unused",
            "GatewayDefinition gw",
            "DomainNameInstance shop-dom",
            "DomainNameInstance shop-unused",
            "GatewayInstance gw",
        ]
    );
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let refused = |text: &str| read(text).unwrap_err().sentence;
    assert!(refused("Nothing: {Name: a}\n").starts_with("shop.yaml: there is no document Nothing; there are "));
    assert!(
        refused("GatewayDefinition: {Name: a, Colour: red}\n")
            .starts_with("shop.yaml: GatewayDefinition has no field Colour; it has Name, HttpPorts")
    );
    assert!(refused("GatewayDefinition: {ServiceName: web}\n").contains("GatewayDefinition has no Name"));
    assert!(
        refused("AwsAccount: {Name: a, LocalConfig: x}\n").contains("LocalConfig stands for files of this machine")
    );
    assert!(refused("Workload: {Name: a, Secret: {}}\n").contains("Secret is not made by Causeway"));
    assert!(refused("GatewayInstance: {Name: a, GatewayDefinition: 7}\n").contains("must name a record"));
    let twice = "GatewayDefinition: {Name: a}\n---\nGatewayDefinition: {Name: a}\n";
    assert_eq!(
        refused(twice),
        "shop.yaml, document 2: GatewayDefinition a stands in shop.yaml, document 1, too; keep one of them"
    );
    assert_eq!(refused(""), "the files hold no document");
}

#[test]
fn manifests_stand_in_a_file_beside_the_document() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("shop.yaml"), "kind: x\n").unwrap();
    let text = "WorkloadDefinition: {Name: shop, YAMLDocument: shop.yaml}\n";
    let found = wanted(parse(text, "w.yaml", folder.path()).unwrap()).unwrap();
    assert_eq!(found[0].fields["YAMLDocument"], "kind: x\n");
    assert!(read(text).unwrap_err().sentence.contains("shop.yaml can't be read"));
}

fn runtime(id: i64, name: &str) -> (Kind, Value) {
    (
        Kind::KubernetesRuntimeInstance,
        json!({"ID": id, "Name": name, "Location": "Local", "KubernetesRuntimeDefinitionID": 1}),
    )
}

#[test]
fn a_plan_knows_what_stands_and_what_will() {
    let live = live(&[runtime(5, "main")]);
    let operations = planned(&workload(), &live, Mode::default()).unwrap();
    assert!(operations.iter().all(|one| one.verb == Verb::Create) && operations.len() == 6);
    let missing = planned(&workload(), &Live::default(), Mode::default()).unwrap_err();
    assert!(
        missing
            .sentence
            .contains("names kubernetes runtime instance main, which neither exists nor stands in the files"),
        "{}",
        missing.sentence
    );
    assert_eq!(missing.exit.code(), 3);
}

#[test]
fn the_cluster_is_found_when_none_is_named() {
    let mut live =
        live(&[(Kind::WorkloadInstance, json!({"ID": 3, "Name": "shop", "KubernetesRuntimeInstanceID": 9}))]);
    live.default_runtimes = vec![object(json!({"ID": 5, "Name": "main"}))];
    let text = "Gateway: {Name: gw, HttpPorts: [{Port: 80}], WorkloadInstance: {Name: shop}}\n";
    let at = |operations: &[Operation]| operations.last().unwrap().wanted.fields["KubernetesRuntimeInstanceID"].clone();
    assert_eq!(at(&planned(text, &live, Mode::default()).unwrap()), 9, "where its workload is");
    let text = format!("Workload: {{Name: other, YAMLDocument: \"{MANIFEST}\"}}\n");
    assert_eq!(at(&planned(&text, &live, Mode::default()).unwrap()), 5, "the default one");
    live.default_runtimes.push(object(json!({"ID": 6, "Name": "second"})));
    let refused = planned(&text, &live, Mode::default()).unwrap_err().sentence;
    assert!(
        refused.contains("names no KubernetesRuntimeInstance, and there are several, such as main and second"),
        "{refused}"
    );
    let text = format!(
        "{text}---\nKubernetesRuntime: {{Name: new, InfraProvider: kind, Location: Local, DefaultRuntime: true}}\n"
    );
    let operations = planned(&text, &live, Mode::default()).unwrap();
    assert_eq!(operations.last().unwrap().wanted.referred("KubernetesRuntimeInstanceID"), Some("new"));
}

#[test]
fn the_same_document_again_is_no_change() {
    let port = |id: i64, port: i64| json!({"ID": id, "GatewayDefinitionID": 7, "Port": port, "Path": "/", "TLSEnabled": false, "HTTPSRedirect": false});
    let stored = json!({"ID": 7, "Name": "gw", "ServiceName": "web", "Placement": "Shared", "HttpPorts": [port(8, 80)], "Generation": 4, "Reconciled": true});
    let live = live(&[(Kind::GatewayDefinition, stored)]);
    let verb = |text: &str, mode| planned(text, &live, mode).unwrap().remove(0).verb;
    assert_eq!(
        verb("GatewayDefinition: {Name: gw, ServiceName: web, HttpPorts: [{Port: 80}]}\n", Mode::default()),
        Verb::Unchanged
    );
    let Verb::Change(changes) = verb("GatewayDefinition: {Name: gw, HttpPorts: [{Port: 80}]}\n", Mode::default())
    else {
        panic!()
    };
    assert_eq!((changes.len(), changes[0].field, &changes[0].new), (1, "ServiceName", &Value::Null));
    let merge = Mode { merge: true, ..Mode::default() };
    assert_eq!(verb("GatewayDefinition: {Name: gw, HttpPorts: [{Port: 80}]}\n", merge), Verb::Unchanged);
    let Verb::Change(changes) = verb("GatewayDefinition: {Name: gw, InterruptReconciliation: true}\n", merge) else {
        panic!()
    };
    assert_eq!(changes[0].field, "InterruptReconciliation");
}

#[test]
fn a_put_keeps_what_a_document_cannot_say() {
    let stored = object(json!({
        "ID": 5, "Name": "main", "Location": "Local", "KubernetesRuntimeDefinitionID": 1, "APIEndpoint": "https://a:1", "Certificate": "PEM",
        "CertificateKey": "ciphertext", "Status": "remark", "DefaultRuntime": true,
    }));
    let text = "KubernetesRuntimeInstance: {Name: main, KubernetesRuntimeDefinition: kind, APIEndpoint: 'https://a:1', Certificate: PEM}\n";
    let wanted = read(text).unwrap().remove(0);
    let body = whole(&wanted, body(&wanted, |_, _| Some(1)).unwrap(), &stored);
    let expected = json!({
        "Name": "main", "Location": "Local", "KubernetesRuntimeDefinitionID": 1, "APIEndpoint": "https://a:1", "Certificate": "PEM",
        "CertificateKey": "ciphertext", "Status": "remark",
    });
    assert_eq!(Value::Object(body), expected);
}

#[test]
fn what_is_being_deleted_is_not_changed() {
    let live =
        live(&[(Kind::GatewayDefinition, json!({"ID": 7, "Name": "gw", "DeletionScheduled": "2026-01-01T00:00:00Z"}))]);
    let failure = planned("GatewayDefinition: {Name: gw}\n", &live, Mode::default()).unwrap_err();
    assert!(failure.sentence.ends_with("is being deleted; apply it again when it is gone"), "{}", failure.sentence);
    assert_eq!(failure.next.as_deref(), Some("causeway wait gateway-definition gw --for gone"));
}
