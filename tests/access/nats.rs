//! The login of NATS shows in no log, however much is logged.

use causeway_rig::{Endpoints, Nats, tools::Tools};
use causeway_testkit::{ControlPlane, Setup, unique_name, until};

/// A control plane that logs everything, and has this login for the server.
async fn control_plane(nats: &Nats, login: &str) -> ControlPlane {
    let bundles = tempfile::tempdir().unwrap();
    let nats_url = Some(nats.url().replacen("://", &format!("://{login}@"), 1));
    let environment = vec![("RUST_LOG".to_owned(), "trace".to_owned())];
    let bundles_folder = Some(bundles.path().to_owned());
    crate::start(Setup { nats_url, environment, bundles: bundles_folder, ..Setup::for_test("nats_login") }).await
}

/// Both programs have tried to connect, and nothing that they have logged has one of these texts.
async fn assert_not_logged(platform: &ControlPlane, secrets: &[&str]) {
    for program in [platform.api(), &platform.workers()[0]] {
        // What the client of NATS itself logs is there, too.
        until("an attempt to connect", async || program.log().unwrap().contains("attempting connection")).await;
        let log = program.log().unwrap();
        for secret in secrets {
            let line = log.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{} has logged {secret}", program.name());
        }
    }
}

async fn is_connected(platform: &ControlPlane) -> bool {
    platform.client().try_get("/healthz").await.unwrap().body["NATS"] == "ok"
}

#[tokio::test]
async fn no_login_of_nats_is_logged() {
    let endpoints = Endpoints::from_env().unwrap();
    let (tools, logs) = (Tools::find().unwrap(), endpoints.run_dir.join(unique_name("nats-login")));
    let (password, token) = (unique_name("5ecret-password"), unique_name("5ecret-token"));

    let nats = Nats::start_with(&tools, &logs, &["--user", "causeway", "--pass", &password]).await.unwrap();
    let platform = control_plane(&nats, &format!("causeway:{password}")).await;
    until("the login is taken", async || is_connected(&platform).await).await;
    assert_not_logged(&platform, &[&password]).await;
    platform.stop().await;

    // A server that wants another login says so, and repeats none.
    let wrong = unique_name("5ecret-wrong");
    let platform = control_plane(&nats, &format!("causeway:{wrong}")).await;
    assert_not_logged(&platform, &[&wrong, &password]).await;
    assert!(!is_connected(&platform).await, "the server takes any login");
    platform.stop().await;
    nats.stop().await;

    let nats = Nats::start_with(&tools, &logs, &["--auth", &token]).await.unwrap();
    let platform = control_plane(&nats, &token).await;
    until("the token is taken", async || is_connected(&platform).await).await;
    assert_not_logged(&platform, &[&token]).await;
    platform.stop().await;
    nats.stop().await;
}
