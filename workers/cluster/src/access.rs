//! From a runtime's access data to a client.

use std::{path::PathBuf, sync::Arc, time::Duration};

use causeway_aws::{EksIdentity, EksTokens};
use k8s_openapi::ByteString;
use kube::{Client, Config, config::AuthInfo};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{ClusterError, cache, sign_in::TokenSource, transport};

/// For the TCP and TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For a connection on which nothing arrives. ObjectCache are silent for longer than any other answer takes, and bring their own end.
const READ_TIMEOUT: Duration = Duration::from_secs(cache::WINDOW.as_secs() + 30);

/// How to reach a cluster, decrypted. Never printed: [`std::fmt::Debug`] shows the endpoint only.
#[derive(Clone, PartialEq, Eq)]
pub struct ClusterAccess {
    /// `https://host:port`.
    pub endpoint: String,
    /// The certificates the API server's is signed with, as PEM; None for the system's.
    pub ca_pem: Option<String>,
    /// Who we are there.
    pub auth: ClusterAuth,
    /// The name that the API server's certificate carries, where that is not the endpoint's host.
    pub server_name: Option<String>,
}

/// Who we are in a cluster. What proves it can't be printed, whoever holds a part of it, and is wiped from memory when it is dropped.
#[derive(Clone, Debug)]
pub enum ClusterAuth {
    /// A client certificate.
    ClientCert {
        /// The certificate and what it is signed with.
        cert_pem: String,
        /// Its private key.
        key_pem: SecretString,
    },
    /// A bearer token.
    Token(SecretString),
    /// A file with a bearer token that somebody else writes anew before it expires, as a pod has one. It is read again at least once a minute.
    TokenFile(PathBuf),
    /// Tokens for a cluster of EKS, each made before the one before it ends. Another token is the same access.
    Eks(EksIdentity),
}

impl std::fmt::Debug for ClusterAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClusterAccess").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// Whether a connection is still the one that its record asks for. Both sides are ours, so nobody can measure how long it takes.
impl PartialEq for ClusterAuth {
    fn eq(&self, other: &Self) -> bool {
        let same = |a: &SecretString, b: &SecretString| a.expose_secret() == b.expose_secret();
        match (self, other) {
            (Self::Token(a), Self::Token(b)) => same(a, b),
            (Self::TokenFile(a), Self::TokenFile(b)) => a == b,
            (Self::Eks(a), Self::Eks(b)) => a == b,
            (Self::ClientCert { cert_pem: a, key_pem }, Self::ClientCert { cert_pem: b, key_pem: other }) => {
                a == b && same(key_pem, other)
            }
            _ => false,
        }
    }
}

impl Eq for ClusterAuth {}

impl ClusterAccess {
    /// A client for this access; nothing is sent yet. The process must have installed rustls's ring provider.
    pub(super) fn client(&self) -> Result<Client, ClusterError> {
        let tokens = match &self.auth {
            ClusterAuth::Eks(identity) => Some(Arc::new(TokenSource::new(EksTokens::new(identity.clone())))),
            _ => None,
        };
        transport::client(&self.config()?, tokens)
    }

    fn config(&self) -> Result<Config, ClusterError> {
        let uri: http::Uri = self
            .endpoint
            .parse()
            .map_err(|error| ClusterError::Access(format!("the endpoint {:?} is no URL: {error}", self.endpoint)))?;
        if uri.scheme() != Some(&http::uri::Scheme::HTTPS) {
            return Err(ClusterError::Access(format!("the endpoint {:?} does not begin with https://", self.endpoint)));
        }
        let mut config = Config::new(uri);
        config.root_cert = self.ca_pem.as_deref().map(certificates).transpose()?;
        config.tls_server_name = self.server_name.clone();
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        config.read_timeout = Some(READ_TIMEOUT);
        config.reset_reader_on_write = true;
        // Whoever asks decides whether to try again: it knows about leases and about other records that wait.
        config.default_retry = false;
        config.auth_info = match &self.auth {
            ClusterAuth::Token(token) => serde_json::from_value(json!({"token": token.expose_secret()})),
            ClusterAuth::TokenFile(path) => serde_json::from_value(json!({"tokenFile": path})),
            ClusterAuth::ClientCert { cert_pem, key_pem } => serde_json::from_value(json!({
                "client-certificate-data": ByteString(cert_pem.clone().into_bytes()),
                "client-key-data": ByteString(key_pem.expose_secret().as_bytes().to_vec()),
            })),
            // A layer of its own shows them.
            ClusterAuth::Eks(_) => Ok(AuthInfo::default()),
        }
        // The message of the error could quote the secret.
        .map_err(|_| ClusterError::Access("the credentials have no usable form".to_owned()))?;
        Ok(config)
    }
}

fn certificates(pem: &str) -> Result<Vec<Vec<u8>>, ClusterError> {
    let unusable = |why: String| ClusterError::Access(format!("the CA certificate is no PEM certificate{why}"));
    let certificates = CertificateDer::pem_slice_iter(pem.as_bytes())
        .map(|certificate| certificate.map(|der| der.to_vec()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unusable(format!(": {error}")))?;
    if certificates.is_empty() { Err(unusable(String::new())) } else { Ok(certificates) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_aws::{Account, Credentials};

    fn access(endpoint: &str, ca_pem: Option<&str>) -> ClusterAccess {
        ClusterAccess {
            endpoint: endpoint.into(),
            ca_pem: ca_pem.map(Into::into),
            auth: ClusterAuth::Token("very-secret".into()),
            server_name: None,
        }
    }

    #[test]
    fn unusable_access_data_say_which_part() {
        let message = |access: ClusterAccess| access.config().map(|_| ()).unwrap_err().to_string();
        assert!(message(access("not a url", None)).contains("endpoint"));
        assert!(message(access("http://127.0.0.1:8080", None)).contains("https"));
        assert!(message(access("https://127.0.0.1", Some("nothing"))).contains("CA certificate"));
        assert!(access("https://127.0.0.1", None).config().is_ok());
    }

    #[test]
    fn secrets_are_never_printed() {
        let access = access("https://127.0.0.1", None);
        let key = ClusterAuth::ClientCert { cert_pem: "public".into(), key_pem: "very-secret".into() };
        let ClusterAuth::Token(token) = &access.auth else { panic!("it is a token") };
        // Also of a part that somebody takes out, and in long form.
        for printed in
            [format!("{access:?} {:?} {token:?} {key:?}", access.auth), format!("{access:#?} {token:#?} {key:#?}")]
        {
            assert!(!printed.contains("very-secret"), "{printed}");
        }
        assert!(format!("{key:?}").contains("public"), "what is no secret may be seen");
    }

    #[test]
    fn other_credentials_are_another_access() {
        let with = |auth| ClusterAccess { auth, ..access("https://127.0.0.1", None) };
        let cert = |key: &str| ClusterAuth::ClientCert { cert_pem: "a".into(), key_pem: key.into() };
        let token = |token: &str| ClusterAuth::Token(token.into());
        assert!(with(token("a")) == with(token("a")) && with(cert("k")) == with(cert("k")));
        let file = |path: &str| ClusterAuth::TokenFile(path.into());
        assert!(with(file("a")) == with(file("a")));
        let eks = |id: &str, cluster: &str| {
            let credentials = Credentials::Keys { id: id.into(), secret: "very-secret".into() };
            let account = Account { credentials, role: None, region: "eu-central-1".into() };
            ClusterAuth::Eks(EksIdentity { account, cluster: cluster.into() })
        };
        assert!(with(eks("a", "shop")) == with(eks("a", "shop")), "whatever tokens are made of it");
        assert!(with(eks("a", "shop")) != with(eks("b", "shop")) && with(eks("a", "shop")) != with(eks("a", "web")));
        assert!(!format!("{:#?}", eks("a", "shop")).contains("very-secret"));
        for (one, other) in
            [(token("a"), token("b")), (cert("k"), cert("l")), (cert("k"), token("k")), (file("a"), file("b"))]
        {
            assert!(with(one) != with(other));
        }
    }
}
