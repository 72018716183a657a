//! NATS that asks for credentials of a file, or whose certificate an authority of its own has signed; and settings of it that can't be used.

use std::{fs, path::Path};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use causeway_rig::{Endpoints, Nats, tools::Tools};
use causeway_testkit::{ControlPlane, Setup, unique_name, until};
use nkeys::KeyPair;
use serde_json::{Value, json};

use crate::{harness, pki::Authority};

/// What an issuer says of a subject, as NATS reads it.
fn token(issuer: &KeyPair, subject: &KeyPair, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let (issued_by, about) = (issuer.public_key(), subject.public_key());
    let claims =
        json!({"jti": about, "iat": 1_700_000_000, "iss": issued_by, "sub": about, "name": "test", "nats": claims});
    let signed = format!("{}.{}", part(&json!({"typ": "JWT", "alg": "ed25519-nkey"})), part(&claims));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(issuer.sign(signed.as_bytes()).unwrap()))
}

/// A server that knows one account, and a file with credentials of a user of it, who may use these subjects only.
async fn server_with_credentials(folder: &Path, subjects: &[String]) -> (Nats, String) {
    let (operator, account, user) = (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_user());
    let unlimited = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
    });
    let of_operator = token(&operator, &operator, &json!({"type": "operator", "version": 2}));
    let of_account = token(&operator, &account, &json!({"type": "account", "version": 2, "limits": unlimited}));
    let allowed = json!({"allow": subjects});
    let of_user =
        json!({"type": "user", "version": 2, "pub": allowed, "sub": allowed, "subs": -1, "data": -1, "payload": -1});
    let of_user = token(&account, &user, &of_user);
    let settings = folder.join("nats.conf");
    let text = format!(
        "operator: \"{of_operator}\"\nresolver: MEMORY\nresolver_preload: {{ {}: \"{of_account}\" }}\n",
        account.public_key()
    );
    fs::write(&settings, text).unwrap();
    let (file, seed) = (folder.join("nats.creds"), user.seed().unwrap());
    let text = format!(
        "-----BEGIN NATS USER JWT-----\n{of_user}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    );
    fs::write(&file, text).unwrap();
    let logs = Endpoints::from_env().unwrap().run_dir.join(unique_name("nats-creds"));
    let arguments = ["--config", settings.to_str().unwrap()];
    let server = Nats::start_with(&Tools::find().unwrap(), &logs, &arguments).await.unwrap();
    (server, file.display().to_string())
}

/// An API without workers that finds NATS by these settings, and logs everything.
async fn control_plane(nats_url: String, mut setup: Setup, files: &[(&str, &str)]) -> ControlPlane {
    setup.environment = files.iter().map(|(name, file)| ((*name).to_owned(), (*file).to_owned())).collect();
    setup.environment.push(("RUST_LOG".to_owned(), "trace".to_owned()));
    crate::start(Setup { nats_url: Some(nats_url), workers: 0, ..setup }).await
}

async fn is_connected(platform: &ControlPlane) -> bool {
    platform.client().try_get("/healthz").await.unwrap().body["NATS"] == "ok"
}

#[tokio::test]
async fn a_file_of_credentials_is_taken_and_shows_in_no_log() {
    let (folder, setup) = (tempfile::tempdir().unwrap(), Setup::for_test("nats_creds"));
    // What docs/security.md says is enough.
    let subjects = [format!("{}.wake.>", setup.name), format!("{}.events", setup.name)];
    let (server, file) = server_with_credentials(folder.path(), &subjects).await;
    let platform = control_plane(server.url(), setup, &[("NATS_CREDS", &file)]).await;
    until("the credentials are taken", async || is_connected(&platform).await).await;
    let account = json!({"Name": "hinted", "AccountID": "1", "DefaultRegion": "x"});
    platform.client().create("aws-accounts", &account).await.unwrap();
    let log = platform.api().log().unwrap();
    let seed = fs::read_to_string(&file).unwrap().lines().find(|line| line.starts_with("SU")).unwrap().to_owned();
    assert!(log.contains("connected successfully") && !log.contains(&seed), "the seed is logged");
    assert!(!log.contains("Permissions Violation") && !log.contains("permissions violation"), "{log}");
    platform.stop().await;

    let without = control_plane(server.url(), Setup::for_test("nats_no_creds"), &[]).await;
    until("an attempt without them", async || without.api().log().unwrap().contains("authorization violation")).await;
    assert!(!is_connected(&without).await, "the server takes anybody");
    without.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn a_server_is_trusted_only_with_a_certificate_of_the_given_authority() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, other) = (Authority::new("ours").unwrap(), Authority::new("other").unwrap());
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let server = ours.server().unwrap();
    let (certificate, key) = (write("server.crt", &server.certificate), write("server.key", &server.key));
    let (ca, wrong) = (write("ca.crt", &ours.pem()), write("other.crt", &other.pem()));
    let logs = Endpoints::from_env().unwrap().run_dir.join(unique_name("nats-tls"));
    let tools = Tools::find().unwrap();
    let tls = ["--tls", "--tlscert", &certificate, "--tlskey", &key];
    let encrypted = Nats::start_with(&tools, &logs, &tls).await.unwrap();
    let plain = Nats::start(&tools, &logs.join("plain")).await.unwrap();

    let right = control_plane(encrypted.url(), Setup::for_test("nats_ca"), &[("NATS_CA", &ca)]).await;
    until("the authority is trusted", async || is_connected(&right).await).await;
    right.stop().await;
    // One without TLS gets no login, whatever it says.
    for (url, file) in [(encrypted.url(), &wrong), (plain.url(), &ca)] {
        let refused = control_plane(url, Setup::for_test("nats_ca"), &[("NATS_CA", file)]).await;
        until("it tries", async || refused.api().log().unwrap().contains("connection attempt failed")).await;
        assert!(!is_connected(&refused).await, "it is trusted without a certificate of the authority");
        refused.stop().await;
    }
    encrypted.stop().await;
    plain.stop().await;
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_named_with_what_to_do() {
    let (platform, folder) = (&harness().await.platform, tempfile::tempdir().unwrap());
    let file = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let (empty, text) = (file("empty.pem", ""), file("text.creds", "no credentials"));
    let broken = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    let broken = file("broken.pem", broken);
    let url = |url: &str| format!("--nats-url={url}");
    for (arguments, sentence) in [
        (vec![url("nats://one:4222,")], "NATS_URL can't be used: it is empty"),
        (vec![url("nats://a:s3cret@one,nats://b:s3cret@two")], "NATS_URL has different logins"),
        (vec![url("nats://a:s3cret@one"), format!("--nats-creds={text}")], "leave one out"),
        (vec![format!("--nats-creds={text}")], "text.creds can't be used: cannot parse user JWT"),
        (vec!["--nats-creds=/absent.creds".into()], "/absent.creds can't be used"),
        (vec!["--nats-ca=/absent.pem".into()], "NATS_CA: /absent.pem can't be used"),
        (vec![format!("--nats-ca={empty}")], "empty.pem can't be used: it holds no certificate"),
        (vec![format!("--nats-ca={broken}")], "broken.pem can't be used"),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let serve = [&["serve", "--health-listen", "127.0.0.1:0"], &arguments[..]].concat();
        for ended in [platform.run_api(&serve).await.unwrap(), platform.run_workers(&arguments).await.unwrap()] {
            let said = String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap();
            assert!(!ended.status.success() && said.contains(sentence), "{arguments:?}: {said}");
            assert!(!said.contains("s3cret"), "{arguments:?}: {said}");
        }
    }
}
