//! How the API may be started, and with what for development.

use base64::{Engine, engine::general_purpose::STANDARD};
use causeway_manifests::Budget;
use causeway_testkit::{ApiClient, ControlPlane, Credential};
use serde_json::Value;
use std::{fs, os::unix::fs::PermissionsExt, process::Output};

use crate::{
    control_plane, harness,
    pki::{Authority, Files},
};

/// What the API says when it doesn't start.
async fn refusal(platform: &ControlPlane, arguments: &[&str]) -> String {
    let probes =
        if arguments.contains(&"--health-listen") { &[] as &[&str] } else { &["--health-listen", "127.0.0.1:0"] };
    let ended = platform.run_api(&[&["serve"], probes, arguments].concat()).await.unwrap();
    assert!(!ended.status.success(), "{arguments:?} was taken");
    String::from_utf8(ended.stderr).unwrap()
}

#[tokio::test]
async fn it_does_not_start_open_to_other_machines() {
    let platform = &harness().await.platform;
    let says = |arguments: &'static [&'static str], sentence: &'static str| async move {
        let refusal = refusal(platform, arguments).await;
        assert!(refusal.contains(sentence), "{arguments:?}: {refusal}");
    };
    says(&["--listen", "0.0.0.0:0"], "there is no authentication; listen on 127.0.0.1, or say --auth").await;
    says(&["--listen", "[::]:0"], "there is no authentication").await;
    says(&["--listen", "[::ffff:127.0.0.1]:0"], "there is no authentication").await;
    says(&["--listen", "0.0.0.0:0", "--auth", "none"], "there is no authentication").await;
    says(&["--health-listen", "0.0.0.0:0"], "0.0.0.0:0 can be reached from other machines").await;
    says(&["--listen", "0.0.0.0:0", "--auth", "tokens"], "tokens would travel in plain text").await;
    says(&["--auth", "none,tokens"], "can't stand beside").await;
    says(&["--auth", "mtls"], "mtls needs --client-ca").await;
    says(&["--auth", "passwords"], "possible values: none, mtls, tokens").await;
    says(&["--auth", ""], "possible values: none, mtls, tokens").await;
    let absent = ["--auth", "tokens", "--tls-certificate", "/absent.crt", "--tls-key", "/absent.key"];
    let refusal = refusal(platform, &absent).await;
    assert!(refusal.contains("can't read /absent.crt"), "{refusal}");
}

/// Then nobody could show a certificate that counts, and the key would be read each time.
#[tokio::test]
async fn it_does_not_start_with_a_key_in_the_place_of_an_authority() {
    let (authority, folder) = (Authority::new("the right one").unwrap(), tempfile::tempdir().unwrap());
    let server = authority.server().unwrap();
    let files = Files::write(folder.path(), &server, &server.key).unwrap();
    let arguments = files.arguments("mtls");
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let refusal = refusal(&harness().await.platform, &arguments).await;
    assert!(refusal.contains("clients.crt holds no certificate"), "{refusal}");
    assert!(!refusal.contains("PRIVATE KEY"), "{refusal}");
}

/// During a change of keys a typing error is likely, and what is printed is in the log.
#[tokio::test]
async fn no_key_is_repeated_when_one_is_broken() {
    let platform = &harness().await.platform;
    let keys = format!("{},c2hvcnQ=", STANDARD.encode([7; 32]));
    let check = |command: &[&str], ended: Output| {
        let said = String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap();
        assert!(!ended.status.success() && said.contains("encryption key number 2"), "{command:?}: {said}");
        assert!(!said.contains("c2hvcnQ") && !said.contains(&keys[..8]), "{command:?}: {said}");
    };
    let broken = ["--encryption-key", &keys];
    for command in [&["serve", "--health-listen", "127.0.0.1:0"][..], &["keys", "status"], &["keys", "re-encrypt"]] {
        check(command, platform.run_api(&[command, &broken].concat()).await.unwrap());
    }
    check(&["causeway-workers"], platform.run_workers(&broken).await.unwrap());
}

#[tokio::test]
async fn the_development_authority_fits_the_server_and_threeport() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("pki");
    let dev_ca = ["dev-ca", at.to_str().unwrap(), "--host", "api.example"];
    let platform = &harness().await.platform;
    let made = platform.run_api(&dev_ca).await.unwrap();
    assert!(made.status.success(), "{made:?}");
    assert!(String::from_utf8(made.stdout).unwrap().contains("--client-ca"), "it says what to do with them");
    let again = platform.run_api(&dev_ca).await.unwrap();
    assert!(String::from_utf8(again.stderr).unwrap().contains("is there already"), "nothing is overwritten");
    let text = |name: &str| fs::read_to_string(at.join(name)).unwrap();
    for name in ["ca.key", "server.key", "admin.key", "config.yaml"] {
        assert_eq!(fs::metadata(at.join(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }

    let path = |name: &str| at.join(name).display().to_string();
    let files = [path("server.crt"), path("server.key"), path("ca.crt")];
    let flags = ["--tls-certificate", "--tls-key", "--client-ca"].map(str::to_owned);
    let mut arguments = vec!["--auth".to_owned(), "mtls".to_owned()];
    arguments.extend(flags.into_iter().zip(files).flat_map(|(flag, file)| [flag, file]));
    let platform = control_plane("dev_ca", arguments).await;
    for (role, code) in [("viewer", 403), ("editor", 403), ("admin", 200)] {
        let credential = Credential { certificate: text(&format!("{role}.crt")), key: text(&format!("{role}.key")) };
        let client = ApiClient::tls(&platform.https_url(), &text("ca.crt"), Some(&credential)).unwrap();
        client.try_get("/v0/events").await.unwrap().answered(200);
        client.try_get("/v0/access-tokens").await.unwrap().answered(code);
    }

    // As Threeport's command line reads it.
    let config: Value = causeway_manifests::read_documents(&text("config.yaml"), &Budget::default()).unwrap().remove(0);
    let control_plane = &config["ControlPlanes"][0];
    assert_eq!((&config["CurrentControlPlane"], &control_plane["AuthEnabled"]), (&control_plane["Name"], &true.into()));
    let decoded = |value: &Value| String::from_utf8(STANDARD.decode(value.as_str().unwrap()).unwrap()).unwrap();
    let credential = &control_plane["Credentials"][0];
    let credential =
        Credential { certificate: decoded(&credential["ClientCert"]), key: decoded(&credential["ClientKey"]) };
    let client = ApiClient::tls(&platform.https_url(), &decoded(&control_plane["CACert"]), Some(&credential)).unwrap();
    client.with_authorization("Bearer ").try_get("/v0/access-tokens").await.unwrap().answered(200);
}
