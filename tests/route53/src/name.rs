//! Domain names as Route53 reads, orders and writes them.

use std::{cmp::Ordering, fmt};

use hickory_server::proto::rr;

/// A fully qualified domain name in lower case, as its labels without escapes.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Name {
    labels: Vec<Vec<u8>>,
}

impl Name {
    /// Reads a name with or without the final dot; `\ooo` stands for the character with that octal code.
    ///
    /// Returns `None` for what DNS can't hold: an empty label, one above 63 bytes, more than 255 bytes together.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut labels = vec![Vec::new()];
        let mut rest = text.as_bytes();
        while let Some((&byte, tail)) = rest.split_first() {
            rest = tail;
            match byte {
                b'.' => labels.push(Vec::new()),
                b'\\' => {
                    let (code, tail) = rest.split_at_checked(3)?;
                    rest = tail;
                    let code = u8::from_str_radix(std::str::from_utf8(code).ok()?, 8).ok()?;
                    labels.last_mut()?.push(code.to_ascii_lowercase());
                }
                b'!'..=b'~' => labels.last_mut()?.push(byte.to_ascii_lowercase()),
                _ => return None,
            }
        }
        if labels.len() > 1 && labels.last().is_some_and(Vec::is_empty) {
            labels.pop();
        }
        let length: usize = labels.iter().map(|label| label.len() + 1).sum::<usize>() + 1;
        let fits = length <= 255 && labels.iter().all(|label| (1..=63).contains(&label.len()));
        fits.then_some(Self { labels })
    }

    /// The same name as DNS sends it: its labels. `None` for the root.
    pub(crate) fn from_labels<'a>(labels: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let labels: Vec<_> = labels.map(<[u8]>::to_ascii_lowercase).collect();
        (!labels.is_empty()).then_some(Self { labels })
    }

    pub(crate) fn to_dns(&self) -> rr::Name {
        let mut name = rr::Name::from_labels(self.labels.iter().map(Vec::as_slice)).unwrap_or_default();
        name.set_fqdn(true);
        name
    }

    /// This name, the one above it, and so on to the last one below the root.
    pub(crate) fn ancestors(&self) -> impl Iterator<Item = Self> {
        (0..self.labels.len()).map(|above| Self { labels: self.labels[above..].to_vec() })
    }

    /// The wildcard below this name.
    pub(crate) fn wildcard(&self) -> Self {
        Self { labels: std::iter::once(b"*".to_vec()).chain(self.labels.iter().cloned()).collect() }
    }

    /// How many labels it has.
    pub(crate) fn depth(&self) -> usize {
        self.labels.len()
    }

    /// Whether this is `zone` itself or below it. `xexample.test` is not in `example.test`.
    pub(crate) fn is_within(&self, zone: &Self) -> bool {
        self.labels.ends_with(&zone.labels)
    }

    /// Whether every label could be a host's or a service's: letters, digits, hyphens, underscores.
    pub(crate) fn is_plain(&self) -> bool {
        self.labels.iter().flatten().all(|&byte| is_plain(byte))
    }
}

/// By the last label first: the order in which Route53 lists.
impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.labels.iter().rev().cmp(other.labels.iter().rev())
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// With the final dot, and every character but letters, digits, `-` and `_` as an escape: a wildcard is `\052.`.
impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for label in &self.labels {
            for &byte in label {
                match is_plain(byte) {
                    true => write!(out, "{}", char::from(byte))?,
                    false => write!(out, "\\{byte:03o}")?,
                }
            }
            write!(out, ".")?;
        }
        Ok(())
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    #[test]
    fn names_are_equal_whatever_their_case_their_dot_and_their_escapes() {
        assert_eq!(name("WWW.Example.test"), name("www.example.test."));
        assert_eq!(name("*.example.test"), name("\\052.example.test"));
        assert_eq!(name("*.example.test").to_string(), "\\052.example.test.");
    }

    #[test]
    fn a_name_is_in_a_zone_by_whole_labels() {
        assert!(name("a.example.test").is_within(&name("example.test")));
        assert!(name("example.test").is_within(&name("example.test")));
        assert!(!name("xexample.test").is_within(&name("example.test")));
    }

    #[test]
    fn names_are_listed_by_their_reversed_labels() {
        let mut names = ["b.a.test", "a.b.test", "a.test", "*.a.test", "z.a.test"].map(name);
        names.sort();
        assert_eq!(
            names.map(|name| name.to_string()),
            ["a.test.", "\\052.a.test.", "b.a.test.", "z.a.test.", "a.b.test."]
        );
    }

    #[test]
    fn what_dns_cannot_hold_is_no_name() {
        let long = "a".repeat(64);
        for text in ["", ".", "a..b", "a b.test", "a\\9.test", "\\05", &long] {
            assert_eq!(Name::parse(text), None, "{text:?}");
        }
    }
}
