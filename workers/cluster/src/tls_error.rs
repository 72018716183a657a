//! What TLS says of an API server's certificate, and what a person can do about it.

use rustls::CertificateError;

/// What TLS says, however deep it is wrapped.
pub(crate) fn tls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(source) = next {
        if let Some(found) = source.downcast_ref() {
            return Some(found);
        }
        // An I/O error shows the source of what it wraps, not what it wraps.
        next = match source.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => source.source(),
        };
    }
    None
}

/// What a person can do about a certificate that isn't trusted.
pub(crate) fn remedy(error: &rustls::Error) -> Option<&'static str> {
    let rustls::Error::InvalidCertificate(error) = error else { return None };
    Some(match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "renew the API server's certificate",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "compare the clock of this machine with that of the API server"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "take a host for APIEndpoint that stands in the certificate, or have the certificate made for this one"
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "have a certificate made for the API server that allows server authentication"
        }
        CertificateError::Revoked => "renew the API server's certificate, which was revoked",
        _ => {
            "send the certificate of the authority that signed it as CACertificate, or the server's own (certificate-authority-data of a kubeconfig that works)"
        }
    })
}
