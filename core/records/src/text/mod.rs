//! Texts and numbers that are checked once and valid ever after: names, hostnames, paths, ports and the like.

mod dns;
mod macros;
mod numbers;
mod webhook_url;

pub use numbers::{BackendWeight, DnsWeight, HostnameCount, Percent, Port, RenewalPercent, Ttl, WaitSeconds};
pub use webhook_url::WebhookUrl;

pub(crate) use macros::{checked_text, choice};

use dns::{hostname, label, listener_hostname};

use crate::{
    scalar::{Hints, Scalar, no_nul},
    schema::described,
    value::{Type, Value},
};
use serde::{Deserialize, Serialize};
use std::fmt;

checked_text!(
    /// What a person calls a record: 1 to 253 characters, no control characters. Unique among the live records of its noun.
    Name, name, Hints { min_length: Some(1), max_length: Some(253), pattern: Some(r"^[^\x00-\x1f\x7f-\x9f]*$"), ..Hints::NONE }
);
checked_text!(
    /// A DNS name of the rules of RFC 1123: at most 253 characters in labels of at most 63. Stored in lower case, without a final dot.
    Hostname, hostname, Hints { format: Some("hostname"), max_length: Some(253), ..Hints::NONE }
);
checked_text!(
    /// Labels to put before a domain: `www`, `api.eu`.
    SubDomain, hostname, Hints { format: Some("hostname"), max_length: Some(253), ..Hints::NONE }
);
checked_text!(
    /// An absolute path of a URL without query or fragment. A request matches when its path begins with it, label by label.
    HttpPath, http_path, Hints { pattern: Some("^/([-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})*$"), max_length: Some(1024), ..Hints::NONE }
);
checked_text!(
    /// Name of a Kubernetes Service: a label of RFC 1035.
    ServiceName, service_name, Hints { max_length: Some(63), pattern: Some("^[a-z]([-a-z0-9]*[a-z0-9])?$"), ..Hints::NONE }
);
checked_text!(
    /// Name of a cluster-scoped or namespaced Kubernetes object: a DNS subdomain of RFC 1123.
    ObjectName, hostname, Hints { format: Some("hostname"), max_length: Some(253), ..Hints::NONE }
);
checked_text!(
    /// Name of a listener of a Gateway: a label of RFC 1035.
    ListenerName, service_name, Hints { max_length: Some(63), pattern: Some("^[a-z]([-a-z0-9]*[a-z0-9])?$"), ..Hints::NONE }
);
checked_text!(
    /// The hostname of a listener or a route: a DNS name, or `*.` before one, which stands for all names below it. Stored in lower case, without a final dot.
    ListenerHostname, listener_hostname, Hints { max_length: Some(253), pattern: Some(r"^(\*\.)?[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?)*\.?$"), ..Hints::NONE }
);
checked_text!(
    /// A mail address.
    Email, email, Hints { format: Some("email"), max_length: Some(254), ..Hints::NONE }
);
checked_text!(
    /// An https address of a server.
    Url, url, Hints { format: Some("uri"), max_length: Some(2048), pattern: Some(r"^https://([A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?)*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[-A-Za-z0-9/._~!$&'()*+,;=:@%]*)?$"), ..Hints::NONE }
);

checked_text!(
    /// Where a cluster stands: one of Threeport's locations.
    Location, location, Hints { choices: LOCATIONS, schema: Some(|generator| generator.subschema_for::<Location>()), ..Hints::NONE }
);

/// Threeport's list of locations.
pub const LOCATIONS: &[&str] = &[
    "Local",
    "NorthAmerica:NewYork",
    "NorthAmerica:Chicago",
    "NorthAmerica:LosAngeles",
    "NorthAmerica:Seattle",
    "NorthAmerica:Toronto",
    "Asia:HongKong",
    "Asia:Hyderabad",
    "Asia:Jakarta",
    "Asia:Mumbai",
    "Asia:Osaka",
    "Asia:Seoul",
    "Asia:Singapore",
    "Asia:Tokyo",
    "Asia:Manama",
    "Asia:Dubai",
    "Oceana:Sydney",
    "Oceana:Melbourne",
    "Europe:Frankfurt",
    "Europe:Dublin",
    "Europe:London",
    "Europe:Milan",
    "Europe:Paris",
    "Europe:Madrid",
    "Europe:Stockholm",
    "Europe:Zurich",
    "SouthAmerica",
    "Africa:CapeTown",
];

fn location(text: &str) -> Result<String, String> {
    if LOCATIONS.contains(&text) {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is no location; one of {} is, Local for any cluster", LOCATIONS.join(", ")))
    }
}

fn name(text: &str) -> Result<String, String> {
    match text.chars().count() {
        0 => Err("is empty; give it 1 to 253 characters".into()),
        1..=253 if text.chars().any(char::is_control) => Err("holds a control character; remove it".into()),
        1..=253 => Ok(text.to_owned()),
        many => Err(format!("has {many} characters; 253 are allowed")),
    }
}

fn http_path(text: &str) -> Result<String, String> {
    if !text.starts_with('/') {
        return Err(format!("`{text}` must begin with `/`"));
    }
    if text.len() > 1024 {
        return Err(format!("has {} characters; 1024 are allowed", text.len()));
    }
    // What Gateway API lets a path match hold.
    let plain = |c: char| c.is_ascii_alphanumeric() || "-/._~!$&'()*+,;=:@%".contains(c);
    if let Some(other) = text.chars().find(|c| !plain(*c)) {
        return Err(format!("must not hold `{}`; percent-encode it", other.escape_default()));
    }
    for escape in text.split('%').skip(1) {
        match escape.get(..2) {
            Some("2f" | "2F") => return Err("must not hold `%2F`: the gateway would take it for a slash".into()),
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {}
            _ => return Err("must have two hexadecimal digits after each `%`".into()),
        }
    }
    if text.contains("//") || text.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err("must not hold `//`, `/./` or `/../`: the gateway resolves them before it matches".into());
    }
    Ok(text.to_owned())
}

fn service_name(text: &str) -> Result<String, String> {
    label(text)?;
    match text.as_bytes().first() {
        Some(first) if first.is_ascii_lowercase() => Ok(text.to_owned()),
        _ => Err(format!("`{text}` must begin with a letter")),
    }
}

fn email(text: &str) -> Result<String, String> {
    text.parse::<email_address::EmailAddress>().map_err(|error| error.to_string())?;
    Ok(text.to_owned())
}

/// Only what every reader of addresses takes for the same server: no user, no query, no fragment, no backslash.
fn url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").ok_or("must begin with https://")?;
    let (server, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    if text.len() > 2048 || !is_server(server) {
        return Err("is no https address of a server, such as https://10.0.0.1:6443".into());
    }
    let path = path.trim_end_matches('/');
    if !path.is_empty() {
        http_path(path).map_err(|problem| format!("has a path that {problem}"))?;
    }
    Ok(format!("https://{server}{path}"))
}

/// A name or an address, with a port or without.
fn is_server(server: &str) -> bool {
    let (host, port) = match server.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (server, None),
    };
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.ends_with('.') && hostname(host).is_ok(),
    };
    let digits = |port: &str| port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_port = |port: &str| digits(port) && port.parse::<u16>().is_ok_and(|port| port > 0);
    is_host && port.is_none_or(is_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_one_server_whoever_reads_it() {
        for good in [
            "https://10.0.0.1:6443",
            "https://[::1]:6443",
            "https://[2001:db8::1]",
            "https://api.example.com",
            "https://localhost:1",
            "https://rancher.example/k8s/clusters/c-m-abc",
        ] {
            assert_eq!(good.parse::<Url>().unwrap().as_str(), good);
        }
        assert_eq!("https://10.0.0.1/".parse::<Url>().unwrap().as_str(), "https://10.0.0.1");
        for bad in [
            "",
            "https://",
            "http://10.0.0.1",
            "ftp://a",
            "https:///x",
            "https://:6443",
            "https://user:pw@host",
            "https://user@host",
            "https://host:99999",
            "https://host:0",
            "https://host.",
            "https://host:000443",
            "https://host:",
            "https://host:+1",
            "https://host:1:2",
            r"https://127.0.0.1\@evil",
            "https://host#x",
            "https://host?x",
            "https://host/?x",
            "https://host/#x",
            "https://ho st",
            "https://host/a b",
            "https://[::1",
            "https://::1",
            "https://[10.0.0.1]",
            "https://[::1]6443",
            "https://host/a/../b",
            "https://host//b",
            "https://host\n",
            "https://hôst",
            "https://host/%2f",
        ] {
            assert!(bad.parse::<Url>().is_err(), "{bad}");
        }
    }

    #[test]
    fn paths_are_absolute_and_plain() {
        for good in ["/", "/api", "/api/v1/", "/a%20b", "/a:b@c;d=(e)"] {
            assert!(good.parse::<HttpPath>().is_ok(), "{good}");
        }
        for bad in
            ["", "api", "/a b", "/a?x", "/a#b", "/a//b", "/a/../b", "/ä", "/a\"b", "/a%", "/a%2", "/a%zz", "/a%2Fb"]
        {
            assert!(bad.parse::<HttpPath>().is_err(), "{bad}");
        }
    }
}
