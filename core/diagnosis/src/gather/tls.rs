//! The handshake, whoever signed: what is wrong with a certificate is found out afterwards, and told.

use crate::evidence::TlsSeen;
use chrono::DateTime;
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};

/// Names of a certificate that are kept, and characters of a text.
const MOST: usize = 100;

pub(super) struct Client {
    verifier: Arc<WebPkiServerVerifier>,
}

impl Client {
    pub(super) fn new() -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err("this machine knows no authorities: install ca-certificates".to_owned());
        }
        let verifier = WebPkiServerVerifier::builder(Arc::new(roots)).build();
        Ok(Self { verifier: verifier.map_err(|error| format!("the authorities can't be used: {error}"))? })
    }

    /// Shakes hands, and tells what the server presented.
    pub(super) async fn connect(
        &self,
        stream: TcpStream,
        name: &str,
    ) -> Result<(TlsSeen, TlsStream<TcpStream>), String> {
        let watch = Arc::new(Watch { verifier: Arc::clone(&self.verifier), untrusted: Mutex::default() });
        let config = ClientConfig::builder().dangerous().with_custom_certificate_verifier(watch.clone());
        let connector = TlsConnector::from(Arc::new(config.with_no_client_auth()));
        let server = ServerName::try_from(name.to_owned()).map_err(|error| error.to_string())?;
        let stream = connector.connect(server, stream).await.map_err(|error| error.to_string())?;
        let presented = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let mut seen = read(presented.ok_or("the server presents no certificate")?)?;
        seen.untrusted = watch.untrusted.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok((seen, stream))
    }
}

fn read(certificate: &CertificateDer<'_>) -> Result<TlsSeen, String> {
    let (_, parsed) =
        X509Certificate::from_der(certificate).map_err(|error| format!("its certificate can't be read: {error}"))?;
    let names = parsed.subject_alternative_name().ok().flatten();
    let names = names.iter().flat_map(|names| &names.value.general_names).filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(cut(name)),
        _ => None,
    });
    Ok(TlsSeen {
        names: names.take(MOST).collect(),
        issuer: cut(&parsed.issuer().to_string()),
        not_after: DateTime::from_timestamp(parsed.validity().not_after.timestamp(), 0).unwrap_or_default(),
        untrusted: None,
    })
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MOST).collect()
}

/// Accepts every chain, and remembers why it would not have.
#[derive(Debug)]
struct Watch {
    verifier: Arc<WebPkiServerVerifier>,
    untrusted: Mutex<Option<String>>,
}

impl ServerCertVerifier for Watch {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Err(error) = self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        {
            *self.untrusted.lock().unwrap_or_else(PoisonError::into_inner) = Some(cut(&error.to_string()));
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
