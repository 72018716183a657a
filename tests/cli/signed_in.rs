//! Callers: tokens, roles, certificates, and contexts of both files.

use causeway_rig::Endpoints;
use causeway_testkit::{ControlPlane, Setup};

use crate::Cli;

async fn with_auth(name: &str, arguments: &[&str]) -> ControlPlane {
    let api_arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let setup = Setup { workers: 0, api_arguments, ..Setup::for_test(name) };
    ControlPlane::start(&Endpoints::from_env().unwrap(), setup).await.unwrap()
}

#[tokio::test]
async fn tokens_are_made_used_and_revoked() {
    let platform = with_auth("cli_tokens", &["--auth", "tokens"]).await;
    let made = platform.run_api(&["token", "create", "--name", "ops", "--role", "admin"]).await.unwrap();
    let admin = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let ops = Cli::new(&platform.url()).with("CAUSEWAY_TOKEN", &admin);
    let token = ops.done(&["token", "create", "ci", "--role", "viewer", "--expires", "1h"]).await;
    assert!(token.starts_with("causeway_") && token.lines().count() == 1, "{token}");
    assert_eq!(ops.done(&["token", "list", "-o", "name"]).await, "access-token/ops\naccess-token/ci\n");

    let ci = Cli::new(&platform.url()).with("CAUSEWAY_TOKEN", token.trim());
    ci.done(&["get", "gateways"]).await;
    let refused = ci.feed(&["apply", "-f", "-"], "GatewayDefinition: {Name: gw}\n").await;
    assert!(refused.code == 4 && refused.err.contains("editor"), "{refused:?}");
    ops.done(&["token", "revoke", "ci"]).await;
    assert_eq!(ci.run(&["get", "gateways"]).await.code, 4);
    let nobody = Cli::new(&platform.url()).run(&["get", "gateways"]).await;
    assert!(nobody.code == 4 && nobody.err.contains("next: causeway context list"), "{nobody:?}");
}

#[tokio::test]
async fn a_context_with_a_token_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let platform = with_auth("cli_contexts", &["--auth", "tokens"]).await;
    let made = platform.run_api(&["token", "create", "--name", "ops", "--role", "admin"]).await.unwrap();
    let mut cli = Cli::new(&platform.url());
    cli.file("token", &String::from_utf8(made.stdout).unwrap());
    cli.done(&["context", "add", "test", "--token-file", "token"]).await;
    cli.server = None;
    cli.done(&["get", "gateways"]).await;
    let listed = cli.json(&["context", "list"]).await;
    assert_eq!((&listed[0]["Name"], &listed[0]["Current"]), (&"test".into(), &true.into()));
    let path = cli.home().join(".config/causeway/config.yaml");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!std::fs::read_to_string(&path).unwrap().contains("causeway_"));
    cli.done(&["context", "remove", "test"]).await;
    assert_eq!(cli.json(&["context", "list"]).await, serde_json::json!([]));
}

#[tokio::test]
async fn threeports_configuration_is_a_context() {
    let certificates = tempfile::TempDir::new().unwrap();
    let folder = certificates.path().join("ca");
    let port = causeway_rig::free_port().unwrap();
    let address = format!("localhost:{port}");
    let any = with_auth("cli_ca", &[]).await;
    let made = any.run_api(&["dev-ca", folder.to_str().unwrap(), "--api-server", &address]).await.unwrap();
    assert!(made.status.success(), "{made:?}");
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (certificate, key, authority) = (file("server.crt"), file("server.key"), file("ca.crt"));
    let arguments = ["--auth", "mtls", "--tls-certificate", &certificate, "--tls-key", &key, "--client-ca", &authority];
    let api_arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let setup = Setup { workers: 0, api_arguments, port: Some(port), ..Setup::for_test("cli_mtls") };
    let _platform = ControlPlane::start(&Endpoints::from_env().unwrap(), setup).await.unwrap();

    let mut cli = Cli::new("");
    cli.server = None;
    let config = file("config.yaml");
    cli.done(&["get", "gateways", "--threeport-config", &config]).await;
    let listed = cli.json(&["context", "list", "--threeport-config", &config]).await;
    assert_eq!(listed[0]["Name"], "causeway");
    // The same as a context of ours, and one whose certificate the API doesn't know.
    let url = format!("https://{address}");
    let (client, client_key) = (file("viewer.crt"), file("viewer.key"));
    let add = [
        "context",
        "add",
        "viewer",
        "--server",
        &url,
        "--ca",
        &authority,
        "--client-certificate",
        &client,
        "--client-key",
        &client_key,
    ];
    cli.done(&add).await;
    cli.done(&["get", "gateways"]).await;
    let refused = cli.feed(&["apply", "-f", "-"], "GatewayDefinition: {Name: gw}\n").await;
    assert!(refused.code == 4 && refused.err.contains("editor"), "{refused:?}");
    cli.done(&["context", "add", "nobody", "--server", &url, "--ca", &authority, "--current"]).await;
    // The connection ends, with a reason or without one.
    let nobody = cli.run(&["get", "gateways"]).await;
    assert!(matches!(nobody.code, 4 | 5) && nobody.err.contains("doesn't answer"), "{nobody:?}");
}
