//! Texts that are checked once and valid ever after: names, hostnames, paths, ports and the like.

use crate::{
    scalar::{Hints, Scalar, no_nul, number},
    schema::described,
    value::{Type, Value},
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A text column whose values pass a check. The check may also normalise (hostnames are lower-cased).
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $check:path, $hints:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                $check(text).map(Self)
            }
        }
        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl Scalar for $name {
            const TYPE: Type = Type::Text;
            const HINTS: Hints = $hints;
            const EMPTY_IS_NONE: bool = true;
            fn to_value(&self) -> Value {
                Value::Text(self.0.clone())
            }
            // What is stored passed the rules of its day.
            fn from_value(value: Value) -> Result<Self, String> {
                match value {
                    Value::Text(text) => Ok(Self(text)),
                    other => Err(format!("expected text, got {other:?}")),
                }
            }
            // A filter may ask for what no record can have.
            fn parse(text: &str) -> Result<Self, String> {
                no_nul(text)?;
                Ok(Self(text.to_owned()))
            }
        }
        described!($name);
    };
}

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

fn hostname(text: &str) -> Result<String, String> {
    let host = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    if host.is_empty() {
        return Err("is empty; give a DNS name such as shop.example.org".into());
    }
    if host.len() > 253 {
        return Err(format!("has {} characters; a DNS name has at most 253", host.len()));
    }
    host.split('.').try_for_each(label)?;
    Ok(host)
}

fn label(label: &str) -> Result<(), String> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    match label.as_bytes() {
        [] => Err("has an empty label; remove the extra dot".into()),
        bytes if bytes.len() > 63 => Err(format!("label `{label}` has {} characters; 63 are allowed", bytes.len())),
        bytes if !bytes.iter().all(|byte| inner(*byte)) => {
            Err(format!("label `{label}` may hold letters, digits and hyphens only"))
        }
        [b'-', ..] | [.., b'-'] => Err(format!("label `{label}` must not begin or end with a hyphen")),
        _ => Ok(()),
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

/// A number column whose values lie in a range.
macro_rules! ranged {
    ($(#[$doc:meta])* $name:ident, $min:literal..=$max:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "i64", into = "i32")]
        pub struct $name(i32);

        impl $name {
            /// The number.
            pub const fn get(self) -> i32 {
                self.0
            }
        }
        impl Default for $name {
            fn default() -> Self {
                Self($min)
            }
        }
        impl TryFrom<i64> for $name {
            type Error = String;
            fn try_from(number: i64) -> Result<Self, String> {
                i32::try_from(number)
                    .ok()
                    .filter(|number| ($min..=$max).contains(number))
                    .map(Self)
                    .ok_or_else(|| format!("{number} is out of range; {} to {} are allowed", $min, $max))
            }
        }
        impl From<$name> for i32 {
            fn from(value: $name) -> i32 {
                value.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl Scalar for $name {
            const TYPE: Type = Type::Int4;
            const HINTS: Hints =
                Hints { format: Some("int32"), minimum: Some($min), maximum: Some($max), ..Hints::NONE };
            fn to_value(&self) -> Value {
                Value::Int4(self.0)
            }
            fn from_value(value: Value) -> Result<Self, String> {
                match value {
                    Value::Int4(number) => Ok(Self(number)),
                    other => Err(format!("expected int4, got {other:?}")),
                }
            }
            fn parse(text: &str) -> Result<Self, String> {
                number(text).map(Self)
            }
        }
    };
}

ranged!(
    /// A TCP or UDP port.
    Port, 1..=65535
);
ranged!(
    /// Seconds for which a DNS answer may be kept.
    Ttl, 1..=604_800
);

/// An enumeration stored as text.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[doc = $vdoc:literal])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[doc = $vdoc])* #[serde(rename = $text)] $variant),*
        }
        impl $name {
            /// Every choice, the default first.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// As on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }
        impl Default for $name {
            fn default() -> Self { Self::ALL[0] }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }
        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|choice| choice.as_str() == text).ok_or_else(|| {
                    format!("`{text}` is none of {}", [$($text),*].join(", "))
                })
            }
        }
        impl $crate::scalar::Scalar for $name {
            const TYPE: $crate::value::Type = $crate::value::Type::Text;
            const HINTS: $crate::scalar::Hints = $crate::scalar::Hints {
                choices: &[$($text),*],
                meanings: &[$(concat!($($vdoc),*).trim_ascii()),*],
                schema: Some(|generator| generator.subschema_for::<$name>()),
                ..$crate::scalar::Hints::NONE
            };
            fn to_value(&self) -> $crate::value::Value { $crate::value::Value::Text(self.as_str().to_owned()) }
            fn from_value(value: $crate::value::Value) -> Result<Self, String> {
                match value {
                    $crate::value::Value::Text(text) => text.parse(),
                    other => Err(format!("expected text, got {other:?}")),
                }
            }
            fn parse(text: &str) -> Result<Self, String> { text.parse() }
        }
        $crate::schema::described!($name);
    };
}
pub(crate) use choice;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostnames_follow_the_rfc() {
        let ok = |text: &str| text.parse::<Hostname>().unwrap().to_string();
        assert_eq!(ok("Shop.Example.ORG."), "shop.example.org");
        assert_eq!(ok("a-1.b2"), "a-1.b2");
        for bad in ["", "a..b", "-a.b", "a-.b", "a_b.c", "a b", "*.a.b", &"a".repeat(64), &"abc.".repeat(75)] {
            assert!(bad.parse::<Hostname>().is_err(), "{bad}");
        }
    }

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
    fn ports_have_a_range_and_say_so() {
        assert_eq!(Port::try_from(65535).unwrap().get(), 65535);
        assert_eq!(Port::try_from(-1).unwrap_err(), "-1 is out of range; 1 to 65535 are allowed");
        assert!(Port::try_from(4_294_967_297).is_err());
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
