//! The files of certificates and key. They are read again when they change, and a broken new file leaves the old one in use.

use crate::config::SecuritySettings;
use anyhow::{Context, Result};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use std::{fs, path::Path, path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::watch;

/// How often the files are read.
const READ_EVERY: Duration = Duration::from_secs(5);

/// Paths of certificates and key.
#[derive(Clone, Debug)]
pub(crate) struct TlsFiles {
    certificate: PathBuf,
    key: PathBuf,
    /// Authorities of client certificates, and whether a connection without such a certificate ends at once.
    clients: Option<(PathBuf, bool)>,
}

#[derive(PartialEq)]
struct TlsContents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    clients: Option<Vec<u8>>,
}

impl TlsFiles {
    /// None: plain http.
    pub(crate) fn from_settings(settings: &SecuritySettings) -> Option<Self> {
        let (certificate, key) = settings.tls_certificate.clone().zip(settings.tls_key.clone())?;
        // Where tokens count too, a caller without a certificate may have a token.
        let clients = settings.client_ca.clone().map(|ca| (ca, !settings.takes_tokens()));
        Some(Self { certificate, key, clients })
    }

    fn read(&self) -> Result<TlsContents> {
        let read = |path: &Path| fs::read(path).with_context(|| format!("can't read {}", path.display()));
        let clients = self.clients.as_ref().map(|(path, _)| read(path)).transpose()?;
        Ok(TlsContents { certificate: read(&self.certificate)?, key: read(&self.key)?, clients })
    }

    fn config(&self, contents: &TlsContents) -> Result<ServerConfig> {
        let builder = ServerConfig::builder();
        let builder = match self.clients.as_ref().zip(contents.clients.as_ref()) {
            None => builder.with_no_client_auth(),
            Some(((path, required), pem)) => {
                let mut roots = RootCertStore::empty();
                for root in certificates(path, pem)? {
                    roots.add(root).with_context(|| format!("{} holds no authority", path.display()))?;
                }
                let verifier = WebPkiClientVerifier::builder(roots.into());
                let verifier = if *required { verifier } else { verifier.allow_unauthenticated() };
                builder.with_client_cert_verifier(verifier.build()?)
            }
        };
        let chain = certificates(&self.certificate, &contents.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&contents.key)
            .with_context(|| format!("{} holds no key in PEM", self.key.display()))?;
        let mut config = builder
            .with_single_cert(chain, key)
            .with_context(|| format!("{} and {} don't go together", self.certificate.display(), self.key.display()))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Reads the files, and again from time to time. Fails when they can't be used now; later failures are logged.
    pub(crate) fn watch(self) -> Result<watch::Receiver<Arc<ServerConfig>>> {
        let contents = self.read()?;
        let (sender, config) = watch::channel(Arc::new(self.config(&contents)?));
        tokio::spawn(self.follow(contents, sender));
        Ok(config)
    }

    async fn follow(self, contents: TlsContents, sender: watch::Sender<Arc<ServerConfig>>) {
        let mut seen = Ok(contents);
        let mut ticks = tokio::time::interval(READ_EVERY);
        while !sender.is_closed() {
            ticks.tick().await;
            let found = self.read().map_err(|error| format!("{error:#}"));
            if found == seen {
                continue;
            }
            let config = match &found {
                Ok(contents) => self.config(contents).map_err(|error| format!("{error:#}")),
                Err(error) => Err(error.clone()),
            };
            match config {
                Ok(config) => {
                    sender.send_replace(Arc::new(config));
                    tracing::info!("new certificates are in use for new connections");
                }
                Err(error) => tracing::error!(error, "the new certificates can't be used; the old ones stay in use"),
            }
            seen = found;
        }
    }
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .with_context(|| format!("{} is no PEM", path.display()))?;
    anyhow::ensure!(!found.is_empty(), "{} holds no certificate", path.display());
    Ok(found)
}
