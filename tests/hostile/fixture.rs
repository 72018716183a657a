//! API and worker with TLS, tokens and a rate limit, as one would run them where strangers reach them; and the good cluster.

use causeway_rig::{ClusterEndpoints, Endpoints, Process, workspace_program};
use causeway_testkit::{ApiClient, ControlPlane, Setup, add_runtime, unique_name};
use std::{fs, path::Path, process::Command};
use tempfile::TempDir;

/// Of one caller. The good client sends fewer.
const REQUESTS_PER_SECOND: &str = "50";

pub(crate) struct Fixture {
    pub(crate) platform: ControlPlane,
    /// A good client, who may do everything.
    pub(crate) admin: ApiClient,
    /// The tokens of hostile ones.
    pub(crate) editor: String,
    pub(crate) viewer: String,
    pub(crate) cluster: ClusterEndpoints,
    /// The good cluster's runtime.
    pub(crate) runtime: i64,
    folder: TempDir,
}

impl Fixture {
    pub(crate) async fn start(name: &str) -> Self {
        let endpoints = Endpoints::from_env().unwrap();
        let cluster = endpoints.clusters.get(1).expect("run the rig with --extra-clusters 1").clone();
        let folder = tempfile::tempdir().unwrap();
        let (pki, bundles) = (folder.path().join("pki"), folder.path().join("bundles"));
        fs::create_dir(&bundles).unwrap();
        let made = Command::new(workspace_program("causeway-api").unwrap()).arg("dev-ca").arg(&pki).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        let file = |name: &str| pki.join(name).display().to_string();
        let api_arguments = [
            "--auth",
            "tokens",
            "--tls-certificate",
            &file("server.crt"),
            "--tls-key",
            &file("server.key"),
            "--requests-per-second",
            REQUESTS_PER_SECOND,
        ];
        let api_arguments = api_arguments.map(str::to_owned).to_vec();
        // No support service is installed here, so that workers need no bundles.
        let setup = Setup { api_arguments, bundles: Some(bundles), ..Setup::for_test(name) };
        let platform = ControlPlane::start(&endpoints, setup).await.unwrap();
        let (editor, viewer) = (token(&platform, "editor").await, token(&platform, "viewer").await);
        let authority = fs::read_to_string(pki.join("ca.crt")).unwrap();
        let admin = ApiClient::tls(&platform.https_url(), &authority, None).unwrap();
        let admin = admin.with_token(&token(&platform, "admin").await);
        let runtime = add_runtime(&admin, &cluster, "good").await.unwrap();
        Self { platform, admin, editor, viewer, cluster, runtime, folder }
    }

    /// Certificates that `causeway-api dev-ca` has made for 127.0.0.1.
    pub(crate) fn pki(&self, name: &str) -> std::path::PathBuf {
        Path::new(self.folder.path()).join("pki").join(name)
    }

    /// The API and the worker.
    pub(crate) fn programs(&self) -> impl Iterator<Item = &Process> {
        std::iter::once(self.platform.api()).chain(self.platform.workers())
    }

    pub(crate) async fn stop(self) {
        self.platform.stop().await;
    }
}

async fn token(platform: &ControlPlane, role: &str) -> String {
    let made = platform.run_api(&["token", "create", "--name", &unique_name(role), "--role", role]).await.unwrap();
    assert!(made.status.success(), "{made:?}");
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}
