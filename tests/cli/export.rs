//! `export --all | apply -f -` writes nothing, over every kind that a document can bring.

use causeway_records::{Kind, noun::Info, nouns};
use std::collections::BTreeSet;

use crate::{
    Cli, api,
    versions::{versions, written},
};

/// One record of every kind, with fields that are not as they are by default.
const EVERY_KIND: &str = r#"
KubernetesRuntime: {Name: "main: eu", InfraProvider: kind, Location: Local, DefaultRuntime: true, NodeMaximum: 3}
---
AwsAccount:
  Name: account
  AccountID: "123456789012"
  DefaultRegion: eu-central-1
  AccessKeyID: AKIAEXAMPLE
  SecretAccessKey: s3cret
  KubernetesRuntimeInstances: [{Name: "main: eu"}]
---
WorkloadDefinition:
  Name: shop
  YAMLDocument: |
    # A comment, "quotes", a tab	and trailing spaces:   
    apiVersion: v1
    kind: Service
    metadata: {name: web}
    spec:
      ports: [{port: 80}]
    ---
    apiVersion: v1
    kind: Secret
    metadata: {name: hidden}
    stringData: {password: "true", also: 'no', lines: "a\nb"}
---
WorkloadInstance: {Name: shop, WorkloadDefinition: shop, InterruptReconciliation: true}
---
DomainNameDefinition:
  Name: example
  Domain: example.org
  Zone: Public
  AdminEmail: ops@example.org
  AwsAccount: {Name: account}
  HostedZoneID: Z0123456789ABCDEFGHIJ
  TTL: 60
  IssuerKind: SelfSigned
---
DomainNameInstance: {Name: "null", DomainNameDefinition: example, WorkloadInstance: shop}
---
GatewayDefinition:
  Name: shop
  DomainNameDefinition: {Name: example}
  Hostnames: [shop.example.org, api.example.org]
  ServiceName: web
  Placement: Dedicated
  AllowedRoutes: All
  Addresses: ["10.0.0.7"]
  Infrastructure: {Labels: {team: "7"}, Annotations: {a/b: "yes"}}
  HttpPorts: [{Port: 80, HTTPSRedirect: true}, {Port: 443, TLSEnabled: true, Path: /api, ServicePort: 80}, {Port: 8443, TLSEnabled: true}]
  TcpPorts: [{Port: 5432}, {Port: 6380, TLSEnabled: true, TLSMode: Passthrough, Hostnames: [shop.example.org]}]
  UdpPorts: [{Port: 53, ServicePort: 53}]
  HttpRoutes:
    - Ports: [443]
      Hostnames: [api.example.org]
      Rules: [{matches: [{path: {value: /v2}, headers: [{name: version, value: "2"}]}], backendRefs: [{name: web, port: 80, weight: 1}]}]
  GrpcRoutes: [{Ports: [8443], Hostnames: [shop.example.org], Rules: [{matches: [{method: {service: shop.v1.Cart}}], backendRefs: [{name: web, port: 80}]}]}]
---
Webhook:
  Name: hook
  URL: https://hooks.example.org/causeway
  Kinds: [gateway-instances]
  Secret: whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=
---
GatewayInstance: {Name: shop, GatewayDefinition: shop, WorkloadInstance: shop}
---
GatewayGrant: {Name: grant, WorkloadInstance: shop, GrantedWorkloadInstance: shop, ServiceNames: [web]}
---
SharedGateway: {Name: shared, KubernetesRuntimeInstance: "main: eu", GatewayClassName: own, Addresses: ["10.0.0.8"]}
---
SupportServiceInstance: {Name: certificates, KubernetesRuntimeInstance: "main: eu", Service: cert-manager, KeepOnDelete: true}
"#;

async fn filled(name: &str) -> (causeway_testkit::ControlPlane, Cli) {
    let (platform, cli) = api(name).await;
    let ran = cli.feed(&["apply", "-f", "-"], EVERY_KIND).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    (platform, cli)
}

#[tokio::test]
async fn what_is_exported_and_applied_again_writes_nothing() {
    let (platform, cli) = filled("export").await;
    let text = cli.done(&["export", "--all"]).await;
    let kinds: BTreeSet<_> = text.lines().filter(|line| !line.starts_with([' ', '-'])).collect();
    let expected: BTreeSet<_> = documented().map(|info| format!("{}:", info.kind)).collect();
    assert_eq!(kinds, expected.iter().map(String::as_str).collect(), "{text}");
    assert!(!text.contains("s3cret") && !text.contains("AKIAEXAMPLE"), "{text}");

    let before = versions(&platform).await;
    let again = cli.feed(&["apply", "-f", "-"], &text).await;
    assert_eq!(again.code, 0, "{again:?}");
    assert!(
        again.out.lines().all(|line| line.starts_with("unchanged")) && again.out.lines().count() == expected.len(),
        "{}",
        again.out
    );
    let diff = cli.feed(&["diff", "-f", "-"], &text).await;
    assert_eq!((diff.code, diff.out.as_str()), (0, ""), "{diff:?}");
    assert_eq!(written(&before, &versions(&platform).await), Vec::<String>::new());
}

#[tokio::test]
async fn what_get_prints_as_yaml_applies_too() {
    let (platform, cli) = filled("get_yaml").await;
    let before = versions(&platform).await;
    for info in documented() {
        let text = cli.done(&["describe", info.plural, &name_of(&cli, info.plural).await, "-o", "yaml"]).await;
        let again = cli.feed(&["apply", "-f", "-"], &text).await;
        assert_eq!((again.code, again.out.starts_with("unchanged")), (0, true), "{again:?} {text}");
    }
    assert_eq!(written(&before, &versions(&platform).await), Vec::<String>::new());
}

/// The kinds that a document can bring. A set of documents is none.
fn documented() -> impl Iterator<Item = &'static &'static Info> {
    nouns::ALL.iter().filter(|info| info.named() && info.kind != Kind::ApplySet)
}

async fn name_of(cli: &Cli, plural: &str) -> String {
    let records = cli.json(&["get", plural]).await;
    records[0]["Name"].as_str().unwrap_or_else(|| panic!("no {plural}: {records}")).to_owned()
}

#[tokio::test]
async fn what_is_exported_makes_the_same_elsewhere() {
    let (_one, cli) = filled("export_from").await;
    let (_other, elsewhere) = api("export_to").await;
    let text = cli.done(&["export", "--all"]).await;
    let made = elsewhere.feed(&["apply", "-f", "-"], &text).await;
    assert!(made.code == 0 && made.out.lines().all(|line| line.starts_with("created")), "{made:?}");
    assert_eq!(elsewhere.done(&["export", "--all"]).await, text);
}
