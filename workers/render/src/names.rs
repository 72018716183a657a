//! Every name that Causeway gives to an object in a cluster, in one place. No name depends on a field that a client may change.
//!
//! They build upon the object name of a record (`<slug>-<id>`, at most 60 characters, unique in a cluster). Names of listeners stay
//! within 63 characters, because some controllers make labels and Service ports of them; those of Certificates within 52, because
//! cert-manager cuts the names of what it makes there. All others are free to take up to 253.

use causeway_records::inputs::ListenerKey;
use sha2::{Digest, Sha256};

/// Where the cert-manager that we install looks for the Secrets of ClusterIssuers.
pub const CERT_MANAGER_NAMESPACE: &str = "cert-manager";

/// A ListenerSet of a shared gateway, numbered from 0: `<object name>-<ordinal>`.
pub fn listener_set(object_name: &str, ordinal: i32) -> String {
    format!("{object_name}-{ordinal}")
}

/// A listener, unique in its Gateway and in all its ListenerSets: `http-80`, `https-443-shop-example-org-0a1b2c3d4e`.
pub fn listener(key: &ListenerKey) -> String {
    let start = format!("{}-{}", key.protocol.in_gateway_api().to_ascii_lowercase(), key.port);
    match &key.hostname {
        None => start,
        Some(hostname) => format!("{start}-{}", readable(hostname, hostname, 40)),
    }
}

/// The Certificate of a hostname on a Gateway, and the Secret it is kept in: `shop-example-org-0a1b2c3d4e`. The object name of the
/// Gateway's record is in the hash, so that two Gateways in one namespace may both serve a hostname.
pub fn certificate(object_name: &str, hostname: &str) -> String {
    readable(hostname, &format!("{object_name}/{hostname}"), 40)
}

/// The Certificate of all hostnames of a domain on a Gateway, and its Secret: `wildcard-example-org-0a1b2c3d4e`.
pub fn wildcard_certificate(object_name: &str, domain: &str) -> String {
    readable(&format!("*.{domain}"), &format!("{object_name}/wildcard/{domain}"), 40)
}

/// The ClusterIssuer of a domain for one Gateway: `<object name>-<id of the domain>`.
pub fn cluster_issuer(object_name: &str, domain_name_definition_id: i64) -> String {
    format!("{object_name}-{domain_name_definition_id}")
}

/// The Secret in which cert-manager keeps the key of the ACME account of a ClusterIssuer: `<name>-account`.
pub fn acme_account(cluster_issuer: &str) -> String {
    format!("{cluster_issuer}-account")
}

/// The Secret with the key that binds the ACME account of a ClusterIssuer to one that the authority knows: `<name>-external-account`.
pub fn acme_external_account(cluster_issuer: &str) -> String {
    format!("{cluster_issuer}-external-account")
}

/// The Secret with an AWS account's keys for DNS-01: `<object name>-route53-<id of the account>`.
pub fn route53_credentials(object_name: &str, aws_account_id: i64) -> String {
    format!("{object_name}-route53-{aws_account_id}")
}

/// A route of a gateway instance. `part` counts from 0 where one port needs several: `<object name>-https-443`, `…-https-443-1`.
pub fn route(object_name: &str, key: &ListenerKey, part: usize) -> String {
    let whole = format!("{object_name}-{}-{}", key.protocol.in_gateway_api().to_ascii_lowercase(), key.port);
    if part == 0 { whole } else { format!("{whole}-{part}") }
}

/// A route of a gateway instance with rules of its own, by its place among those of its kind: `<object name>-http-80-rules-0`, `…-rules-0-1`. `part` as in
/// [`route`].
pub fn route_with_rules(object_name: &str, kind: &str, ordinal: usize, key: &ListenerKey, part: usize) -> String {
    let whole = format!("{}-{kind}-{ordinal}", route(object_name, key, 0));
    if part == 0 { whole } else { format!("{whole}-{part}") }
}

/// The permission for a gateway instance's routes to send to a Service in another namespace: its object name.
pub fn reference_grant(object_name: &str) -> String {
    object_name.to_owned()
}

/// The DNS records of a gateway in a hosted zone, for a domain name instance: `<object name of the latter>-<id of the gateway instance>-<zone>`.
pub fn dns_endpoint(object_name: &str, gateway_instance_id: i64, hosted_zone: &str) -> String {
    format!("{object_name}-{gateway_instance_id}-{}", hosted_zone.to_ascii_lowercase())
}

/// A hostname as a label of DNS of at most `longest` + 11 characters: as much of it as fits, and a hash of `identity`.
fn readable(hostname: &str, identity: &str, longest: usize) -> String {
    let plain: String = hostname.replace('*', "wildcard").replace('.', "-").chars().take(longest).collect();
    let hash = format!("{:x}", Sha256::digest(identity.as_bytes()));
    format!("{}-{}", plain.trim_matches('-'), &hash[..10])
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::inputs::Protocol;

    fn is_label(name: &str, longest: usize) -> bool {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        name.len() <= longest && name.chars().all(inner) && !name.starts_with('-') && !name.ends_with('-')
    }

    /// The longest that the database makes: a slug of 40 characters, a hyphen, 19 digits.
    fn object_name() -> String {
        format!("{}-{}", "x".repeat(40), i64::MAX)
    }

    fn hostnames() -> [String; 4] {
        let long = [&"a".repeat(63), &"b".repeat(63), &"c".repeat(63), &"d".repeat(61)].map(String::as_str).join(".");
        ["*.example.org".into(), format!("{}.org", "a".repeat(39)), format!("{}-b.c.org", "a".repeat(38)), long]
    }

    #[test]
    fn names_are_labels_of_their_length() {
        let name = object_name();
        for hostname in hostnames() {
            for protocol in Protocol::ALL {
                let key = ListenerKey { port: 65535, protocol: *protocol, hostname: Some(hostname.clone()) };
                assert!(is_label(&listener(&key), 63), "{}", listener(&key));
                assert!(is_label(&route(&name, &key, 99), 253));
            }
            for certificate in [certificate(&name, &hostname), wildcard_certificate(&name, &hostname)] {
                assert!(is_label(&certificate, 52), "{certificate}");
            }
        }
        let issuer = cluster_issuer(&name, i64::MAX);
        for long in [
            acme_account(&issuer),
            route53_credentials(&name, i64::MAX),
            dns_endpoint(&name, i64::MAX, &"Z".repeat(32)),
            listener_set(&name, i32::MAX),
            reference_grant(&name),
        ] {
            assert!(is_label(&long, 253), "{long}");
        }
    }

    #[test]
    fn names_tell_apart_what_looks_alike() {
        let key =
            |hostname: &str| ListenerKey { port: 443, protocol: Protocol::Https, hostname: Some(hostname.into()) };
        assert_ne!(listener(&key("a-b.c")), listener(&key("a.b-c")));
        assert_ne!(certificate("one-1", "a.b"), certificate("two-2", "a.b"));
        assert_ne!(certificate("one-1", "*.a.b"), wildcard_certificate("one-1", "a.b"), "each has an owner of its own");
        assert_eq!(listener(&ListenerKey { hostname: None, ..key("") }), "https-443");
    }
}
