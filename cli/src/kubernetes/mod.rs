//! The few requests to a Kubernetes API server that setting things up needs. Everything else about clusters is the workers' work.

pub(crate) mod access;
pub(crate) mod rights;

use kube::{
    Client, Config,
    config::{AuthInfo, KubeConfigOptions, Kubeconfig},
};
use std::path::Path;

use crate::{
    exit::Exit,
    failure::{Failure, Outcome},
};

/// As the service account of this pod.
pub(crate) fn of_pod() -> Outcome<Client> {
    let config = Config::incluster().map_err(|error| Failure::usage(format!("this is no pod: {error}")))?;
    client(config)
}

/// As the user of a context of a kubeconfig, however that signs in; None: of its current context.
pub(crate) async fn of_kubeconfig(path: &Path, context: Option<&str>) -> Outcome<Client> {
    client(config(path, context).await?)
}

/// In the cluster of a context, as the holder of this token.
pub(crate) async fn with_token(path: &Path, context: Option<&str>, token: String) -> Outcome<Client> {
    let mut config = config(path, context).await?;
    config.auth_info = AuthInfo { token: Some(token.into()), ..AuthInfo::default() };
    client(config)
}

async fn config(path: &Path, context: Option<&str>) -> Outcome<Config> {
    let unusable = |error: kube::config::KubeconfigError| Failure::usage(error.to_string()).at(path.display());
    let kubeconfig = Kubeconfig::read_from(path).map_err(unusable)?;
    let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
    Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(unusable)
}

fn client(config: Config) -> Outcome<Client> {
    // Only the first one in a process counts, and all are the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::try_from(config).map_err(|error| failure("the cluster can't be called", &error))
}

/// Why a request didn't succeed.
pub(crate) fn failure(what: &str, error: &kube::Error) -> Failure {
    match error {
        kube::Error::Api(status) => {
            Failure::new(Exit::of_status(status.code), &status.reason, format!("{what}: {}", status.message))
        }
        other => Failure::new(Exit::Unreachable, "Unreachable", format!("{what}: {other}")),
    }
}
