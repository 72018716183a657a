//! Secrets with certificates that somebody brings. They carry no label of ours, so no watch of ours shows them: those that are named are read one by one,
//! and nothing of them is kept but names and times.

use causeway_records::inventory::ObjectRef;
use causeway_render::tls_secret::{BroughtCertificate, TLS_TYPE, TlsSecret};
use chrono::{DateTime, Utc};
use k8s_openapi::ByteString;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde_json::Value;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};

use super::{Cluster, ClusterError, bounds};

/// Names of a certificate that are looked at.
const MOST: usize = 100;

impl Cluster {
    /// What is in a Secret, seen at this time.
    ///
    /// # Errors
    /// As for every read of an object; Refused where reading Secrets is forbidden.
    pub async fn tls_secret(&self, at: &ObjectRef, now: DateTime<Utc>) -> Result<TlsSecret, ClusterError> {
        let found = self.get_builtin(at).await?;
        Ok(found.map_or(TlsSecret::Missing, |secret| read(secret.body(), now)))
    }
}

fn read(secret: &Value, now: DateTime<Utc>) -> TlsSecret {
    let kind = secret["type"].as_str().unwrap_or("Opaque");
    if kind != TLS_TYPE {
        return TlsSecret::OtherType(bounds::cut(kind.to_owned()));
    }
    // One that is null, or not there, is read as empty.
    let entry = |key: &str| {
        let value = serde_json::from_value::<ByteString>(secret["data"][key].clone()).ok();
        value.filter(|value| !value.0.is_empty())
    };
    if entry("tls.key").is_none() {
        return TlsSecret::Unusable("it has no tls.key".to_owned());
    }
    let certificate = entry("tls.crt").ok_or("it has no tls.crt").and_then(|pem| certificate(&pem.0, now));
    certificate.map_or_else(|why| TlsSecret::Unusable(why.to_owned()), TlsSecret::Certificate)
}

fn certificate(pem: &[u8], now: DateTime<Utc>) -> Result<BroughtCertificate, &'static str> {
    let der = CertificateDer::from_pem_slice(pem).map_err(|_| "tls.crt holds no certificate in PEM")?;
    let (_, parsed) = X509Certificate::from_der(&der).map_err(|_| "the certificate in tls.crt can't be read")?;
    let names = parsed.subject_alternative_name().ok().flatten();
    let names = names.iter().flat_map(|names| &names.value.general_names).filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(bounds::cut((*name).to_owned())),
        _ => None,
    });
    let time =
        |time: i64| DateTime::from_timestamp(time, 0).ok_or("the certificate in tls.crt has a time that is none");
    Ok(BroughtCertificate {
        names: names.take(MOST).collect(),
        not_before: time(parsed.validity().not_before.timestamp())?,
        not_after: time(parsed.validity().not_after.timestamp())?,
        seen_at: now,
    })
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};
    use serde_json::json;

    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-03-15T12:00:00Z".parse().unwrap()
    }

    fn pem() -> String {
        let names = ["shop.example.org", "*.example.org"].map(str::to_owned);
        let mut params = CertificateParams::new(names).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2026, 3, 10), date_time_ymd(2026, 3, 20));
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
    }

    fn secret(certificate: &str, key: &str) -> Value {
        let entry = |text: &str| serde_json::to_value(ByteString(text.as_bytes().to_vec())).unwrap();
        json!({"type": TLS_TYPE, "data": {"tls.crt": entry(certificate), "tls.key": entry(key)}})
    }

    #[test]
    fn of_a_certificate_names_and_times_are_kept() {
        let TlsSecret::Certificate(read) = read(&secret(&pem(), "key"), now()) else { panic!("it is one") };
        assert_eq!(read.names, ["shop.example.org", "*.example.org"]);
        assert_eq!(read.not_before.to_rfc3339(), "2026-03-10T00:00:00+00:00");
        assert_eq!(read.not_after.to_rfc3339(), "2026-03-20T00:00:00+00:00");
        assert_eq!(read.seen_at, now());
    }

    #[test]
    fn what_is_no_certificate_with_its_key_says_what_it_lacks() {
        let why = |secret: Value| match read(&secret, now()) {
            TlsSecret::Unusable(why) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(why(secret(&pem(), "")), "it has no tls.key");
        assert_eq!(why(json!({"type": TLS_TYPE, "data": {"tls.key": "a2V5"}})), "it has no tls.crt");
        assert_eq!(why(secret("nonsense", "key")), "tls.crt holds no certificate in PEM");
        let garbled = "-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n";
        assert_eq!(why(secret(garbled, "key")), "the certificate in tls.crt can't be read");
        assert_eq!(read(&json!({"type": "Opaque"}), now()), TlsSecret::OtherType("Opaque".into()));
        assert_eq!(read(&json!("nonsense"), now()), TlsSecret::OtherType("Opaque".into()));
    }
}
