//! Who may do what: certificates, tokens, roles, and secrets that must not show anywhere.
//!
//! Run it below `causeway-rig run -- cargo test -p causeway-tests --test access`.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod certificates;
mod ciphertext;
mod client;
mod leaks;
mod pki;
mod raw;
mod routes;
mod start;
mod tokens;

use causeway_rig::{
    Endpoints,
    platform::{ControlPlane, Setup},
};
use client::Client;
use pki::{Authority, Credential, Files};
use std::{future::Future, time::Duration};
use tempfile::TempDir;
use tokio::{sync::OnceCell, time::Instant};
use uuid::Uuid;

/// For what happens within seconds on a quiet machine.
const SOON: Duration = Duration::from_secs(60);

/// A control plane that asks for tokens, and a caller of each role. Nothing here gets as far as a cluster.
struct Stage {
    platform: ControlPlane,
    nobody: Client,
    viewer: Client,
    editor: Client,
    admin: Client,
}

/// The stage that the tests of tokens and roles share.
async fn stage() -> &'static Stage {
    static STAGE: OnceCell<Stage> = OnceCell::const_new();
    STAGE
        .get_or_init(|| async {
            let api_arguments = vec!["--auth".to_owned(), "tokens".to_owned()];
            let platform = control_plane("tokens", api_arguments).await;
            let nobody = Client::plain(&platform.url());
            let (viewer, editor, admin) =
                (token(&platform, "viewer").await, token(&platform, "editor").await, token(&platform, "admin").await);
            let (viewer, editor, admin) =
                (nobody.with_token(&viewer), nobody.with_token(&editor), nobody.with_token(&admin));
            Stage { platform, nobody, viewer, editor, admin }
        })
        .await
}

/// An API without workers, started with these arguments.
async fn control_plane(name: &str, api_arguments: Vec<String>) -> ControlPlane {
    start(Setup { workers: 0, api_arguments, ..Setup::for_test(name) }).await
}

async fn start(setup: Setup) -> ControlPlane {
    ControlPlane::start(&Endpoints::from_env().unwrap(), setup).await.unwrap()
}

/// An API with a certificate, and the authority of its clients.
struct Secure {
    platform: ControlPlane,
    authority: Authority,
    files: Files,
    _folder: TempDir,
}

impl Secure {
    /// `setup` with these ways to show who one is.
    async fn start(auth: &str, setup: Setup) -> Self {
        let (authority, folder) = (Authority::new("the right one").unwrap(), tempfile::tempdir().unwrap());
        let files = Files::write(folder.path(), &authority.server().unwrap(), &authority.pem()).unwrap();
        let api_arguments = [files.arguments(auth), setup.api_arguments].concat();
        let platform = start(Setup { api_arguments, ..setup }).await;
        Self { platform, authority, files, _folder: folder }
    }

    /// The same without workers.
    async fn api(name: &str, auth: &str, more: &[&str]) -> Self {
        let api_arguments = more.iter().map(|word| (*word).to_owned()).collect();
        Self::start(auth, Setup { workers: 0, api_arguments, ..Setup::for_test(name) }).await
    }

    /// Somebody with this certificate, or with none.
    fn client(&self, credential: Option<&Credential>) -> Client {
        Client::tls(&self.platform.https_url(), &self.authority.pem(), credential).unwrap()
    }

    /// Somebody with a certificate of the right authority.
    fn client_of(&self, name: &str, organization: &str) -> Client {
        self.client(Some(&self.authority.client(name, organization).unwrap()))
    }
}

/// A token that `causeway-api token create` makes.
async fn token(platform: &ControlPlane, role: &str) -> String {
    let made = platform.run_api(&["token", "create", "--name", &name(role), "--role", role]).await.unwrap();
    assert!(made.status.success(), "{made:?}");
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

/// A name that no other test has.
fn name(what: &str) -> String {
    format!("{what}-{}", &Uuid::new_v4().simple().to_string()[..8])
}

/// Asks again until the answer is as wanted.
#[track_caller]
fn until<F: Future<Output = bool>>(what: &str, check: impl Fn() -> F) -> impl Future<Output = ()> {
    let deadline = Instant::now() + SOON;
    async move {
        while !check().await {
            assert!(Instant::now() < deadline, "{what} has not happened within {SOON:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
