//! Who may do what: certificates, tokens, roles, and secrets that must not show anywhere.
//!
//! `make test-one T=access` runs it.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod accounts;
mod browsers;
mod callers;
mod certificates;
mod ciphertext;
mod dashboard;
mod database;
mod framing;
mod leaks;
mod manifests;
mod nats;
mod nats_files;
mod pki;
mod raw;
mod routes;
mod shared_gateways;
mod start;
mod tokens;
mod wire;

use causeway_rig::Endpoints;
use causeway_testkit::{ApiClient, ControlPlane, Credential, Setup, unique_name};
use pki::{Authority, Files};
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// A control plane that asks for tokens, and a caller of each role. Nothing here gets as far as a cluster.
struct Harness {
    platform: ControlPlane,
    nobody: ApiClient,
    viewer: ApiClient,
    editor: ApiClient,
    admin: ApiClient,
}

/// The control plane that the tests of tokens and roles share.
async fn harness() -> &'static Harness {
    static HARNESS: OnceCell<Harness> = OnceCell::const_new();
    HARNESS
        .get_or_init(|| async {
            let api_arguments = vec!["--auth".to_owned(), "tokens".to_owned()];
            let platform = control_plane("tokens", api_arguments).await;
            let nobody = ApiClient::new(&platform.url());
            let (viewer, editor, admin) =
                (token(&platform, "viewer").await, token(&platform, "editor").await, token(&platform, "admin").await);
            let (viewer, editor, admin) =
                (nobody.with_token(&viewer), nobody.with_token(&editor), nobody.with_token(&admin));
            Harness { platform, nobody, viewer, editor, admin }
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
struct TlsFixture {
    platform: ControlPlane,
    authority: Authority,
    files: Files,
    _folder: TempDir,
}

impl TlsFixture {
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
    fn client(&self, credential: Option<&Credential>) -> ApiClient {
        ApiClient::tls(&self.platform.https_url(), &self.authority.pem(), credential).unwrap()
    }

    /// Somebody with a certificate of the right authority.
    fn client_of(&self, name: &str, organization: &str) -> ApiClient {
        self.client(Some(&self.authority.client(name, organization).unwrap()))
    }
}

/// A token that `causeway-api token create` makes.
async fn token(platform: &ControlPlane, role: &str) -> String {
    let made = platform.run_api(&["token", "create", "--name", &unique_name(role), "--role", role]).await.unwrap();
    assert!(made.status.success(), "{made:?}");
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}
