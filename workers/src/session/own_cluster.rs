//! The cluster that the workers themselves run in, and who they are there.
//!
//! A runtime without address and credentials may stand for it, and only where the operator of the workers has said so: else a record would lend
//! their identity to whoever writes records.

use super::Unavailable;
use causeway_cluster::{ClusterAccess, ClusterAuth};
use std::{
    fs,
    net::Ipv6Addr,
    path::{Path, PathBuf},
};

/// Variables in which a pod finds its API server.
const HOST: &str = "KUBERNETES_SERVICE_HOST";
const PORT: &str = "KUBERNETES_SERVICE_PORT";

/// What the workers may say for themselves in their own cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OwnCluster {
    /// Nothing: their operator hasn't allowed it.
    NotAllowed,
    /// It is allowed, but they run in no pod. Holds the variable that is missing or wrong.
    NoPod(&'static str),
    /// A service account.
    Pod {
        /// `https://10.96.0.1:443`.
        endpoint: String,
        /// Folder with `token` and `ca.crt`.
        folder: PathBuf,
    },
}

impl OwnCluster {
    /// `variable` reads one of the environment.
    pub(crate) fn find(is_allowed: bool, folder: &Path, variable: impl Fn(&str) -> Option<String>) -> Self {
        if !is_allowed {
            return Self::NotAllowed;
        }
        let Some(host) = variable(HOST).filter(|host| !host.is_empty()) else { return Self::NoPod(HOST) };
        let Some(port) = variable(PORT).and_then(|port| port.parse::<u16>().ok()) else { return Self::NoPod(PORT) };
        let host = if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]") } else { host };
        Self::Pod { endpoint: format!("https://{host}:{port}"), folder: folder.to_owned() }
    }

    /// How to reach it. The authority is read each time: when it is replaced, the connection is made anew.
    pub(super) fn access(&self) -> Result<ClusterAccess, Unavailable> {
        let (endpoint, folder) = match self {
            Self::Pod { endpoint, folder } => (endpoint.clone(), folder),
            Self::NotAllowed => {
                let message = "the runtime has ThreeportControlPlaneHost and neither APIEndpoint nor credentials, so it stands for the workers' own \
                    cluster, which these may not use; start them with --own-cluster (the chart's value workers.ownCluster.enabled), or send \
                    APIEndpoint with credentials";
                return Err(Unavailable::refused(Unavailable::OWN_CLUSTER_NOT_ALLOWED, message));
            }
            Self::NoPod(variable) => {
                let message = format!(
                    "the runtime stands for the workers' own cluster, but they run in no pod: {variable} names none; run all workers in that \
                     cluster, or send APIEndpoint with credentials"
                );
                return Err(Unavailable::refused("NotInCluster", message));
            }
        };
        let (token, authority) = (folder.join("token"), folder.join("ca.crt"));
        let unreadable = |path: &Path, why: &dyn std::fmt::Display| {
            let message = format!(
                "the workers' service account can't be read: {}: {why}; have their pods mount it (automountServiceAccountToken), or say where it is \
                 with --service-account",
                path.display()
            );
            Unavailable::refused("NoServiceAccount", message)
        };
        // The client reads it again and again; whether it can is said here.
        let opened =
            fs::File::open(&token).and_then(|file| file.metadata()).map_err(|error| unreadable(&token, &error))?;
        if opened.len() == 0 {
            return Err(unreadable(&token, &"it is empty"));
        }
        let ca_pem = fs::read_to_string(&authority).map_err(|error| unreadable(&authority, &error))?;
        Ok(ClusterAccess { endpoint, ca_pem: Some(ca_pem), auth: ClusterAuth::TokenFile(token), server_name: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn found(is_allowed: bool, host: Option<&str>, port: Option<&str>) -> OwnCluster {
        OwnCluster::find(is_allowed, Path::new("/account"), |name| {
            let value = match name {
                HOST => host,
                PORT => port,
                other => panic!("{other}"),
            };
            value.map(str::to_owned)
        })
    }

    fn endpoint(host: &str, port: &str) -> String {
        match found(true, Some(host), Some(port)) {
            OwnCluster::Pod { endpoint, .. } => endpoint,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_pod_finds_its_api_server_only_where_it_may() {
        assert_eq!(found(false, Some("10.96.0.1"), Some("443")), OwnCluster::NotAllowed);
        assert_eq!(endpoint("10.96.0.1", "443"), "https://10.96.0.1:443");
        assert_eq!(endpoint("fd00::1", "6443"), "https://[fd00::1]:6443");
        assert_eq!(endpoint("api.example.test", "443"), "https://api.example.test:443");
        for (host, port, missing) in [
            (None, Some("443"), HOST),
            (Some(""), Some("443"), HOST),
            (Some("10.96.0.1"), None, PORT),
            (Some("10.96.0.1"), Some("tcp://10.96.0.1:443"), PORT),
        ] {
            assert_eq!(found(true, host, port), OwnCluster::NoPod(missing), "{host:?} {port:?}");
        }
    }

    #[test]
    fn what_is_missing_is_said_with_the_next_step() {
        let folder = TempDir::new().unwrap();
        let pod = OwnCluster::Pod { endpoint: "https://10.96.0.1:443".into(), folder: folder.path().to_owned() };
        let says = |of: &OwnCluster, reason: &str, parts: &[&str]| {
            let why = of.access().unwrap_err();
            assert_eq!(why.reason, reason);
            parts
                .iter()
                .for_each(|part| assert!(why.message.contains(part), "`{}` does not say `{part}`", why.message));
        };
        says(&OwnCluster::NotAllowed, "OwnClusterNotAllowed", &["--own-cluster", "workers.ownCluster.enabled"]);
        says(&OwnCluster::NoPod(HOST), "NotInCluster", &[HOST, "send APIEndpoint with credentials"]);
        says(&pod, "NoServiceAccount", &["token", "automountServiceAccountToken", "--service-account"]);
        fs::write(folder.path().join("token"), "").unwrap();
        says(&pod, "NoServiceAccount", &["token: it is empty"]);
        fs::write(folder.path().join("token"), "t").unwrap();
        says(&pod, "NoServiceAccount", &["ca.crt"]);

        fs::write(folder.path().join("ca.crt"), "pem").unwrap();
        let access = pod.access().unwrap();
        assert_eq!((access.endpoint.as_str(), access.ca_pem.as_deref()), ("https://10.96.0.1:443", Some("pem")));
        assert_eq!(access.auth, ClusterAuth::TokenFile(folder.path().join("token")));
        fs::write(folder.path().join("ca.crt"), "other").unwrap();
        assert!(pod.access().unwrap() != access, "another authority is another access");
    }
}
