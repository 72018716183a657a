//! Whether a Secret that somebody has brought is good for a hostname.

use super::NotReady;
use crate::{
    observed::Seen,
    tls_secret::{BroughtCertificate, TLS_TYPE, TlsSecret},
};
use causeway_records::inventory::ObjectRef;
use chrono::{DateTime, Utc};

/// Why it is not. None also where nobody may look: then the listener tells.
pub(super) fn tls_secret_not_ready(hostname: &str, at: &ObjectRef, seen: &Seen) -> Option<NotReady> {
    let what = format!("{at} with the certificate for {hostname}");
    Some(match TlsSecret::find(at, seen)? {
        TlsSecret::Missing => {
            NotReady::failed("SecretNotFound", format!("{what} is not in the cluster; create it with type {TLS_TYPE}"))
        }
        TlsSecret::OtherType(other) => {
            let message = format!("{what} has type {other}; TLSSecretName needs one of type {TLS_TYPE}");
            NotReady::failed("SecretInvalid", message)
        }
        TlsSecret::Unusable(why) => NotReady::failed("SecretInvalid", format!("{what} can't be used: {why}")),
        TlsSecret::Certificate(certificate) => return unfit(&what, hostname, &certificate),
    })
}

fn unfit(what: &str, hostname: &str, certificate: &BroughtCertificate) -> Option<NotReady> {
    let BroughtCertificate { names, not_before, not_after, seen_at } = certificate;
    let minute = |time: &DateTime<Utc>| time.format("%Y-%m-%d %H:%M UTC").to_string();
    if !names.iter().any(|name| is_for(name, hostname)) {
        let names = if names.is_empty() { "no hostname".to_owned() } else { names.join(", ") };
        let message = format!("{what} is for {names}; put one for {hostname} there");
        return Some(NotReady::failed("WrongHostname", message));
    }
    if seen_at > not_after {
        let message = format!("{what} ended at {}; put a new one there", minute(not_after));
        return Some(NotReady::failed("CertificateEnded", message));
    }
    if seen_at < not_before {
        let message = format!("{what} begins at {} only; put one there that is valid now", minute(not_before));
        return Some(NotReady::failed("NotYetValid", message));
    }
    None
}

/// Whether a name in a certificate is for a hostname. A wildcard stands for one label.
fn is_for(name: &str, hostname: &str) -> bool {
    let rest = |name: &str| name.split_once('.').map(|(_, rest)| rest.to_ascii_lowercase());
    name.eq_ignore_ascii_case(hostname) || name.starts_with("*.") && rest(name) == rest(hostname)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls_secret::secret_ref;

    const HOST: &str = "shop.example.org";

    fn time(day: u32) -> DateTime<Utc> {
        format!("2026-03-{day:02}T12:00:00Z").parse().unwrap()
    }

    fn certificate(names: &[&str], seen_at: u32) -> TlsSecret {
        let names = names.iter().map(ToString::to_string).collect();
        let (not_before, not_after) = (time(10), time(20));
        TlsSecret::Certificate(BroughtCertificate { names, not_before, not_after, seen_at: time(seen_at) })
    }

    fn told(secret: Option<TlsSecret>) -> Option<(String, String)> {
        let at = secret_ref("shop-1", "shop-tls");
        let seen = secret.map(|secret| (at.clone(), secret.observed(at.clone()))).into_iter().collect();
        let not_ready = tls_secret_not_ready(HOST, &at, &seen)?;
        assert!(!not_ready.pending);
        Some((not_ready.reason, not_ready.message))
    }

    #[test]
    fn a_certificate_for_the_hostname_or_the_wildcard_above_it_is_good() {
        for names in [&[HOST][..], &["other.test", "SHOP.example.org"], &["*.example.org"]] {
            assert_eq!(told(Some(certificate(names, 15))), None, "{names:?}");
        }
        assert_eq!(told(None), None, "nobody could look, and the listener tells");
    }

    #[test]
    fn what_is_wrong_is_named_with_what_to_do() {
        for (secret, reason, part) in [
            (TlsSecret::Missing, "SecretNotFound", "is not in the cluster; create it with type kubernetes.io/tls"),
            (TlsSecret::OtherType("Opaque".into()), "SecretInvalid", "has type Opaque; TLSSecretName needs"),
            (TlsSecret::Unusable("tls.crt is no PEM".into()), "SecretInvalid", "can't be used: tls.crt is no PEM"),
            (
                certificate(&["*.shop.example.org", "example.org"], 15),
                "WrongHostname",
                "is for *.shop.example.org, example.org;",
            ),
            (certificate(&[], 15), "WrongHostname", "is for no hostname; put one for shop.example.org there"),
            (certificate(&[HOST], 21), "CertificateEnded", "ended at 2026-03-20 12:00 UTC; put a new one there"),
            (certificate(&[HOST], 9), "NotYetValid", "begins at 2026-03-10 12:00 UTC only"),
        ] {
            let (found, sentence) = told(Some(secret)).unwrap();
            assert_eq!(found, reason);
            let start = "Secret shop-1/shop-tls with the certificate for shop.example.org ";
            assert!(sentence.starts_with(start) && sentence.contains(part), "{sentence}");
        }
    }
}
