//! What `apply`, `diff` and `delete` do to records that stand.

use causeway_testkit::ControlPlane;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection, Row};

use crate::{
    api,
    versions::{versions, written},
};

const GATEWAY: &str = "GatewayDefinition:
  Name: gw
  ServiceName: web
  HttpPorts: [{Port: 80}, {Port: 8080}]
  TcpPorts: [{Port: 22}]
";

async fn ports(cli: &crate::Cli, plural: &str) -> Vec<i64> {
    let ports = cli.json(&["get", plural]).await;
    let mut ports: Vec<_> = ports.as_array().unwrap().iter().map(|port| port["Port"].as_i64().unwrap()).collect();
    ports.sort_unstable();
    ports
}

#[tokio::test]
async fn a_document_is_the_whole_intent() {
    let (_platform, cli) = api("whole").await;
    let file = cli.file("gw.yaml", GATEWAY);
    let file = file.to_str().unwrap();
    assert!(cli.done(&["apply", "-f", file]).await.starts_with("created     GatewayDefinition gw"));

    cli.file("gw.yaml", "GatewayDefinition: {Name: gw, HttpPorts: [{Port: 80}]}\n");
    let diff = cli.run(&["diff", "-f", file]).await;
    assert_eq!(diff.code, 1, "{diff:?}");
    assert!(diff.out.contains("- ServiceName: web") && diff.out.contains("Port: 8080"), "{}", diff.out);
    assert_eq!(ports(&cli, "gateway-http-ports").await, [80, 8080], "diff writes nothing");

    let applied = cli.json(&["apply", "-f", file]).await;
    assert_eq!(
        (&applied[0]["Result"], &applied[0]["Fields"]),
        (&json!("changed"), &json!(["HttpPorts", "TcpPorts", "ServiceName"]))
    );
    assert_eq!((ports(&cli, "gateway-http-ports").await, ports(&cli, "gateway-tcp-ports").await), (vec![80], vec![]));
    assert_eq!(cli.json(&["get", "gateway-definition", "gw"]).await.get("ServiceName"), None);

    let merged =
        cli.feed(&["apply", "--merge", "-f", "-"], "GatewayDefinition: {Name: gw, ServiceName: front}\n").await;
    assert!(merged.out.starts_with("changed     GatewayDefinition gw   ServiceName"), "{merged:?}");
    assert_eq!(ports(&cli, "gateway-http-ports").await, [80]);
    let same = cli.feed(&["apply", "--merge", "-f", "-"], "GatewayDefinition: {Name: gw, ServiceName: front}\n").await;
    assert!(same.out.starts_with("unchanged"), "{same:?}");
}

const RUNTIME: &str = "KubernetesRuntimeDefinition: {Name: main, InfraProvider: kind}
---
KubernetesRuntimeInstance:
  Name: main
  Location: Local
  KubernetesRuntimeDefinition: main
  APIEndpoint: https://127.0.0.1:1
  ConnectionToken: a-token
";

async fn ciphertext(platform: &ControlPlane) -> Option<String> {
    let mut connection = PgConnection::connect(&platform.database_url()).await.unwrap();
    let row = sqlx::query("SELECT connection_token FROM kubernetes_runtime_instances").fetch_one(&mut connection).await;
    row.unwrap().get(0)
}

#[tokio::test]
async fn secrets_are_written_when_they_are_asked_for_and_never_lost() {
    let (platform, cli) = api("secrets").await;
    let file = cli.file("main.yaml", RUNTIME);
    let file = file.to_str().unwrap();
    cli.done(&["apply", "-f", file]).await;
    let first = ciphertext(&platform).await;
    let before = versions(&platform).await;
    let again = cli.run(&["apply", "-f", file]).await;
    assert!(again.code == 0 && again.err.contains("--send-secrets"), "{again:?}");
    assert_eq!(written(&before, &versions(&platform).await), Vec::<String>::new());
    let exported = cli.done(&["export", "--all"]).await;
    let again = cli.feed(&["apply", "-f", "-"], &exported).await;
    assert!(again.code == 0 && again.out.lines().all(|line| line.starts_with("unchanged")), "{again:?}");
    assert_eq!(written(&before, &versions(&platform).await), Vec::<String>::new());
    // A document without the secret leaves it, whatever else it changes.
    let without = RUNTIME.replace("  ConnectionToken: a-token\n", "  DefaultRuntime: true\n");
    let changed = cli.feed(&["apply", "-f", "-"], &without).await;
    assert!(
        changed.code == 0 && changed.out.contains("changed     KubernetesRuntimeInstance main   DefaultRuntime"),
        "{changed:?}"
    );
    assert_eq!(ciphertext(&platform).await, first);
    cli.done(&["apply", "-f", file, "--send-secrets"]).await;
    assert_ne!(ciphertext(&platform).await, first);
}

#[tokio::test]
async fn what_was_refused_says_what_stands_and_what_to_do() {
    let (_platform, cli) = api("refused").await;
    // Nothing is sent while a file can be seen to be wrong.
    let wrong =
        format!("{GATEWAY}---\nGatewayInstance: {{Name: gw, GatewayDefinition: gw, WorkloadInstance: nobody}}\n");
    let ran = cli.feed(&["apply", "-f", "-"], &wrong).await;
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(
        ran.err.contains("names workload instance nobody, which neither exists nor stands in the files"),
        "{ran:?}"
    );
    assert!(ran.err.contains("next: causeway get workload-instances"), "{ran:?}");
    assert_eq!(cli.json(&["get", "gateway-definitions"]).await, json!([]));
    // A value that the noun doesn't allow is seen there, too.
    let taken = "DomainNameDefinition: {Name: a, Domain: a.example, Zone: Public, AdminEmail: a@a.example}
---
GatewayDefinition: {Name: one, DomainNameDefinition: a, HttpPorts: [{Port: 70000}]}
";
    let ran = cli.feed(&["apply", "-f", "-", "-o", "json"], taken).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    let sentence = told["Error"].as_str().unwrap();
    assert!(
        sentence.starts_with("stdin, document 2: GatewayDefinition one: HttpPorts[0].Port: 70000 is out of range"),
        "{sentence}"
    );
}

#[tokio::test]
async fn files_are_deleted_in_reverse() {
    let (_platform, cli) = api("delete").await;
    let text = "DomainNameDefinition: {Name: a, Domain: a.example, Zone: Public, AdminEmail: a@a.example}
---
AwsAccount: {Name: a, AccountID: '1', DefaultRegion: x}
";
    cli.feed(&["apply", "-f", "-"], text).await;
    let gone = cli.feed(&["delete", "-f", "-"], text).await;
    assert_eq!((gone.code, gone.out.lines().count()), (0, 2), "{gone:?}");
    assert_eq!(cli.json(&["get", "aws-accounts"]).await, json!([]));
    let again = cli.feed(&["delete", "-f", "-"], text).await;
    assert!(again.code == 0 && again.err.contains("AwsAccount a is not there"), "{again:?}");
}
