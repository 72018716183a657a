//! Which certificate of an API server is trusted.
//!
//! One that is signed by an authority that the runtime's record gives, as everywhere. And one that the record gives itself: `kubectl` takes such a
//! certificate, whether it calls itself an authority or not, and webpki takes it only if it is self-signed and doesn't.

use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        VerifierBuilderError, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use x509_parser::{parse_x509_certificate, time::ASN1Time};

/// A verifier that trusts these certificates and what they sign.
pub(crate) fn verifier(given: &[Vec<u8>]) -> Result<Arc<dyn ServerCertVerifier>, TrustError> {
    let given: Vec<_> = given.iter().map(|der| CertificateDer::from(der.clone())).collect();
    let mut authorities = RootCertStore::empty();
    for certificate in &given {
        authorities.add(certificate.clone())?;
    }
    Ok(Arc::new(GivenOrSigned { signed: WebPkiServerVerifier::builder(Arc::new(authorities)).build()?, given }))
}

/// Why the given certificates can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrustError {
    #[error("CACertificate: {0}")]
    Certificate(#[from] Error),
    #[error("CACertificate: {0}")]
    Verifier(#[from] VerifierBuilderError),
}

#[derive(Debug)]
struct GivenOrSigned {
    signed: Arc<WebPkiServerVerifier>,
    given: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for GivenOrSigned {
    fn verify_server_cert(
        &self,
        presented: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.signed.verify_server_cert(presented, intermediates, name, ocsp_response, now) {
            Err(error) if is_about_the_signer(&error) && self.given.iter().any(|given| given == presented) => {
                is_for_server(presented, now)?;
                verify_server_name(&ParsedCertificate::try_from(presented)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signed.supported_verify_schemes()
    }
}

/// Nothing is wrong but who signed it: nobody known, or itself as an authority.
fn is_about_the_signer(error: &Error) -> bool {
    match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => true,
        // rustls has no word of its own for this one.
        Error::InvalidCertificate(CertificateError::Other(other)) => other.to_string().contains("CaUsedAsEndEntity"),
        _ => false,
    }
}

/// What else is asked of a certificate: its time, and that it may be a server's.
fn is_for_server(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let invalid = |why: CertificateError| Err(Error::InvalidCertificate(why));
    let (Ok((_, parsed)), Ok(seconds)) = (parse_x509_certificate(certificate), i64::try_from(now.as_secs())) else {
        return invalid(CertificateError::BadEncoding);
    };
    let Ok(now) = ASN1Time::from_timestamp(seconds) else { return invalid(CertificateError::BadEncoding) };
    if now > parsed.validity().not_after {
        return invalid(CertificateError::Expired);
    }
    if now < parsed.validity().not_before {
        return invalid(CertificateError::NotValidYet);
    }
    match parsed.extended_key_usage() {
        Ok(None) => Ok(()),
        Ok(Some(usage)) if usage.value.server_auth || usage.value.any => Ok(()),
        Ok(Some(_)) => invalid(CertificateError::InvalidPurpose),
        Err(_) => invalid(CertificateError::BadEncoding),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::{Json, Router, routing::get};
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
        date_time_ymd,
    };
    use rustls::{
        ServerConfig,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    };
    use serde_json::json;
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::{TlsAcceptor, server::TlsStream};

    use crate::{Cluster, ClusterAccess, ClusterAuth, ClusterError, UnreachableCause};

    /// A certificate and its key, as a server has them.
    struct Own {
        pem: String,
        der: Vec<u8>,
        key: KeyPair,
    }

    fn parameters(change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
        let mut parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        change(&mut parameters);
        parameters
    }

    fn self_signed(change: impl FnOnce(&mut CertificateParams)) -> Own {
        let key = KeyPair::generate().unwrap();
        let certificate = parameters(change).self_signed(&key).unwrap();
        Own { pem: certificate.pem(), der: certificate.der().to_vec(), key }
    }

    fn authority(parameters: &mut CertificateParams) {
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }

    /// A server's certificate and the authority that signed it.
    fn signed() -> (Own, String) {
        let mut of_authority = CertificateParams::default();
        of_authority.distinguished_name.push(DnType::CommonName, "authority");
        authority(&mut of_authority);
        let by = CertifiedIssuer::self_signed(of_authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = parameters(|_| ()).signed_by(&key, &by).unwrap();
        (Own { pem: certificate.pem(), der: certificate.der().to_vec(), key }, by.pem())
    }

    struct Tls {
        tcp: TcpListener,
        acceptor: TlsAcceptor,
    }

    impl axum::serve::Listener for Tls {
        type Io = TlsStream<TcpStream>;
        type Addr = SocketAddr;

        async fn accept(&mut self) -> (Self::Io, Self::Addr) {
            loop {
                let (connection, from) = self.tcp.accept().await.unwrap();
                // A client that doesn't trust us hangs up.
                if let Ok(tls) = self.acceptor.accept(connection).await {
                    return (tls, from);
                }
            }
        }

        fn local_addr(&self) -> std::io::Result<SocketAddr> {
            self.tcp.local_addr()
        }
    }

    /// Asks a server with this certificate, as a runtime whose CACertificate is `given`.
    async fn asked(own: &Own, given: &str) -> Result<String, ClusterError> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.key.serialize_der()));
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![own.der.clone().into()], key);
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("https://{}", tcp.local_addr().unwrap());
        let version = json!({
            "major": "1", "minor": "36", "gitVersion": "v1.36.3", "gitCommit": "", "gitTreeState": "", "buildDate": "",
            "goVersion": "", "compiler": "", "platform": "",
        });
        let answers = Router::new().route("/version", get(async || Json(version)));
        let listener = Tls { tcp, acceptor: TlsAcceptor::from(std::sync::Arc::new(config.unwrap())) };
        tokio::spawn(async move { axum::serve(listener, answers).await });
        let auth = ClusterAuth::Token("token".into());
        let access = ClusterAccess { endpoint, ca_pem: Some(given.to_owned()), auth, server_name: None };
        let version = Cluster::connect(&access)?.client().apiserver_version().await;
        version.map(|version| version.git_version).map_err(|error| ClusterError::from_client(&error))
    }

    #[tokio::test]
    async fn a_certificate_that_is_given_or_signed_by_a_given_one_is_trusted() {
        let (leaf, authority_pem) = signed();
        let (plain, own_authority) = (self_signed(|_| ()), self_signed(authority));
        let both = format!("{authority_pem}{}", own_authority.pem);
        let cases = [
            ("signed by a given one", &leaf, &authority_pem),
            ("given, and signed by another", &leaf, &leaf.pem),
            ("given, self-signed, no authority", &plain, &plain.pem),
            ("given, self-signed, an authority", &own_authority, &own_authority.pem),
            ("one of several", &own_authority, &both),
        ];
        for (case, own, given) in cases {
            let answer = asked(own, given).await;
            assert_eq!(answer.as_deref(), Ok("v1.36.3"), "{case}");
        }
    }

    #[tokio::test]
    async fn any_other_certificate_is_refused_and_the_sentence_says_what_to_do() {
        let (leaf, _) = signed();
        let given = self_signed(authority);
        let elsewhere = self_signed(|parameters| {
            authority(parameters);
            parameters.subject_alt_names =
                CertificateParams::new(vec!["other.test".to_owned()]).unwrap().subject_alt_names;
        });
        let expired = self_signed(|parameters| {
            authority(parameters);
            parameters.not_after = date_time_ymd(2020, 1, 1);
        });
        let future = self_signed(|parameters| {
            authority(parameters);
            parameters.not_before = date_time_ymd(2099, 1, 1);
            parameters.not_after = date_time_ymd(2100, 1, 1);
        });
        let of_client = self_signed(|parameters| {
            authority(parameters);
            parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        });
        let send_it = "send the certificate of the authority that signed it as CACertificate";
        let cases = [
            ("the same name, another key", &self_signed(authority), &given.pem, send_it),
            ("nobody's", &self_signed(|_| ()), &given.pem, send_it),
            ("signed by another", &leaf, &given.pem, send_it),
            ("another host", &elsewhere, &elsewhere.pem, "take a host for APIEndpoint that stands in the certificate"),
            ("too old", &expired, &expired.pem, "renew the API server's certificate"),
            ("too new", &future, &future.pem, "clock"),
            ("a client's", &of_client, &of_client.pem, "server authentication"),
        ];
        for (case, own, given, says) in cases {
            let error = asked(own, given).await.unwrap_err();
            let ClusterError::Unreachable { cause, message, .. } = &error else { panic!("{case}: {error:?}") };
            assert_eq!(*cause, UnreachableCause::TlsFailed, "{case}: {message}");
            assert!(message.contains(says), "{case}: `{message}` does not say `{says}`");
        }
    }
}
