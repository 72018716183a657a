//! A record set, and what Route53 accepts as its content.

use std::{
    collections::HashSet,
    net::{Ipv4Addr, Ipv6Addr},
};

use crate::name::Name;

/// Record types that can be written. Anything else is refused.
const KINDS: [&str; 17] = [
    "A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SPF", "SRV", "SSHFP", "SVCB",
    "TLSA", "TXT",
];
const MAX_TTL: i64 = 2_147_483_647;

/// What makes a record set different from the others of a zone. The order is that of listings.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Key {
    pub(crate) name: Name,
    pub(crate) kind: String,
    /// `None` for the simple routing policy.
    pub(crate) set_identifier: Option<String>,
}

/// A record set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct RecordSet {
    pub(crate) key: Key,
    pub(crate) routing: Option<Routing>,
    pub(crate) content: Content,
    pub(crate) health_check: Option<String>,
}

/// How Route53 chooses among the sets of one name and type.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Routing {
    Weight(i64),
    Region(String),
    Failover(String),
    MultiValue,
}

/// What a record set answers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Content {
    Values { ttl: i64, values: Vec<String> },
    Alias { zone: String, target: Name, evaluate_health: bool },
}

impl Key {
    /// As Route53 names a record set in messages.
    pub(crate) fn quoted(&self) -> String {
        let identifier = self.set_identifier.iter().map(|id| format!(", set identifier='{id}'")).collect::<String>();
        format!("[name='{}', type='{}'{identifier}]", self.name, self.kind)
    }
}

impl RecordSet {
    /// What is wrong with this set taken by itself, in Route53's words.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let Key { name, kind, set_identifier } = &self.key;
        if !KINDS.contains(&kind.as_str()) {
            problems.push(format!("'{kind}' is not a valid record type"));
        }
        if set_identifier.is_some() != self.routing.is_some() {
            let identifier = set_identifier.as_deref().unwrap_or("null");
            problems.push(format!(
                "RRSet with DNS name {name}, type {kind}, SetIdentifier {identifier} must have a SetIdentifier and exactly \
                 one routing policy, or neither"
            ));
        }
        if let Some(id) = set_identifier.as_ref().filter(|id| !(1..=128).contains(&id.len())) {
            problems.push(format!("SetIdentifier {id} has {} characters and not 1 to 128", id.len()));
        }
        if let Some(Routing::Weight(weight)) = self.routing
            && !(0..=255).contains(&weight)
        {
            problems.push(format!("Weight {weight} is not between 0 and 255"));
        }
        if let Content::Values { ttl, values } = &self.content {
            if !(0..=MAX_TTL).contains(ttl) {
                problems.push(format!("Invalid TTL {ttl}"));
            }
            problems.extend(value_problems(&self.key, values));
        }
        problems
    }
}

fn value_problems(key: &Key, values: &[String]) -> Vec<String> {
    let mut problems: Vec<String> = values
        .iter()
        .filter_map(|value| {
            let fault = fault(&key.kind, value)?;
            Some(format!("Invalid Resource Record: 'FATAL problem: {fault} encountered with '{value}''"))
        })
        .collect();
    if values.iter().collect::<HashSet<_>>().len() < values.len() {
        problems.push(format!("Duplicate Resource Record in {}", key.quoted()));
    }
    if key.kind == "CNAME" && values.len() > 1 {
        problems.push(format!("{} has more than one value", key.quoted()));
    }
    problems
}

/// What is wrong with one value of a record of this type.
fn fault(kind: &str, value: &str) -> Option<&'static str> {
    let name = |text: &str| Name::parse(text).is_some_and(|name| name.is_plain());
    let number = |text: &str| text.parse::<u16>().is_ok();
    let parts: Vec<&str> = value.split_whitespace().collect();
    let (good, fault) = match kind {
        "A" => (value.parse::<Ipv4Addr>().is_ok(), "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)"),
        "AAAA" => {
            (value.parse::<Ipv6Addr>().is_ok(), "AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)")
        }
        "CNAME" | "NS" | "PTR" => (name(value), "DomainNameIllegal (Value is not a valid domain name)"),
        "MX" => (
            matches!(parts[..], [preference, host] if number(preference) && name(host)),
            "MXRRDATAIllegal (Value is not a preference and a domain name)",
        ),
        "SRV" => (
            matches!(parts[..], [a, b, c, host] if [a, b, c].into_iter().all(number) && name(host)),
            "SRVRRDATAIllegal (Value is not a priority, weight, port and domain name)",
        ),
        "TXT" | "SPF" => return text_fault(value),
        _ => (!value.trim().is_empty(), "RRDATAMissing (Value is empty)"),
    };
    (!good).then_some(fault)
}

/// TXT data is a row of quoted strings of at most 255 bytes, with `\"`, `\\` and `\ooo` as escapes.
fn text_fault(value: &str) -> Option<&'static str> {
    const QUOTES: Option<&str> = Some("InvalidCharacterString (Value should be enclosed in quotation marks)");
    const LENGTH: Option<&str> = Some("CharacterStringTooLong (Value is too long)");
    if value.len() > 4000 {
        return LENGTH;
    }
    match strings(value) {
        None => QUOTES,
        Some(strings) if strings.iter().any(|string| string.len() > 255) => LENGTH,
        Some(_) => None,
    }
}

/// The strings of TXT data, without quotes and escapes; `None` when it isn't a row of them.
pub(crate) fn strings(value: &str) -> Option<Vec<Vec<u8>>> {
    let mut rest = value.trim();
    let mut strings = vec![];
    while !rest.is_empty() || strings.is_empty() {
        let (string, tail) = quoted(rest.strip_prefix('"')?)?;
        strings.push(string);
        rest = tail.trim_start();
    }
    Some(strings)
}

/// What stands before the closing quotation mark, and what comes after it.
fn quoted(text: &str) -> Option<(Vec<u8>, &str)> {
    let mut string = vec![];
    let mut rest = text;
    loop {
        let next = rest.chars().next()?;
        let (taken, after) = rest.split_at(next.len_utf8());
        rest = after;
        match next {
            '"' => return Some((string, rest)),
            '\\' => {
                let code = rest.get(..3).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
                let escaped = code.map_or(rest.chars().next()?.len_utf8(), str::len);
                let (escaped, after) = rest.split_at(escaped);
                match code {
                    Some(code) => string.push(u8::from_str_radix(code, 8).ok()?),
                    None => string.extend(escaped.bytes()),
                }
                rest = after;
            }
            _ => string.extend(taken.bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_follow_the_syntax_of_their_type() {
        let good = [
            ("A", "192.0.2.1"),
            ("AAAA", "2001:db8::1"),
            ("CNAME", "lb.example.test"),
            ("MX", "10 mail.example.test"),
            ("SRV", "1 2 443 host.example.test"),
            ("TXT", "\"heritage=external-dns,external-dns/owner=me\""),
            ("TXT", r#""a\"b" "c""#),
        ];
        for (kind, value) in good {
            assert_eq!(fault(kind, value), None, "{kind} {value}");
        }
        let long = format!("\"{}\"", "x".repeat(256));
        let bad = [
            ("A", "192.0.2.256"),
            ("A", "2001:db8::1"),
            ("AAAA", "192.0.2.1"),
            ("CNAME", "not a name"),
            ("MX", "mail.example.test"),
            ("SRV", "1 2 host.example.test"),
            ("TXT", "unquoted"),
            ("TXT", "\"open"),
            ("TXT", "\"a\" b"),
            ("TXT", &long),
        ];
        for (kind, value) in bad {
            assert!(fault(kind, value).is_some(), "{kind} {value}");
        }
    }
}
